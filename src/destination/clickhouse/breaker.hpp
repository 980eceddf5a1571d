#pragma once
#include <chrono>
#include <optional>
#include <utility>

#include "base/backoff.hpp"
#include "destination/destination.hpp"

namespace tributary::destination::clickhouse_target {

/// Circuit breaker of the one server that all tenancies share: after a failure nobody waits for it until a single probe has found it well again.
/// A plain state machine: the caller brings time and randomness.
class Breaker {
 public:
  using Clock = std::chrono::steady_clock;

  /// `probe`: a probe that was not heard of for so long is taken for lost, and another one is let through.
  Breaker(Backoff backoff, std::chrono::milliseconds probe) : backoff_(backoff), probe_(probe) {}

  /// What to tell a caller instead of trying; nullopt: try, and say how it went. Once the pause is over one caller is let through, the others are not.
  std::optional<Failure> refuses(Clock::time_point now) {
    if (!failure_) return std::nullopt;
    if (now < closed_until_) return failure_;
    closed_until_ = now + probe_;
    probing_ = true;
    return std::nullopt;
  }

  void succeeded() {
    failure_.reset();
    failures_ = 0;
    probing_ = false;
  }

  /// `random`: uniform in [0, 1).
  void failed(Failure failure, Clock::time_point now, double random) {
    const bool counts = !failure_ || probing_;  // not what was under way already when it opened
    failure_ = std::move(failure);
    if (!counts) return;
    probing_ = false;
    closed_until_ = now + backoff_.delay(++failures_, random);
  }

  bool is_open() const { return failure_.has_value(); }

 private:
  const Backoff backoff_;
  const std::chrono::milliseconds probe_;
  std::optional<Failure> failure_;  ///< open
  Clock::time_point closed_until_;  ///< nobody is let through before
  int failures_ = 0;  ///< in a row
  bool probing_ = false;
};

}  // namespace tributary::destination::clickhouse_target
