#include "verify/start_over.hpp"

#include <vector>

#include "destination/clickhouse/watermarks.hpp"
#include "mapping/clickhouse_sql.hpp"

namespace tributary::verify {
namespace {

namespace ch = tributary::clickhouse;

constexpr std::string_view kStartOver = R"sql(
UPDATE public._stack_sync_metadata
SET last_synced_sequence_id = -1, generation = generation + 1, loading = false, complete_until = NULL, complete_through = -1, updated_at = now()
WHERE mapping_name = $1 AND installation_id = $2 AND tenancy_id = $3)sql";

}  // namespace

asio::awaitable<void> start_over(postgres::Connection& destination, Uuid installation, Uuid tenancy, std::string mapping,
                                 Deadline deadline) {
  postgres::Params params;
  params.add(mapping).add(installation).add(tenancy);
  std::vector<postgres::Command> commands;
  commands.push_back({.sql = "SET TRANSACTION READ WRITE", .params = {}, .prepare = false});
  commands.push_back({.sql = kStartOver, .params = std::move(params), .prepare = false});
  co_await destination.execute_pipeline(std::move(commands), deadline);
}

asio::awaitable<void> start_over(ch::Client& writer, Uuid tenancy, std::string mapping, Deadline deadline) {
  const auto positions = co_await destination::clickhouse_target::stored_positions_of(writer, tenancy, deadline);
  const auto position = positions.find(mapping);
  if (position == positions.end()) co_return;
  namespace target = destination::clickhouse_target;
  auto block = target::make_watermark_block();
  target::append_watermark(block, {.tenancy = tenancy,
                                   .mapping = mapping,
                                   .generation = position->second.generation + 1,
                                   .watermark = -1,
                                   .complete_until = std::nullopt});
  std::vector<std::byte> body;
  block.serialise(body);
  co_await writer.execute({.text = mapping::clickhouse::insert_metadata_sql(),
                           .settings = {{"async_insert", "0"}},
                           .data = std::span<const std::byte>(body),
                           .retryable = true},
                          deadline);
}

}  // namespace tributary::verify
