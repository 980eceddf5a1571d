#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "mapping/mapping.hpp"
#include "telemetry/metrics.hpp"

namespace tributary::dashboard {

/// What this process's metrics say of throughput and lag, second by second. Pure: the clock is given. One loop.
/// Lifetime: `metrics` outlives it. Memory: a few hundred KiB.
class Rates {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Wall = std::chrono::sys_time<std::chrono::milliseconds>;
  static constexpr std::chrono::seconds kEvery{1};        ///< a sample is to be taken
  static constexpr std::chrono::seconds kThroughput{5};   ///< it is averaged over
  static constexpr std::chrono::seconds kLag{60};         ///< whose lags are told
  static constexpr std::chrono::seconds kHistory{600};

  Rates(telemetry::Metrics& metrics, std::span<const mapping::Mapping> mappings);

  void sample(Time now, Wall wall);

  // As docs/dashboard.md has them.
  boost::json::value throughput() const;  ///< null before the second sample
  boost::json::object lag() const;
  boost::json::object lag_since_start() const;
  boost::json::object history() const;
  boost::json::object last_point() const;  ///< REQUIRES: !empty()
  bool empty() const { return history_.empty(); }

 private:
  struct Sample {
    Time at;
    std::uint64_t applied_rows = 0;
    std::uint64_t applied_bytes = 0;
    std::uint64_t sequenced_rows = 0;
    std::uint64_t failures = 0;
    telemetry::Distribution lag;
  };
  struct Point {
    Wall at;
    std::optional<double> applied_rows;  ///< a second
    std::optional<double> sequenced_rows;
    std::optional<double> lag_p50_ms;
    std::optional<double> lag_p99_ms;
  };
  using Counters = std::vector<std::reference_wrapper<telemetry::Counter>>;

  Sample read(Time now) const;
  /// The newest of those that are at least so old, or the oldest.
  const Sample& before(std::chrono::seconds age) const;

  Counters applied_rows_;
  Counters applied_bytes_;
  Counters sequenced_rows_;
  Counters failures_;
  std::vector<std::reference_wrapper<telemetry::Histogram>> lag_;
  std::deque<Sample> samples_;  ///< of kLag, oldest first
  std::deque<Point> history_;
};

}  // namespace tributary::dashboard
