#include <gtest/gtest.h>

#include "support/torture.hpp"

/// Short forms of what `make torture` does for longer. The seed decides; a failure shows it.
namespace tributary::test {
namespace {

TEST(Fault, ANetworkThatFailsAtAnyByteLosesNothing) {
  const TortureParams params{.binary = TRIBUTARY_BINARY, .rounds = 2, .seed = 20261127};
  SCOPED_TRACE("seed " + std::to_string(params.seed));
  EXPECT_NO_THROW(torture_network(params));
}

// Invariant 4: a worker that was stopped, and whose work others have done since, goes on where it was.
TEST(Fault, AZombieThatWakesUpWritesNothingOldOverNew) {
  const TortureParams params{.binary = TRIBUTARY_BINARY, .rounds = 4, .seed = 20261130};
  SCOPED_TRACE("seed " + std::to_string(params.seed));
  EXPECT_NO_THROW(torture_zombies(params));
}

}  // namespace
}  // namespace tributary::test
