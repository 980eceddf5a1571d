#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <vector>

#include "base/event.hpp"
#include "destination/clickhouse/writer.hpp"

/// Inside of Writer: what it collects until it is sent.
namespace tributary::destination::clickhouse_target {

namespace ch = tributary::clickhouse;
namespace pg = tributary::postgres;

/// A table that is written: constant.
struct Table {
  Table(const mapping::Mapping& source, const std::string& hash_key);
  const mapping::Mapping& mapping;
  const RowShape shape;
  const std::string insert;
};

/// A caller whose rows are in a round. Shared, as he may be gone at his deadline before the round is.
struct Waiter {
  explicit Waiter(asio::any_io_executor executor) : done(std::move(executor)) {}
  Event done;
  bool is_done = false;
  Outcome outcome;
  std::vector<const Table*> tables;            ///< in which he has rows
  std::vector<Writer::Watermark> watermarks;   ///< to be moved once these are acknowledged
};

/// What is sent together.
struct Round {
  std::map<const Table*, ch::Block> blocks;
  std::vector<std::shared_ptr<Waiter>> waiters;
  std::chrono::steady_clock::time_point begun;  ///< when the first of them came

  std::size_t bytes() const;
  ch::Block& block_of(const Table& table);
  /// Those who do not wait for a table that failed; the others are told that it did.
  std::vector<std::shared_ptr<Waiter>> without(const std::map<const Table*, Failure>& failures) const;
};

/// The rows of mapping::clickhouse::insert_metadata_sql() that move these watermarks.
ch::Block watermark_block(std::span<const std::shared_ptr<Waiter>> waiters);

/// Why rows of a mapping cannot be written, whatever the server: a column is to be hashed, and there is no key.
std::optional<Failure> lacks_key(const mapping::Mapping& mapping, const std::string& hash_key);

}  // namespace tributary::destination::clickhouse_target
