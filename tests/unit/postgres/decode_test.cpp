#include "postgres/decode.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "bytes.hpp"
#include "postgres/detail/bytes.hpp"
#include "postgres/error.hpp"

namespace tributary::postgres {
namespace {

template <class T>
T decoded(Oid type, std::span<const std::byte> raw) {
  T out{};
  decode(Value{type, raw, "column"}, out);
  return out;
}

template <class T>
bool refuses(Oid type, std::span<const std::byte> raw) {
  try {
    decoded<T>(type, raw);
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::protocol);
    EXPECT_NE(std::string_view(error.what()).find("\"column\""), std::string_view::npos);
    return true;
  }
}

template <class T>
std::vector<std::byte> big_endian(T value) {
  std::vector<std::byte> out;
  detail::append_big_endian(out, value);
  return out;
}

TEST(Decode, IntegersWidenAndNarrowWithinTheirRange) {
  EXPECT_EQ(decoded<std::int64_t>(oid::kInt2, bytes({0xFF, 0xFE})), -2);
  EXPECT_EQ(decoded<std::int16_t>(oid::kInt8, big_endian(std::int64_t{-32768})), -32768);
  EXPECT_TRUE(refuses<std::int16_t>(oid::kInt8, big_endian(std::int64_t{32768})));
  EXPECT_TRUE(refuses<std::int32_t>(oid::kInt8, big_endian(std::numeric_limits<std::int64_t>::min())));
  EXPECT_EQ(decoded<std::int64_t>(26, bytes({0xFF, 0xFF, 0xFF, 0xFF})), 4294967295) << "an oid has no sign";
}

TEST(Decode, RefusesTypesThatDoNotFit) {
  EXPECT_TRUE(refuses<std::int64_t>(oid::kText, bytes("12345678")));
  EXPECT_TRUE(refuses<bool>(oid::kText, bytes("t")));
  EXPECT_TRUE(refuses<std::string>(oid::kUuid, bytes("0123456789abcdef")));
  EXPECT_TRUE(refuses<Uuid>(oid::kBytea, bytes("0123456789abcdef")));
  EXPECT_TRUE(refuses<Timestamp>(oid::kInt8, bytes("01234567")));
  EXPECT_TRUE(refuses<std::vector<std::int64_t>>(oid::kUuidArray, bytes({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20})));
  EXPECT_TRUE(refuses<std::vector<Uuid>>(oid::kUuidArray, bytes({0, 0, 0, 1, 0,  0, 0, 0, 0, 0, 0, 25, 0, 0, 0, 1, 0, 0, 0, 1,  //
                                                                 0, 0, 0, 1, 'a'})))
      << "elements of another type than the array's";
}

RC_GTEST_PROP(Decode, RefusesEveryWrongLength, ()) {
  const auto raw = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
  const auto span = std::as_bytes(std::span(raw));
  RC_ASSERT(raw.size() == 1 || refuses<bool>(oid::kBool, span));
  RC_ASSERT(raw.size() == 2 || refuses<std::int64_t>(oid::kInt2, span));
  RC_ASSERT(raw.size() == 4 || refuses<std::int64_t>(oid::kInt4, span));
  RC_ASSERT(raw.size() == 8 || refuses<std::int64_t>(oid::kInt8, span));
  RC_ASSERT(raw.size() == 8 || refuses<double>(oid::kFloat8, span));
  RC_ASSERT(raw.size() == 8 || refuses<Timestamp>(oid::kTimestamptz, span));
  RC_ASSERT(raw.size() == 16 || refuses<Uuid>(oid::kUuid, span));
}

RC_GTEST_PROP(Decode, ArraysComeBackAsTheyWereBuilt, (const std::vector<std::string>& texts)) {
  ArrayBuilder array(oid::kText, oid::kTextArray);
  for (const auto& text : texts) array.append(bytes(text));
  RC_ASSERT(decoded<std::vector<std::string>>(oid::kTextArray, array.bytes()) == texts);
}

RC_GTEST_PROP(Decode, AnArrayCutAnywhereIsRefused, (const std::vector<std::string>& texts)) {
  ArrayBuilder array(oid::kText, oid::kTextArray);
  array.append(bytes("at least one"));
  for (const auto& text : texts) array.append(bytes(text));
  const auto whole = array.bytes();
  const auto cut = *rc::gen::inRange<std::size_t>(0, whole.size());
  const auto part = copy(whole.first(cut));  // a buffer of its own, so that a sanitizer sees a byte too far
  RC_ASSERT(refuses<std::vector<std::string>>(oid::kTextArray, part));
}

RC_GTEST_PROP(Decode, RandomBytesAreRefusedOrDecoded, ()) {
  const auto raw = *rc::gen::container<std::vector<std::uint8_t>>(
      rc::gen::weightedOneOf<std::uint8_t>({{5, rc::gen::inRange<std::uint8_t>(0, 3)}, {1, rc::gen::arbitrary<std::uint8_t>()}}));
  const auto span = std::as_bytes(std::span(raw));
  refuses<std::vector<std::int64_t>>(oid::kInt8Array, span);
  refuses<std::vector<Uuid>>(oid::kUuidArray, span);
  refuses<std::vector<std::string>>(oid::kTextArray, span);
  refuses<std::string>(oid::kJsonb, span);
}

TEST(Decode, ArraysWithNullsOrDimensionsAreRefused) {
  ArrayBuilder array(oid::kInt8, oid::kInt8Array);
  array.append(std::nullopt);
  EXPECT_TRUE(refuses<std::vector<std::int64_t>>(oid::kInt8Array, array.bytes()));
  auto raw = copy(array.bytes());
  raw[3] = std::byte{2};
  EXPECT_TRUE(refuses<std::vector<std::int64_t>>(oid::kInt8Array, raw));
}

TEST(Decode, TimestampsCountFrom2000AndKnowInfinity) {
  using namespace std::chrono;
  EXPECT_EQ(decoded<Timestamp>(oid::kTimestamptz, big_endian(std::int64_t{1})), sys_days(2000y / 1 / 1) + 1us);
  EXPECT_EQ(decoded<Timestamp>(oid::kTimestamp, big_endian(std::int64_t{-86'400'000'000})), sys_days(1999y / 12 / 31));
  EXPECT_EQ(decoded<Timestamp>(oid::kTimestamptz, big_endian(std::numeric_limits<std::int64_t>::max())), Timestamp::max());
  EXPECT_EQ(decoded<Timestamp>(oid::kTimestamptz, big_endian(std::numeric_limits<std::int64_t>::min())), Timestamp::min());
}

TEST(Decode, TextsIncludeEnumsAndJson) {
  EXPECT_EQ(decoded<std::string>(16400, bytes("TRUE")), "TRUE");
  EXPECT_EQ(decoded<std::string>(oid::kJsonb, bytes("\1{}")), "{}");
  EXPECT_TRUE(refuses<std::string>(oid::kJsonb, bytes("\2{}")));
  EXPECT_TRUE(refuses<std::string>(oid::kJsonb, {}));
}

TEST(Decode, FloatsKeepTheirBits) {
  EXPECT_EQ(decoded<double>(oid::kFloat8, big_endian(std::bit_cast<std::uint64_t>(-0.1))), -0.1);
  EXPECT_EQ(decoded<double>(700, big_endian(std::bit_cast<std::uint32_t>(0.5F))), 0.5);
  EXPECT_TRUE(std::isnan(decoded<double>(oid::kFloat8, big_endian(std::bit_cast<std::uint64_t>(std::nan(""))))));
}

}  // namespace
}  // namespace tributary::postgres
