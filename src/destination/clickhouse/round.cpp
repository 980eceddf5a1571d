#include "destination/clickhouse/round.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "destination/clickhouse/watermarks.hpp"

namespace tributary::destination::clickhouse_target {
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
  auto block = make_watermark_block();
  for (const auto& waiter : waiters) {
    for (const auto& watermark : waiter->watermarks)
      append_watermark(block, {.tenancy = watermark.tenancy,
                               .mapping = watermark.mapping->name,
                               .generation = watermark.generation,
                               .watermark = watermark.through,
                               .complete_until = watermark.complete_until});
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
