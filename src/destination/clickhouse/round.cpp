#include "destination/clickhouse/round.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace tributary::destination::clickhouse_target {
namespace {

/// As PostgreSQL sends a timestamp: microseconds since 2000.
std::array<std::byte, 8> timestamp_field(pg::Timestamp time) {
  constexpr std::int64_t kMicrosecondsTo2000 = 946'684'800'000'000;
  const auto value = static_cast<std::uint64_t>(time.time_since_epoch().count() - kMicrosecondsTo2000);
  std::array<std::byte, 8> bytes;
  for (std::size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(value >> (56 - 8 * i));
  return bytes;
}

}  // namespace

Table::Table(const mapping::Mapping& source, const std::string& hash_key)
    : mapping(source), shape(source, hash_key), insert(mapping::clickhouse::insert_sql(source)) {}

std::size_t Round::bytes() const {
  std::size_t sum = 0;
  for (const auto& [table, block] : blocks) sum += block.bytes();
  return sum;
}

ch::Block& Round::block_of(const Table& table) {
  const auto found = blocks.find(&table);
  return found != blocks.end() ? found->second : blocks.emplace(&table, table.shape.make_block()).first->second;
}

std::vector<std::shared_ptr<Waiter>> Round::without(const std::map<const Table*, Failure>& failures) const {
  std::vector<std::shared_ptr<Waiter>> rest;
  for (const auto& waiter : waiters) {
    const auto failed = std::ranges::find_if(waiter->tables, [&](const Table* table) { return failures.contains(table); });
    if (failed == waiter->tables.end())
      rest.push_back(waiter);
    else
      waiter->outcome = {.verdict = Verdict::failed, .failure = failures.at(*failed)};
  }
  return rest;
}

ch::Block watermark_block(std::span<const std::shared_ptr<Waiter>> waiters) {
  using enum ch::ColumnType;
  ch::Block block({{.name = "tenancy_id", .type = uuid},
                   {.name = "mapping_name", .type = string},
                   {.name = "generation", .type = int64},
                   {.name = "last_synced_sequence_id", .type = int64},
                   {.name = "complete_until", .type = microseconds, .nullable = true},
                   {.name = "complete_through", .type = int64}});
  for (const auto& waiter : waiters) {
    for (const auto& watermark : waiter->watermarks) {
      block.append(0, std::as_bytes(std::span(watermark.tenancy.bytes)));
      block.append_text(1, watermark.mapping->name);
      block.append_int64(2, watermark.generation);
      block.append_int64(3, watermark.through);
      if (watermark.complete_until) {
        const auto field = timestamp_field(*watermark.complete_until);
        block.append(4, std::span<const std::byte>(field));
      } else {
        block.append_default(4);
      }
      block.append_int64(5, watermark.complete_until ? watermark.through : -1);
      block.end_row();
    }
  }
  return block;
}

std::optional<Failure> lacks_key(const mapping::Mapping& mapping, const std::string& hash_key) {
  const auto columns = mapping.columns_for(mapping::DestinationKind::clickhouse);
  const auto found = std::ranges::find(columns, mapping::Privacy::hash, &mapping::Column::clickhouse_privacy);
  if (!hash_key.empty() || found == columns.end()) return std::nullopt;
  return Failure{.kind = FailureKind::refused,
                 .sqlstate = "55000",
                 .message = fmt::format("column \"{}\" of mapping {} is to be hashed, and there is no key for that: set "
                                        "clickhouse.hash_key; none of its rows is written until then",
                                        found->name, mapping.name)};
}

}  // namespace tributary::destination::clickhouse_target
