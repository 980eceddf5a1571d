#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/backoff.hpp"
#include "destination/destination.hpp"
#include "queue/queue.hpp"

/// What to do with which outcome: pure decisions, apart from the doing.
namespace tributary::sync {

/// The retry policy, all of it: how long a (tenancy, destination, mapping) rests after its n-th failure in a row.
/// Everything is tried again by itself: what an operator or a customer mends (a password, a dropped column) recovers without being told. `refused` starts
/// where `unavailable` gets to after a few failures, as it seldom goes away within a second.
inline std::chrono::milliseconds retry_delay(destination::FailureKind kind, int failures, const Backoff& backoff, double random) {
  constexpr int kRefusedStartsAs = 2;
  return backoff.delay(kind == destination::FailureKind::refused ? failures + kRefusedStartsAs : failures, random);
}

/// Workers overtake each other when a lease has run out, and seldom twice. Who is overtaken so often in a row has something else in its database that moves
/// watermarks back or holds them.
inline constexpr int kMostOvertaken = 5;

/// How many changes of a mapping a destination is given at once, after it was given `given`, where `allowed` were, which took `took`; nullopt: longer than
/// `limit`. Half as many then, or one whose merge is slow would never get anywhere. More again while twice as many are likely to take half of the limit.
inline std::int64_t rows_at_once(std::int64_t allowed, std::int64_t given, std::optional<std::chrono::milliseconds> took,
                                 std::chrono::milliseconds limit) {
  if (!took) return std::max<std::int64_t>(std::min(allowed, given) / 2, 1);
  return given >= allowed && *took * 4 < limit ? allowed * 2 : allowed;
}

/// The same at a destination that failed so often in a row, where this process does not know better: it may have been given too many.
inline std::int64_t rows_at_first(int failures, std::int64_t few, std::int64_t most) {
  return failures == 0 ? most : std::clamp<std::int64_t>(few >> std::min(failures - 1, 62), 1, most);
}

/// How long the other destinations of a tenancy wait for one whose batches usually take so long; nullopt: that is not known.
inline std::chrono::milliseconds patience_with(std::optional<std::chrono::milliseconds> usual, std::chrono::milliseconds most) {
  constexpr std::chrono::milliseconds kLeast{50};
  constexpr int kTimes = 8;
  return usual ? std::min(std::max(*usual * kTimes, kLeast), most) : most;
}

/// What is usual when one more batch took so long: a slower one counts at once, quicker ones little by little.
inline std::chrono::milliseconds usual_after(std::optional<std::chrono::milliseconds> usual, std::chrono::milliseconds took) {
  return !usual || took > *usual ? took : (*usual * 7 + took) / 8;
}

/// The failure concerns the whole destination, not the mapping that met it: no connection, no server, no room.
inline bool concerns_whole_destination(const destination::Failure& failure) {
  const std::string_view state = failure.sqlstate;
  if (failure.kind == destination::FailureKind::row) return false;
  if (state.empty()) return true;
  const auto state_class = state.substr(0, 2);
  return state_class == "08" || state_class == "28" || state_class == "3D" || state_class == "53" || state_class == "57" ||
         state_class == "58";
}

/// What a claim's remembered states say about a destination, or one mapping of it.
enum class Readiness {
  ready,  ///< nothing known against it
  retry,  ///< it failed, and its next try has come
  resting,  ///< it failed, or is being worked on, and its next try has not come
  paused,
};
inline Readiness readiness(const queue::Claim& claim, std::string_view destination, std::string_view mapping) {
  for (const auto& state : claim.states) {
    if (state.destination != destination || state.mapping != mapping || state.quarantined > 0) continue;
    if (state.paused) return Readiness::paused;
    return state.due ? Readiness::retry : Readiness::resting;
  }
  return Readiness::ready;
}

inline int failures_so_far(const queue::Claim& claim, std::string_view destination, std::string_view mapping) {
  for (const auto& state : claim.states) {
    if (state.destination == destination && state.mapping == mapping && state.quarantined == 0) return state.attempts;
  }
  return 0;
}

}  // namespace tributary::sync
