#include "directory/values.hpp"

#include <gtest/gtest.h>

namespace tributary::directory {
namespace {

TEST(Cursor, IsWhatItsTextSays) {
  const Cursor one{.at = Timestamp(std::chrono::microseconds(1'700'000'000'123'456)), .id = Uuid::random()};
  const Cursor two{.at = Timestamp(std::chrono::microseconds(-5)), .id = Uuid::random(), .second_id = Uuid::random()};
  EXPECT_EQ(Cursor::parse(one.to_string()), one);
  EXPECT_EQ(Cursor::parse(two.to_string()), two);
}

TEST(Cursor, OtherTextIsNone) {
  const auto id = Uuid::random().to_string();
  for (const auto& text : {std::string(), std::string("_"), id, "5_" + id + "x", "5_" + id + "_", "x_" + id, "5_" + id.substr(1),
                           "99999999999999999999_" + id, "9000000000000000000_" + id, "-9000000000000000000_" + id,
                           "5_" + id + "_" + id + "_" + id}) {
    EXPECT_EQ(Cursor::parse(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace tributary::directory
