#pragma once
#include <chrono>

namespace tributary {

/// A point in time by which a call must be done. One is made at the edge (a setting, a request) and handed down through
/// every call that waits, so nested calls share what is left instead of each starting a time-out of its own.
/// After userver's engine::Deadline. Value type; distinct and shared objects are safe to read from any thread.
class Deadline {
 public:
  using Clock = std::chrono::steady_clock;

  static Deadline at(Clock::time_point when) { return Deadline{when}; }
  /// A duration too long for the clock is never().
  static Deadline after(Clock::duration duration) {
    const auto now = Clock::now();
    return duration < Clock::time_point::max() - now ? Deadline{now + duration} : never();
  }
  /// Only for a wait that is ended by something else (a stop request, a notification).
  static Deadline never() { return Deadline{Clock::time_point::max()}; }

  Clock::time_point when() const { return when_; }
  bool is_never() const { return when_ == Clock::time_point::max(); }
  bool expired() const { return !is_never() && Clock::now() >= when_; }
  /// Zero once expired.
  Clock::duration remaining() const {
    if (is_never()) return Clock::duration::max();
    const auto left = when_ - Clock::now();
    return left.count() > 0 ? left : Clock::duration::zero();
  }
  /// The earlier of this and `duration` from now.
  Deadline capped(Clock::duration duration) const {
    const auto other = after(duration);
    return other.when_ < when_ ? other : *this;
  }

 private:
  explicit Deadline(Clock::time_point when) : when_(when) {}
  Clock::time_point when_;
};

}  // namespace tributary
