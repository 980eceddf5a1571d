#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/deadline.hpp"

namespace tributary::verify {

namespace asio = boost::asio;

/// A target key, each column as text.
using Key = std::vector<std::string>;

/// Keys from `low` on and before `high`; nullopt: no bound.
struct Interval {
  std::optional<Key> low;
  std::optional<Key> high;
};

struct RangeSum {
  std::int64_t rows = 0;
  std::string sum;  ///< of the rows' digests
  friend bool operator==(const RangeSum&, const RangeSum&) = default;
};

/// One mapping's rows of a tenancy in one database. Statements are those of mapping/compare_sql.hpp.
/// Threads: one loop, one call at a time. Errors: what the database's client throws.
class Side {
 public:
  virtual ~Side() = default;

  /// Key of every `step`-th row of the interval but its first, in order, looking at no more than `most` rows.
  virtual asio::awaitable<std::vector<Key>> boundaries(Interval interval, std::int64_t step, std::int64_t most) = 0;
  /// Of each range that these keys divide the interval into: one more than there are keys. REQUIRES: at most kMostBounds, in order.
  virtual asio::awaitable<std::vector<RangeSum>> checksums(Interval interval, std::span<const Key> bounds) = 0;
  /// Of every row of the interval.
  virtual asio::awaitable<std::map<Key, std::string>> digests(Interval interval) = 0;

  static constexpr std::size_t kMostBounds = 1'023;
};

/// What stands at a key: digests of its columns, each with a comma behind it. nullopt: no row.
using Columns = std::optional<std::string>;

class DestinationSide : public Side {
 public:
  /// Highest sequence id applied; -1: none.
  virtual asio::awaitable<std::int64_t> watermark(Deadline deadline) = 0;
  virtual asio::awaitable<std::vector<Columns>> columns(std::span<const Key> keys) = 0;
};

class SourceSide : public Side {
 public:
  struct Found {
    Columns columns;
    bool pending = false;  ///< a change of it is yet to be sequenced, or beyond the watermark
  };
  virtual asio::awaitable<std::vector<Found>> look(std::span<const Key> keys, std::int64_t watermark) = 0;
  /// Makes rows due again: those of `rows` as they are, and those of `ghosts` as if they had been deleted. Whatever is alive when its tombstone is read
  /// stays. In one transaction.
  virtual asio::awaitable<void> mend(std::span<const Key> rows, std::span<const Key> ghosts) = 0;
};

}  // namespace tributary::verify
