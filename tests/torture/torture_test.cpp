#include "support/torture.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>

// `make torture`: what takes too long for `make test`.

namespace tributary::test {
namespace {

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(Torture, KillsLoseNothing) {
  const TortureParams params{.binary = TRIBUTARY_BINARY,
                             .rounds = static_cast<int>(number_from("TRIBUTARY_TORTURE_ROUNDS", 200)),
                             .seed = number_from("TRIBUTARY_TORTURE_SEED", std::random_device{}())};
  std::printf("%d rounds, TRIBUTARY_TORTURE_SEED=%llu\n", params.rounds, static_cast<unsigned long long>(params.seed));
  std::fflush(stdout);
  EXPECT_NO_THROW(torture(params));
}

}  // namespace
}  // namespace tributary::test
