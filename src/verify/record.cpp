#include "verify/record.hpp"

namespace tributary::verify {
namespace {

constexpr std::string_view kRead = R"sql(
SELECT mapping, next_key, rows, differences, undecided
FROM tributary.verification
WHERE tenancy_id = $1 AND destination_id = $2)sql";

constexpr std::string_view kWrite = R"sql(
INSERT INTO tributary.verification AS v (tenancy_id, destination_id, mapping, next_key, rows, differences, undecided)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenancy_id, destination_id, mapping) DO UPDATE
SET next_key = EXCLUDED.next_key,
    rows = EXCLUDED.rows,
    differences = EXCLUDED.differences,
    undecided = EXCLUDED.undecided,
    started_at = CASE WHEN $8 THEN now() ELSE v.started_at END,
    updated_at = now())sql";

}  // namespace

asio::awaitable<Records> read_records(postgres::Connection& source, Uuid tenancy, std::string destination, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination);
  const auto result = co_await source.execute(kRead, std::move(params), deadline);
  Records records;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    records[result.get<std::string>(row, 0)] = {.rows = result.get<std::int64_t>(row, 2),
                                                .differences = result.get<std::int64_t>(row, 3),
                                                .undecided = result.get<std::int64_t>(row, 4),
                                                .next = result.get<std::optional<std::vector<std::string>>>(row, 1)};
  }
  co_return records;
}

asio::awaitable<void> write_record(postgres::Connection& source, Uuid tenancy, std::string destination, std::string mapping,
                                   const Progress& progress, bool begins, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy).add(destination).add(mapping);
  if (progress.next)
    params.add_array(std::span<const std::string>(*progress.next));
  else
    params.add_null(postgres::oid::kTextArray);
  params.add(progress.rows).add(progress.differences).add(progress.undecided).add(begins);
  co_await source.execute_prepared(kWrite, std::move(params), deadline);
}

}  // namespace tributary::verify
