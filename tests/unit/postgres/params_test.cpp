#include "postgres/params.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bytes.hpp"

namespace tributary::postgres {
namespace {

std::vector<std::byte> value(const Params& params, std::size_t index) {
  const auto views = params.views();
  return copy(bytes(std::string_view(views.values[index], static_cast<std::size_t>(views.lengths[index]))));
}

TEST(Params, NumbersAreBigEndianWithTheirType) {
  const auto params =
      Params().add(std::int16_t{-2}).add(std::int32_t{0x01020304}).add(std::int64_t{0x0102030405060708}).add(true).add(false);
  EXPECT_EQ(value(params, 0), bytes({0xFF, 0xFE}));
  EXPECT_EQ(value(params, 1), bytes({1, 2, 3, 4}));
  EXPECT_EQ(value(params, 2), bytes({1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(value(params, 3), bytes({1}));
  EXPECT_EQ(value(params, 4), bytes({0}));
  const auto views = params.views();
  EXPECT_THAT(std::vector<Oid>(views.types, views.types + 5),
              testing::ElementsAre(oid::kInt2, oid::kInt4, oid::kInt8, oid::kBool, oid::kBool));
  EXPECT_THAT(views.formats, testing::ElementsAre(1, 1, 1, 1, 1));
}

TEST(Params, NullIsNotTheEmptyText) {
  const auto params = Params().add("").add_null(oid::kText).add(std::optional<std::string>(), oid::kText);
  const auto views = params.views();
  EXPECT_NE(views.values[0], nullptr);
  EXPECT_EQ(views.lengths[0], 0);
  EXPECT_EQ(views.values[1], nullptr);
  EXPECT_EQ(views.values[2], nullptr);
}

TEST(Params, JsonbCarriesItsVersion) { EXPECT_EQ(value(Params().add_jsonb("{}"), 0), bytes({1, '{', '}'})); }

TEST(Params, AnArrayIsHeaderAndElements) {
  const std::vector<std::int64_t> numbers{1, -1};
  const auto params = Params().add_array(numbers);
  EXPECT_EQ(params.views().types[0], oid::kInt8Array);
  EXPECT_EQ(value(params, 0), bytes({0, 0, 0, 1, 0,    0,    0,    0,    0,    0,    0,    20,  0, 0, 0, 2, 0, 0, 0, 1,  //
                                     0, 0, 0, 8, 0,    0,    0,    0,    0,    0,    0,    1,                          //
                                     0, 0, 0, 8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}));
}

TEST(Params, AnEmptyArrayHasNoDimension) {
  EXPECT_EQ(value(Params().add_array(std::span<const std::string>()), 0), bytes({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25}));
}

TEST(ArrayBuilder, MarksNullsAndStaysUsable) {
  ArrayBuilder array(oid::kText, oid::kTextArray);
  array.append(bytes("a"));
  EXPECT_EQ(copy(array.bytes()), bytes({0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 'a'}));
  array.append(std::nullopt);
  EXPECT_EQ(copy(array.bytes()),
            bytes({0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 25, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 'a', 0xFF, 0xFF, 0xFF, 0xFF}));
  EXPECT_EQ(array.size(), 2U);
}

}  // namespace
}  // namespace tributary::postgres
