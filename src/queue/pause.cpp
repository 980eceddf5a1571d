#include "queue/pause.hpp"

#include <vector>

namespace tributary::queue {
namespace {

constexpr std::string_view kPause = R"sql(
INSERT INTO tributary.destination_state AS s (tenancy_id, destination_id, mapping, paused)
SELECT g.tenancy_id, g.destination_id, $3, true
FROM unnest($1::uuid[], $2::text[]) AS g (tenancy_id, destination_id)
ON CONFLICT (tenancy_id, destination_id, mapping) DO UPDATE
SET paused = true,
    failed_since = CASE WHEN s.error = '' THEN now() ELSE s.failed_since END,
    updated_at = now()
WHERE NOT s.paused)sql";

// What had failed before the pause is still on record as failed, and due.
constexpr std::string_view kEndPause = R"sql(
WITH given AS (
  SELECT * FROM unnest($1::uuid[], $2::text[]) AS g (tenancy_id, destination_id)
), healthy AS (
  DELETE FROM tributary.destination_state AS s
  USING given AS g
  WHERE s.tenancy_id = g.tenancy_id AND s.destination_id = g.destination_id AND ($3 = '' OR s.mapping = $3)
    AND s.paused AND s.error = ''
  RETURNING s.tenancy_id, s.destination_id
), failed AS (
  UPDATE tributary.destination_state AS s
  SET paused = false, next_try_at = clock_timestamp(), updated_at = now()
  FROM given AS g
  WHERE s.tenancy_id = g.tenancy_id AND s.destination_id = g.destination_id AND ($3 = '' OR s.mapping = $3)
    AND s.paused AND s.error <> ''
  RETURNING s.tenancy_id, s.destination_id
), ended AS (
  SELECT * FROM healthy UNION ALL SELECT * FROM failed
)
SELECT count(*),
       tributary.enqueue_for(array_agg(tenancy_id) FILTER (WHERE destination_id <> '@clickhouse'), 'postgres'),
       tributary.enqueue_for(array_agg(tenancy_id) FILTER (WHERE destination_id = '@clickhouse'), 'clickhouse'),
       pg_notify('tributary_queue', '')::text
FROM ended)sql";

}  // namespace

postgres::Params name_params(std::span<const DestinationName> destinations) {
  std::vector<Uuid> tenancies;
  std::vector<std::string> names;
  for (const auto& name : destinations) {
    tenancies.push_back(name.tenancy);
    names.push_back(name.destination);
  }
  postgres::Params params;
  params.add_array(std::span<const Uuid>(tenancies)).add_array(std::span<const std::string>(names));
  return params;
}

asio::awaitable<std::uint64_t> pause(postgres::Connection& connection, std::span<const DestinationName> destinations,
                                     std::string mapping, Deadline deadline) {
  auto params = name_params(destinations);
  params.add(mapping);
  const auto result = co_await connection.execute(kPause, std::move(params), deadline);
  co_return result.affected_rows();
}

asio::awaitable<std::uint64_t> end_pause(postgres::Connection& connection, std::span<const DestinationName> destinations,
                                         std::string mapping, Deadline deadline) {
  auto params = name_params(destinations);
  params.add(mapping);
  const auto result = co_await connection.execute(kEndPause, std::move(params), deadline);
  co_return static_cast<std::uint64_t>(result.get<std::int64_t>(0, 0));
}

}  // namespace tributary::queue
