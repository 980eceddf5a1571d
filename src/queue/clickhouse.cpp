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
constexpr std::int64_t kAtOnce = 5'000;

constexpr std::string_view kNote = R"sql(
UPDATE tributary.installation
SET clickhouse_stores = array_append(clickhouse_stores, $1)
WHERE $1 <> ALL (clickhouse_stores))sql";

constexpr std::string_view kResume = R"sql(
WITH due AS (
  UPDATE tributary.destination_state
  SET next_try_at = clock_timestamp()
  WHERE destination_id = '@clickhouse' AND next_try_at > clock_timestamp() AND error <> '' AND NOT paused
  RETURNING tenancy_id
)
SELECT tributary.enqueue_for(array_agg(tenancy_id), 'clickhouse'), pg_notify('tributary_queue', '')::text FROM due)sql";

}  // namespace

asio::awaitable<void> use_clickhouse(postgres::Connection& connection, bool used, Deadline deadline) {
  postgres::Params params;
  params.add(used);
  co_await connection.execute(kUse, std::move(params), deadline);
}

asio::awaitable<bool> fill_clickhouse(postgres::Connection& connection, std::string store, Deadline deadline) {
  postgres::Params name;
  name.add(store);
  const auto known = co_await connection.execute_prepared(kIsKnown, name, deadline);
  if (!known.empty() && known.get<bool>(0, 0)) co_return false;
  for (std::optional<Uuid> after = Uuid{}; after;) {
    postgres::Params params;
    params.add(*after).add(kAtOnce);
    after = (co_await connection.execute_prepared(kEnqueueNext, std::move(params), deadline)).get<std::optional<Uuid>>(0, 0);
  }
  co_await connection.execute_prepared(kNote, name, deadline);
  co_await connection.execute("SELECT pg_notify('tributary_queue', '')", deadline);
  co_return true;
}

asio::awaitable<std::uint64_t> resume_clickhouse(postgres::Connection& connection, Deadline deadline) {
  const auto result = co_await connection.execute_prepared(kResume, {}, deadline);
  co_return static_cast<std::uint64_t>(result.get<std::int64_t>(0, 0));
}

}  // namespace tributary::queue
