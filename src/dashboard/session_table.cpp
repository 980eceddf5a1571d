#include "dashboard/session_table.hpp"

#include "directory/projects.hpp"

namespace tributary::dashboard {
namespace {

using std::chrono::milliseconds;

// SKIP LOCKED, as two that sign in at once must not wait for each other in different orders.
constexpr std::string_view kInsert = R"sql(
WITH over AS (
  DELETE FROM tributary.dashboard_session
  WHERE id IN (
    SELECT s.id
    FROM tributary.dashboard_session AS s
    WHERE s.ends_at <= clock_timestamp()
       OR s.id IN (SELECT o.id
                   FROM tributary.dashboard_session AS o
                   WHERE o.key_hash = decode($3, 'hex')
                   ORDER BY o.begun_at DESC
                   OFFSET $5 - 1)
    FOR UPDATE SKIP LOCKED)
)
INSERT INTO tributary.dashboard_session (id, project_id, key_hash, ends_at)
VALUES (decode($1, 'hex'), nullif($2, ''), decode($3, 'hex'), clock_timestamp() + $4 * interval '1 millisecond')
RETURNING (extract(epoch FROM ends_at) * 1000)::bigint)sql";

constexpr std::string_view kFind = R"sql(
SELECT coalesce(project_id, ''), encode(key_hash, 'hex'), (extract(epoch FROM ends_at) * 1000)::bigint
FROM tributary.dashboard_session
WHERE id = decode($1, 'hex') AND ends_at > clock_timestamp())sql";

constexpr std::string_view kDelete = "DELETE FROM tributary.dashboard_session WHERE id = decode($1, 'hex')";

std::chrono::sys_time<milliseconds> moment(std::int64_t millis) {
  return std::chrono::sys_time<milliseconds>(milliseconds(millis));
}

}  // namespace

asio::awaitable<void> insert_session(postgres::Connection& source, Session& session, milliseconds lifetime, Deadline deadline) {
  postgres::Params params;
  params.add(session.id).add(session.project).add(session.key).add(lifetime.count()).add(kMostSessionsOfKey);
  const auto result = co_await source.execute(kInsert, std::move(params), deadline);
  session.ends = moment(result.get<std::int64_t>(0, 0));
}

asio::awaitable<std::optional<Session>> find_session(postgres::Connection& source, std::string id, Deadline deadline) {
  postgres::Params params;
  params.add(id);
  const auto result = co_await source.execute_prepared(kFind, std::move(params), deadline);
  if (result.rows() == 0) co_return std::nullopt;
  Session session{.id = std::move(id),
                  .project = result.get<std::string>(0, 0),
                  .key = result.get<std::string>(0, 1),
                  .ends = moment(result.get<std::int64_t>(0, 2))};
  if (session.project.empty() || session.project == directory::kInternalProject) session.access = http::Access::operator_;
  co_return session;
}

asio::awaitable<void> delete_session(postgres::Connection& source, std::string id, Deadline deadline) {
  postgres::Params params;
  params.add(id);
  co_await source.execute(kDelete, std::move(params), deadline);
}

}  // namespace tributary::dashboard
