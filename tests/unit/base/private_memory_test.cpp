#include "base/private_memory.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cstdlib>

namespace tributary {
namespace {

TEST(PrivateMemory, SecretsAreOverwritten) {
  std::string secret(100, 's');
  const auto* memory = secret.data();
  wipe(secret);
  EXPECT_TRUE(secret.empty());
  // The string keeps its memory, whose bytes behind the terminator clear() would have left as they were.
  ASSERT_EQ(secret.data(), memory);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(*(static_cast<const volatile char*>(memory) + i), '\0') << i;
}

TEST(PrivateMemory, AProcessThatHoldsSecretsDumpsNoCore) {
  const auto dumps_none = [] {
    keep_memory_private();
    rlimit limit{1, 1};
    getrlimit(RLIMIT_CORE, &limit);
    return prctl(PR_GET_DUMPABLE) == 0 && limit.rlim_max == 0;
  };
  EXPECT_EXIT(std::_Exit(dumps_none() ? 0 : 1), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace tributary
