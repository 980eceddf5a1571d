#include "queue/clickhouse.hpp"

#include <optional>

#include "base/uuid.hpp"

namespace tributary::queue {
namespace {

constexpr std::string_view kUse = R"sql(
WITH switched AS (
  UPDATE tributary.installation
  SET clickhouse = $1,
      clickhouse_stores = CASE WHEN $1 THEN '{}' ELSE clickhouse_stores END
  WHERE clickhouse <> $1
  RETURNING clickhouse
), dropped AS (
  DELETE FROM "OutgoingRequest"
  WHERE "destinationKind" = 'clickhouse' AND EXISTS (SELECT FROM switched WHERE NOT clickhouse)
)
DELETE FROM tributary.destination_state
WHERE destination_id = '@clickhouse' AND EXISTS (SELECT FROM switched WHERE NOT clickhouse))sql";

constexpr std::string_view kIsKnown = "SELECT $1 = ANY (clickhouse_stores) FROM tributary.installation";
constexpr std::string_view kEnqueueNext = "SELECT tributary.enqueue_next_for_clickhouse($1, $2)";
/// Sequencers that enqueue one of them wait for the end of it.
constexpr std::int64_t kAtOnce = 5'000;

constexpr std::string_view kNote = R"sql(
UPDATE tributary.installation
SET clickhouse_stores = array_append(clickhouse_stores, $1)
WHERE $1 <> ALL (clickhouse_stores))sql";

constexpr std::string_view kResume = R"sql(
WITH due AS (
  UPDATE tributary.destination_state
  SET next_try_at = clock_timestamp()
  WHERE ctid = ANY (ARRAY(
    SELECT s.ctid
    FROM tributary.destination_state AS s
    WHERE s.destination_id = '@clickhouse' AND s.next_try_at > clock_timestamp() AND s.error <> '' AND NOT s.paused
    LIMIT $1
    FOR UPDATE SKIP LOCKED))
  RETURNING tenancy_id
)
SELECT (SELECT count(*) FROM due),
       tributary.enqueue_for((SELECT array_agg(tenancy_id) FROM due), 'clickhouse'),
       pg_notify('tributary_queue', '')::text)sql";

}  // namespace

asio::awaitable<void> use_clickhouse(postgres::Connection& connection, bool used, Deadline deadline) {
  postgres::Params params;
  params.add(used);
  co_await connection.execute(kUse, std::move(params), deadline);
}

asio::awaitable<bool> fill_clickhouse(postgres::Connection& connection, std::string store, std::chrono::milliseconds step_time,
                                      std::stop_token stop) {
  postgres::Params name;
  name.add(store);
  const auto known = co_await connection.execute_prepared(kIsKnown, name, Deadline::after(step_time));
  if (!known.empty() && known.get<bool>(0, 0)) co_return false;
  for (std::optional<Uuid> after = Uuid{}; after;) {
    if (stop.stop_requested()) co_return false;
    postgres::Params params;
    params.add(*after).add(kAtOnce);
    const auto next = co_await connection.execute_prepared(kEnqueueNext, std::move(params), Deadline::after(step_time));
    after = next.get<std::optional<Uuid>>(0, 0);
  }
  co_await connection.execute_prepared(kNote, name, Deadline::after(step_time));
  co_await connection.execute("SELECT pg_notify('tributary_queue', '')", Deadline::after(step_time));
  co_return true;
}

asio::awaitable<void> resume_clickhouse(postgres::Connection& connection, std::chrono::milliseconds step_time,
                                        std::stop_token stop) {
  for (std::int64_t due = 1; due > 0 && !stop.stop_requested();) {
    postgres::Params params;
    params.add(kAtOnce);
    due = (co_await connection.execute_prepared(kResume, std::move(params), Deadline::after(step_time))).get<std::int64_t>(0, 0);
  }
}

}  // namespace tributary::queue
