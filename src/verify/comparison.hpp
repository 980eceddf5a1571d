#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "verify/side.hpp"

namespace tributary::verify {

/// A key that stands at the destination otherwise than in the source.
struct Difference {
  enum class Kind {
    missing,  ///< the destination lacks it
    changed,
    extra,  ///< the source lacks it
  };
  Kind kind = Kind::missing;
  Key key;
  std::vector<std::size_t> columns;  ///< places of those that differ, where it is changed
};

struct ComparisonParams {
  std::int64_t range_rows = 1'024;  ///< of the source in each range; ranges that differ and are no larger are read row by row
  std::size_t ranges_at_once =
      Side::kMostBounds + 1;  ///< in one statement: after each the comparison can be stopped and told how far it is
  std::chrono::milliseconds patience{60'000};  ///< for rows on their way, all together
};

/// What was found so far.
struct Progress {
  std::int64_t rows = 0;         ///< of the source
  std::int64_t differences = 0;
  std::int64_t undecided = 0;    ///< keys that were still on their way when patience ended
  std::optional<Key> next;       ///< where to go on; nullopt: all is done
};

/// Compares one mapping of one tenancy in the source with a destination, both in use: checksums of ranges in both databases, those that differ divided
/// until they are small, their rows looked at one by one. Memory: one statement's ranges, and one range's rows.
///
/// A key counts as a difference only if no change of it is on its way: the destination is looked at first, then the source, whose row must have been sequenced
/// at or below the watermark that the destination had before that. Until then it is looked at again. So beside any stream of changes nothing false is found.
///
/// Lifetime: the sides outlive run(). Threads: their loop. Errors: what the sides throw, out of run(), and what the callbacks throw.
class Comparison {
 public:
  using Found = std::function<asio::awaitable<void>(std::vector<Difference>)>;
  using Advanced = std::function<asio::awaitable<void>(const Progress&)>;

  /// `found`: differences, a few at a time. `advanced`: now and then.
  Comparison(SourceSide& source, DestinationSide& destination, ComparisonParams params, Found found, Advanced advanced);

  /// From `next` of the progress given, whose numbers are added to; from the beginning where that is no key, or one of no columns. Returns early at `stop`.
  asio::awaitable<Progress> run(Progress begun, std::stop_token stop);

 private:
  asio::awaitable<void> compare(Interval interval, std::vector<Key> bounds, bool counts);
  asio::awaitable<void> narrow(Interval range, std::int64_t expected, std::int64_t actual);
  asio::awaitable<void> list(Interval range);
  asio::awaitable<void> settle(std::vector<Key> keys);

  SourceSide& source_;
  DestinationSide& destination_;
  const ComparisonParams params_;
  const Found found_;
  const Advanced advanced_;
  Progress progress_;
  std::chrono::milliseconds waited_{0};
  std::stop_token stop_;
};

/// Mends the differences of one mapping by the ordinary way: rows are made due again, and what the source lacks gets a tombstone.
asio::awaitable<void> repair(SourceSide& source, const std::vector<Difference>& differences);

}  // namespace tributary::verify
