#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "support/clickhouse.hpp"
#include "support/torture.hpp"

// `scripts/torture`: many short rounds, each with everything of its own and a seed that alone decides what happens.

namespace tributary::test {
namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Kind {
  const char* name;
  void (*run)(TortureParams params);
  bool needs_clickhouse = false;
};

void run_failover(const TortureParams& params) {
  const auto loss = static_cast<Loss>(params.seed / 7 % 3);
  torture_failover(params, {&loss, 1});
}

/// About as long as each other.
constexpr std::array kKinds{
    Kind{"kills",
         [](TortureParams params) {
           params.rounds = 8;
           torture(params);
         }},
    Kind{"network",
         [](TortureParams params) {
           params.rounds = 5;
           torture_network(params);
         }},
    Kind{"zombies",
         [](TortureParams params) {
           params.rounds = 3;
           torture_zombies(params);
         }},
    Kind{"failover", [](TortureParams params) { run_failover(params); }},
    Kind{"kills of the engine",
         [](TortureParams params) {
           params.rounds = 2;
           torture_clickhouse(params, Victim::host);
         },
         true},
    Kind{"kills beside the engine",
         [](TortureParams params) {
           params.rounds = 1;
           torture_clickhouse(params, Victim::service);
         },
         true},
};

TEST(Rounds, LoseNothing) {
  const auto rounds = number_from("TRIBUTARY_TORTURE_ROUNDS", 20);
  const auto first = number_from("TRIBUTARY_TORTURE_SEED", std::random_device{}());
  int failures = 0;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const auto seed = first + round;
    const auto& kind = kKinds[seed % kKinds.size()];
    if (kind.needs_clickhouse && !ClickHouse::is_installed()) continue;
    const auto begun = std::chrono::steady_clock::now();
    std::string failure;
    try {
      kind.run({.binary = TRIBUTARY_BINARY, .seed = seed});
    } catch (const std::exception& error) {
      failure = error.what();
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begun;
    std::printf("round %llu, %s, %.1f s, TRIBUTARY_TORTURE_SEED=%llu: %s\n", static_cast<unsigned long long>(round + 1),
                kind.name, time.count(), static_cast<unsigned long long>(seed), failure.empty() ? "equal" : failure.c_str());
    std::fflush(stdout);
    failures += failure.empty() ? 0 : 1;
  }
  EXPECT_EQ(failures, 0) << "run one of them again: TRIBUTARY_TORTURE_ROUNDS=1 TRIBUTARY_TORTURE_SEED=…";
}

}  // namespace
}  // namespace tributary::test
