#include <benchmark/benchmark.h>

#include <stdexcept>

#include "base/embedded.hpp"
#include "destination/change.hpp"
#include "postgres/copy.hpp"

// What every row costs us between the source's COPY and the destination's: a look at its first two fields; and for small batches the
// transposition into one array a column.
namespace tributary {
namespace {

using destination::Change;

void append_field(std::vector<std::byte>& tuple, std::string_view bytes) {
  postgres::append_int32(tuple, static_cast<std::int32_t>(bytes.size()));
  const auto raw = std::as_bytes(std::span(bytes));
  tuple.insert(tuple.end(), raw.begin(), raw.end());
}

mapping::Mapping users() {
  for (const auto& file : embedded_mappings()) {
    if (file.name == "users.yaml") return *mapping::parse(file.text, file.name).mapping;
  }
  throw std::logic_error("no users.yaml");
}

/// A changed user as the source sends it: sequence id, is_deleted, ten columns, about 270 bytes.
std::vector<std::byte> user_tuple(const mapping::Mapping& mapping) {
  const auto columns = destination::TargetShape(mapping).columns;
  std::vector<std::byte> tuple;
  postgres::append_int16(tuple, static_cast<std::int16_t>(columns.size() + 2));
  append_field(tuple, std::string_view("\0\0\0\0\0\0\0\1", 8));
  append_field(tuple, std::string_view("\0", 1));
  for (const auto& column : columns) {
    switch (column.type) {
      case mapping::ColumnType::uuid:
        append_field(tuple, "0123456789abcdef");
        break;
      case mapping::ColumnType::boolean:
        append_field(tuple, std::string_view("\1", 1));
        break;
      case mapping::ColumnType::timestamp:
        append_field(tuple, "01234567");
        break;
      default:
        append_field(tuple, "\1{\"customer\": \"cus_1234\", \"credits\": 42}");
        break;
    }
  }
  return tuple;
}

void parse_change(benchmark::State& state) {
  const auto tuple = user_tuple(users());
  for (auto _ : state) benchmark::DoNotOptimize(destination::parse_change(tuple));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(tuple.size()));
}
BENCHMARK(parse_change);

void column_arrays(benchmark::State& state) {
  const auto mapping = users();
  const destination::TargetShape shape(mapping);
  const auto tuple = user_tuple(mapping);
  for (auto _ : state) {
    destination::ColumnArrays arrays(shape);
    for (int i = 0; i < state.range(0); ++i) arrays.add(destination::parse_change(tuple));
    benchmark::DoNotOptimize(arrays.upserts());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(column_arrays)->Arg(1)->Arg(16)->Arg(256);

void batch_append(benchmark::State& state) {
  const auto tuple = user_tuple(users());
  postgres::CopyBatch batch;
  for (auto _ : state) {
    batch.clear();
    for (int i = 0; i < 1'000; ++i) batch.append_row(tuple);
    benchmark::DoNotOptimize(batch.bytes().data());
  }
  state.SetItemsProcessed(state.iterations() * 1'000);
}
BENCHMARK(batch_append);

}  // namespace
}  // namespace tributary
