#include <gtest/gtest.h>

#include "support/clickhouse.hpp"
#include "support/torture.hpp"

namespace tributary::test {
namespace {

// Invariant 10. `make torture` does the same with 200 rounds.
TEST(Kill, AtAnyInstructionLosesNothing) {
  const TortureParams params{.binary = TRIBUTARY_BINARY, .rounds = 10, .seed = 20261123};
  EXPECT_NO_THROW(torture(params));
}

// `make torture` kills 50.
TEST(Kill, OfTheClickHouseEngineLosesNothing) {
  if (!ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed";
  EXPECT_NO_THROW(torture_clickhouse({.binary = TRIBUTARY_BINARY, .rounds = 3, .seed = 20261123}, Victim::host));
}

TEST(Kill, OfTheServiceThatLoadsClickHouseLosesNothing) {
  if (!ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed";
  EXPECT_NO_THROW(torture_clickhouse({.binary = TRIBUTARY_BINARY, .rounds = 2, .seed = 20261123}, Victim::service));
}

}  // namespace
}  // namespace tributary::test
