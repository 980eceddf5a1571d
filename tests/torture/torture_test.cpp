#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "support/clickhouse.hpp"

// `make torture`: what takes too long for `make test`.

namespace tributary::test {
namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TortureParams params_with(std::uint64_t rounds) {
  const TortureParams params{.binary = TRIBUTARY_BINARY,
                             .rounds = static_cast<int>(number_from("TRIBUTARY_TORTURE_ROUNDS", rounds)),
                             .seed = number_from("TRIBUTARY_TORTURE_SEED", std::random_device{}())};
  std::printf("%d rounds, TRIBUTARY_TORTURE_SEED=%llu\n", params.rounds, static_cast<unsigned long long>(params.seed));
  std::fflush(stdout);
  return params;
}

TEST(Torture, KillsLoseNothing) { EXPECT_NO_THROW(torture(params_with(200))); }

TEST(Torture, ABadNetworkLosesNothing) { EXPECT_NO_THROW(torture_network(params_with(120))); }

TEST(Torture, FailoversEndWithTheDestinationsEqualToTheNewSource) {
  const auto params = params_with(8);
  std::mt19937_64 random(params.seed);
  std::vector<Loss> losses;
  for (int round = 0; round < params.rounds; ++round) losses.push_back(static_cast<Loss>(random() % 3));
  EXPECT_NO_THROW(torture_failover(params, losses));
}

TEST(Torture, ZombiesLoseNothing) { EXPECT_NO_THROW(torture_zombies(params_with(60))); }

TEST(Torture, KillsOfTheClickHouseEngineLoseNothing) {
  if (!ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed";
  EXPECT_NO_THROW(torture_clickhouse(params_with(50), Victim::host));
}

TEST(Torture, KillsOfTheServiceThatLoadsClickHouseLoseNothing) {
  if (!ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed";
  EXPECT_NO_THROW(torture_clickhouse(params_with(15), Victim::service));
}

}  // namespace
}  // namespace tributary::test
