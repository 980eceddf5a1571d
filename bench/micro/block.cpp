#include <benchmark/benchmark.h>

#include "clickhouse/block.hpp"
#include "postgres/copy.hpp"

// What a row costs on its way into ClickHouse: its fields, as PostgreSQL's COPY brings them, become values of columns. Beside it what cannot be beaten: the
// same bytes copied as they are.
namespace tributary {
namespace {

using clickhouse::ColumnType;

constexpr std::size_t kRows = 1'000;

std::vector<clickhouse::ColumnDefinition> columns() {
  return {{"project_id", ColumnType::string},
          {"branch_id", ColumnType::string},
          {"id", ColumnType::uuid},
          {"display_name", ColumnType::string, true},
          {"profile_image_url", ColumnType::string, true},
          {"primary_email", ColumnType::string, true},
          {"primary_email_verified", ColumnType::boolean},
          {"signed_up_at", ColumnType::milliseconds},
          {"client_metadata", ColumnType::json_text},
          {"client_read_only_metadata", ColumnType::json_text},
          {"server_metadata", ColumnType::json_text},
          {"is_anonymous", ColumnType::boolean},
          {"sync_sequence_id", ColumnType::int64},
          {"sync_is_deleted", ColumnType::boolean}};
}

/// The ten columns of a user that come from the source, about 250 bytes.
std::vector<std::byte> user_tuple() {
  constexpr std::string_view kJson = "\1{\"customer\": \"cus_1234\", \"credits\": 42}";
  std::vector<std::byte> tuple;
  postgres::append_int16(tuple, 10);
  for (const std::string_view field :
       {std::string_view("0123456789abcdef"), std::string_view("Grace Hopper"),
        std::string_view("https://images.example.com/u/1234567.png"), std::string_view("grace.hopper@example.com"),
        std::string_view("\1"), std::string_view("01234567"), kJson, kJson, kJson, std::string_view("\1")}) {
    postgres::append_int32(tuple, static_cast<std::int32_t>(field.size()));
    const auto raw = std::as_bytes(std::span(field));
    tuple.insert(tuple.end(), raw.begin(), raw.end());
  }
  return tuple;
}

void append(clickhouse::Block& block, std::span<const std::byte> tuple, std::int64_t sequence_id) {
  postgres::TupleView view(tuple);
  block.append_text(0, "6fbbf22e-f4b2-4c6e-95a1-beab6fa41063");
  block.append_text(1, "main");
  for (std::size_t field = 0; field < view.fields(); ++field) block.append(2 + field, view.next());
  block.append_int64(12, sequence_id);
  block.append_boolean(13, false);
  block.end_row();
}

void count(benchmark::State& state, std::size_t tuple_size) {
  const auto rows = state.iterations() * static_cast<std::int64_t>(kRows);
  state.SetItemsProcessed(rows);
  state.SetBytesProcessed(rows * static_cast<std::int64_t>(tuple_size));
}

void block_append(benchmark::State& state) {
  const auto tuple = user_tuple();
  clickhouse::Block block(columns());
  for (auto _ : state) {
    block.clear();
    for (std::size_t row = 0; row < kRows; ++row) append(block, tuple, static_cast<std::int64_t>(row));
    benchmark::DoNotOptimize(block.rows());
  }
  count(state, tuple.size());
}
BENCHMARK(block_append);

void block_append_and_serialise(benchmark::State& state) {
  const auto tuple = user_tuple();
  clickhouse::Block block(columns());
  std::vector<std::byte> bytes;
  for (auto _ : state) {
    block.clear();
    bytes.clear();
    for (std::size_t row = 0; row < kRows; ++row) append(block, tuple, static_cast<std::int64_t>(row));
    block.serialise(bytes);
    benchmark::DoNotOptimize(bytes.data());
  }
  count(state, tuple.size());
}
BENCHMARK(block_append_and_serialise);

void block_baseline_memcpy(benchmark::State& state) {
  const auto tuple = user_tuple();
  std::vector<std::byte> bytes;
  for (auto _ : state) {
    bytes.clear();
    for (std::size_t row = 0; row < kRows; ++row) bytes.insert(bytes.end(), tuple.begin(), tuple.end());
    benchmark::DoNotOptimize(bytes.data());
  }
  count(state, tuple.size());
}
BENCHMARK(block_baseline_memcpy);

}  // namespace
}  // namespace tributary
