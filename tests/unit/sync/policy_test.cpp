#include "sync/policy.hpp"

#include <gtest/gtest.h>

namespace tributary::sync {
namespace {

using destination::Failure;
using destination::FailureKind;
using namespace std::chrono_literals;

constexpr Backoff kBackoff{100ms, 10s};

queue::Claim claim_with(std::vector<queue::DestinationState> states) {
  queue::Claim claim;
  claim.states = std::move(states);
  return claim;
}

TEST(RetryPolicy, WaitsLongerAfterEachFailureUpToItsLongest) {
  for (const auto kind : {FailureKind::unavailable, FailureKind::refused, FailureKind::row}) {
    auto before = 0ms;
    for (int failures = 1; failures < 70; ++failures) {
      const auto delay = retry_delay(kind, failures, kBackoff, 0.5);
      EXPECT_GE(delay, before);
      EXPECT_LE(delay, kBackoff.longest);
      before = delay;
    }
    EXPECT_GE(before, kBackoff.longest / 2);
  }
}

TEST(RetryPolicy, TriesWhatSomebodyMustMendMoreRarely) {
  EXPECT_GT(retry_delay(FailureKind::refused, 1, kBackoff, 0.5), retry_delay(FailureKind::unavailable, 1, kBackoff, 0.5));
}

TEST(Patience, IsSeveralTimesWhatIsUsualAndNeverMoreThanTheMost) {
  EXPECT_EQ(patience_with(std::nullopt, 500ms), 500ms);
  EXPECT_EQ(patience_with(20ms, 500ms), 160ms);
  EXPECT_EQ(patience_with(1s, 500ms), 500ms);
  EXPECT_EQ(patience_with(10ms, 20ms), 20ms);
  EXPECT_GE(patience_with(0ms, 500ms), 20ms) << "a server may stall for a moment, and being left behind costs two statements";
}

TEST(Patience, GrowsAtOnceWithASlowerBatchAndShrinksLittleByLittle) {
  EXPECT_EQ(usual_after(std::nullopt, 7ms), 7ms);
  EXPECT_EQ(usual_after(7ms, 100ms), 100ms);
  auto usual = 100ms;
  for (int batch = 0; batch < 100; ++batch) {
    const auto after = usual_after(usual, 3ms);
    EXPECT_LE(after, usual);
    EXPECT_GE(after, usual / 2);
    usual = after;
  }
  EXPECT_LE(usual, 10ms);
}

/// What becomes of a backlog at a destination that takes so long for each row: batches that ended in time, batches that did not.
std::pair<int, int> work_off(std::int64_t backlog, std::chrono::milliseconds each, std::int64_t& allowed) {
  constexpr auto kLimit = 1'000ms;
  int in_time = 0;
  int too_late = 0;
  while (backlog > 0 && in_time + too_late < 10'000) {
    const auto given = std::min(allowed, backlog);
    const auto took = each * given;
    const bool ended = took <= kLimit;
    allowed = rows_at_once(allowed, given, ended ? std::optional(took) : std::nullopt, kLimit);
    ++(ended ? in_time : too_late);
    if (ended) backlog -= given;
  }
  return {in_time, too_late};
}

TEST(RowsAtOnce, ABatchThatDoesNotEndInTimeIsHalvedUntilItDoes) {
  std::int64_t allowed = 50'000;
  const auto [in_time, too_late] = work_off(2'000, 2ms, allowed);
  EXPECT_EQ(too_late, 2);  // 2,000 and 1,000: what it was given counts, not what it was allowed
  EXPECT_EQ(in_time, 4);
  EXPECT_EQ(work_off(2'000, 2ms, allowed).second, 0) << "once it fits, no batch is too large again";
}

TEST(RowsAtOnce, GrowAgainWhereTheyAreFast) {
  std::int64_t allowed = 1;
  EXPECT_EQ(work_off(1'000'000, 0ms, allowed).second, 0);
  EXPECT_GE(allowed, 50'000);
}

TEST(RowsAtOnce, BeginWithFewWhereItFailedBefore) {
  EXPECT_EQ(rows_at_first(0, 256, 50'000), 50'000);
  EXPECT_EQ(rows_at_first(1, 256, 50'000), 256);
  EXPECT_EQ(rows_at_first(3, 256, 50'000), 64);
  EXPECT_EQ(rows_at_first(1'000, 256, 50'000), 1);
  EXPECT_EQ(rows_at_first(1, 256, 100), 100);
}

TEST(RowsAtOnce, AreNeverNone) {
  EXPECT_EQ(rows_at_once(50'000, 1, std::nullopt, 1s), 1);
  EXPECT_EQ(rows_at_once(1, 500, std::nullopt, 1s), 1);
}

TEST(RetryPolicy, SpreadsRetriesOverHalfOfTheDelay) {
  EXPECT_EQ(retry_delay(FailureKind::unavailable, 3, kBackoff, 0.0), 200ms);
  EXPECT_EQ(retry_delay(FailureKind::unavailable, 3, kBackoff, 0.999999), 399ms);
}

TEST(Blame, AConnectionOrAFullDiskConcernsTheWholeDestination) {
  for (const auto* state : {"", "08006", "28P01", "3D000", "53100", "57P01", "58030"}) {
    EXPECT_TRUE(concerns_whole_destination({.kind = FailureKind::unavailable, .sqlstate = state, .message = ""})) << state;
  }
}

TEST(Blame, ATableOrARowConcernsItsMapping) {
  EXPECT_FALSE(concerns_whole_destination({.kind = FailureKind::refused, .sqlstate = "42P01", .message = ""}));
  EXPECT_FALSE(concerns_whole_destination({.kind = FailureKind::unavailable, .sqlstate = "55P03", .message = ""}));
  EXPECT_FALSE(concerns_whole_destination({.kind = FailureKind::row, .sqlstate = "23514", .message = ""}));
}

TEST(Readiness, NothingKnownIsReady) { EXPECT_EQ(readiness(claim_with({}), "d", "users"), Readiness::ready); }

TEST(Readiness, RestsUntilItsNextTryHasCome) {
  queue::DestinationState state{.destination = "d", .mapping = "users", .attempts = 2, .due = false};
  EXPECT_EQ(readiness(claim_with({state}), "d", "users"), Readiness::resting);
  EXPECT_EQ(readiness(claim_with({state}), "d", "teams"), Readiness::ready);
  EXPECT_EQ(readiness(claim_with({state}), "e", "users"), Readiness::ready);
  state.due = true;
  EXPECT_EQ(readiness(claim_with({state}), "d", "users"), Readiness::retry);
  state.paused = true;
  EXPECT_EQ(readiness(claim_with({state}), "d", "users"), Readiness::paused);
}

TEST(Readiness, QuarantinedKeysDoNotHoldTheirMappingBack) {
  const queue::DestinationState state{.destination = "d", .mapping = "users", .due = false, .quarantined = 3};
  EXPECT_EQ(readiness(claim_with({state}), "d", "users"), Readiness::ready);
}

}  // namespace
}  // namespace tributary::sync
