#include "verify/start_over.hpp"

#include <optional>
#include <vector>

#include "clickhouse/block.hpp"
#include "clickhouse/row_reader.hpp"
#include "mapping/clickhouse_sql.hpp"

namespace tributary::verify {
namespace {

namespace ch = tributary::clickhouse;

constexpr std::string_view kStartOver = R"sql(
UPDATE public._stack_sync_metadata
SET last_synced_sequence_id = -1, generation = generation + 1, loading = false, complete_until = NULL, complete_through = -1, updated_at = now()
WHERE mapping_name = $1 AND installation_id = $2 AND tenancy_id = $3)sql";

asio::awaitable<std::optional<std::int64_t>> generation_of(ch::Client& writer, Uuid tenancy, std::string_view mapping,
                                                           Deadline deadline) {
  const Uuid one[] = {tenancy};
  ch::Query query{.text = mapping::clickhouse::read_metadata_sql() + "\nFORMAT RowBinary", .retryable = true};
  query.params.add("tenancies", std::span<const Uuid>(one));
  const auto result = co_await writer.execute(std::move(query), deadline);
  for (ch::RowReader row(result.body); row.more();) {
    row.uuid();
    const bool wanted = row.string() == mapping;
    const auto generation = row.int64();
    row.int64();
    if (!row.null()) row.int64();
    row.int64();
    if (wanted) co_return generation;
  }
  co_return std::nullopt;
}

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
  const auto generation = co_await generation_of(writer, tenancy, mapping, deadline);
  if (!generation) co_return;
  using enum ch::ColumnType;
  ch::Block block({{.name = "tenancy_id", .type = uuid},
                   {.name = "mapping_name", .type = string},
                   {.name = "generation", .type = int64},
                   {.name = "last_synced_sequence_id", .type = int64},
                   {.name = "complete_until", .type = microseconds, .nullable = true},
                   {.name = "complete_through", .type = int64}});
  block.append(0, std::as_bytes(std::span(tenancy.bytes)));
  block.append_text(1, mapping);
  block.append_int64(2, *generation + 1);
  block.append_int64(3, -1);
  block.append_default(4);
  block.append_int64(5, -1);
  block.end_row();
  std::vector<std::byte> body;
  block.serialise(body);
  co_await writer.execute({.text = mapping::clickhouse::insert_metadata_sql(),
                           .settings = {{"async_insert", "0"}},
                           .data = std::span<const std::byte>(body),
                           .retryable = true},
                          deadline);
}

}  // namespace tributary::verify
