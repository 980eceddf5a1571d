#include <gtest/gtest.h>

#include "support/torture.hpp"

namespace tributary::test {
namespace {

// Invariant 10. `make torture` does the same with 200 rounds.
TEST(Kill, AtAnyInstructionLosesNothing) {
  const TortureParams params{.binary = TRIBUTARY_BINARY, .rounds = 10, .seed = 20261123};
  EXPECT_NO_THROW(torture(params));
}

}  // namespace
}  // namespace tributary::test
