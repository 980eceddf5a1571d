#include "base/admission.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace tributary {
namespace {

/// All that may go in now, as "key item".
std::vector<std::string> admitted(Admission<int>& admission) {
  std::vector<std::string> all;
  while (const auto next = admission.next()) all.push_back(next->key + ' ' + std::to_string(next->item));
  return all;
}

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Admission, OneKeyHasNoMoreThanItsShareHoweverManyOfItWait) {
  Admission<int> admission(2, 5);
  for (int i = 0; i < 10; ++i) admission.wait("a", i);
  EXPECT_THAT(admitted(admission), ElementsAre("a 0", "a 1"));
  admission.wait("b", 0);
  EXPECT_THAT(admitted(admission), ElementsAre("b 0"));
  admission.leave("a");
  EXPECT_THAT(admitted(admission), ElementsAre("a 2"));
}

TEST(Admission, KeysTakeTurnsForWhatAllMayHave) {
  Admission<int> admission(3, 3);
  for (int i = 0; i < 3; ++i) admission.wait("a", i);
  for (int i = 0; i < 3; ++i) admission.wait("b", i);
  EXPECT_THAT(admitted(admission), ElementsAre("a 0", "b 0", "a 1"));
  EXPECT_EQ(admission.inside(), 3U);
  admission.leave("a");
  EXPECT_THAT(admitted(admission), ElementsAre("b 1"));
  EXPECT_THAT(admitted(admission), IsEmpty());
  admission.leave("b");
  admission.leave("b");
  admission.leave("a");
  EXPECT_THAT(admitted(admission), ElementsAre("a 2", "b 2"));
  admission.leave("a");
  admission.leave("b");
  EXPECT_EQ(admission.inside(), 0U);
}

}  // namespace
}  // namespace tributary
