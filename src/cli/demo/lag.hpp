#pragma once
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>

namespace tributary::cli::demo {

/// Lags that were measured of late, at most so many. Pure: the caller brings the clock. One thread.
class LagWindow {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMost = 20'000;

  void add(Clock::time_point seen, Clock::duration lag);
  /// The exact quantile `q` (0 to 1) of those seen since then; nullopt where there is none.
  std::optional<Clock::duration> quantile(double q, Clock::time_point since) const;
  std::size_t count(Clock::time_point since) const;

 private:
  struct Sample {
    Clock::time_point seen;
    Clock::duration lag;
  };
  std::deque<Sample> samples_;  // in order of `seen`
};

}  // namespace tributary::cli::demo
