#include "dashboard/attempts.hpp"

#include <gtest/gtest.h>

namespace tributary::dashboard {
namespace {

using namespace std::chrono_literals;

TEST(Attempts, AnAddressWaitsAfterTooManyAndOthersDoNot) {
  Attempts attempts;
  const Attempts::Time start{};
  for (int i = 0; i < Attempts::kMost; ++i) {
    EXPECT_EQ(attempts.wait("a", start + 1s), 0ms);
    attempts.note_wrong("a", start + 1s);
  }
  EXPECT_EQ(attempts.wait("a", start + 11s), Attempts::kFor - 10s);
  EXPECT_EQ(attempts.wait("b", start + 11s), 0ms);
  EXPECT_EQ(attempts.wait("a", start + 1s + Attempts::kFor), 0ms);
}

TEST(Attempts, AFewWrongOnesAreForgotten) {
  Attempts attempts;
  Attempts::Time now{};
  for (int i = 0; i < 5 * Attempts::kMost; ++i) {
    attempts.note_wrong("a", now);
    EXPECT_EQ(attempts.wait("a", now), 0ms);
    now += 10s;
  }
}

TEST(Attempts, ARightOneIsTakenBackAndNoOther) {
  Attempts attempts;
  const Attempts::Time now{};
  for (int i = 0; i < Attempts::kMost; ++i) {
    attempts.note_wrong("a", now);
    attempts.note_wrong("a", now);
    attempts.take_back("a");
  }
  EXPECT_GT(attempts.wait("a", now), 0ms);
}

TEST(Attempts, AddressesBeyondThoseRememberedShareACount) {
  Attempts attempts;
  const Attempts::Time now{};
  for (std::size_t i = 0; i < Attempts::kMostClients; ++i) attempts.note_wrong(std::to_string(i), now);
  for (int i = 0; i < Attempts::kMost; ++i) attempts.note_wrong("new " + std::to_string(i), now);
  EXPECT_GT(attempts.wait("another", now), 0ms);
  EXPECT_EQ(attempts.wait("7", now), 0ms);
}

}  // namespace
}  // namespace tributary::dashboard
