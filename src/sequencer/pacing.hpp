#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <span>

#include "base/uuid.hpp"

/// When to look, and whom to wait for: decisions without I/O and without a clock of their own.
namespace tributary::sequencer {

using Clock = std::chrono::steady_clock;

/// Decides whether the application's transactions should notify. Being notified of each change is the fastest way to learn of a few, but NOTIFY makes commits queue
/// behind each other: when many come, better to look by oneself.
class Alarm {
 public:
  /// A notification came.
  void rang(Clock::time_point now);
  /// So many came of late that they should be switched off.
  bool too_often() const { return count_ >= kMost; }
  void reset() { count_ = 0; }

 private:
  static constexpr int kMost = 16;
  static constexpr std::chrono::milliseconds kWindow{50};
  Clock::time_point window_start_{};
  int count_ = 0;
};

/// Pauses between looks that found nothing (or nothing that could be done): 2, 4, 8 … ms. A transaction whose trigger ran just before sleep was announced,
/// and which commits just after the look that followed, is so found after at most about as long as it took.
class Pause {
 public:
  explicit Pause(std::chrono::milliseconds longest) : longest_(longest) {}
  void reset() { next_ = kFirst; }
  std::chrono::milliseconds next();

 private:
  static constexpr std::chrono::milliseconds kFirst{2};
  std::chrono::milliseconds longest_;
  std::chrono::milliseconds next_{kFirst};
};

/// How long to leave off after a batch that took all there was, given how long it took. The next one is so worth its fixed cost under load, and what this one set in
/// motion (a claim, a read) gets the processor.
std::chrono::microseconds rest_after(Clock::duration batch);

/// Counts for how many looks on end a tenancy has been listed though everything of it that was free had been numbered. Bounded by the tenancies
/// that the last looks listed.
class Patience {
 public:
  explicit Patience(int passes) : passes_(passes) {}

  /// A look at the tenancies from `first` to `last` listed these (in order): all others there have nothing left.
  void listed(const Uuid& first, const Uuid& last, std::span<const Uuid> tenancies);
  /// Everything free of this tenancy was numbered after it was listed.
  void numbered(const Uuid& tenancy);
  /// Its turn to have a locked row waited for.
  bool ended(const Uuid& tenancy) const;
  /// It was waited for. In vain: twice as many passes until the next time.
  void waited(const Uuid& tenancy, bool in_vain);

 private:
  static constexpr int kMostPasses = 1'024;
  struct Count {
    int passes = 0;
    int limit;
  };
  int passes_;
  std::map<Uuid, Count> counts_;
};

}  // namespace tributary::sequencer
