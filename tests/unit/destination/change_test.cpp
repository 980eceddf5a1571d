#include "destination/change.hpp"

#include <gtest/gtest.h>

#include "base/embedded.hpp"
#include "postgres/error.hpp"

namespace tributary::destination {
namespace {

mapping::Mapping built_in(std::string_view name) {
  for (const auto& file : embedded_mappings()) {
    auto parsed = mapping::parse(file.text, file.name);
    if (parsed.mapping && parsed.mapping->name == name) return std::move(*parsed.mapping);
  }
  throw std::out_of_range(std::string(name));
}

/// Builds a tuple field by field.
class Tuple {
 public:
  Tuple& field(std::string_view bytes) {
    ++fields_;
    postgres::append_int32(body_, static_cast<std::int32_t>(bytes.size()));
    for (const char c : bytes) body_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  Tuple& null() {
    ++fields_;
    postgres::append_int32(body_, -1);
    return *this;
  }
  std::vector<std::byte> bytes() const {
    std::vector<std::byte> tuple;
    postgres::append_int16(tuple, fields_);
    tuple.insert(tuple.end(), body_.begin(), body_.end());
    return tuple;
  }

 private:
  std::int16_t fields_ = 0;
  std::vector<std::byte> body_;
};

constexpr std::string_view kId{"\0\0\0\0\0\0\1\2", 8};
constexpr std::string_view kFalse{"\0", 1};
constexpr std::string_view kTrue{"\1", 1};
constexpr std::string_view kUuid{"\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 16};

TEST(Change, TellsRowsTombstonesAndSteps) {
  const auto row = Tuple().field(kId).field(kFalse).field(kUuid).bytes();
  EXPECT_EQ(parse_change(row).kind, Change::Kind::row);
  EXPECT_EQ(parse_change(row).sequence_id, 258);
  EXPECT_EQ(parse_change(row).fields, 1U);
  const auto tombstone = Tuple().field(kId).field(kTrue).field(kUuid).bytes();
  EXPECT_EQ(parse_change(tombstone).kind, Change::Kind::tombstone);
  const auto step = Tuple().field(kId).null().null().bytes();
  EXPECT_EQ(parse_change(step).kind, Change::Kind::step);
}

TEST(Change, RefusesBytesThatDoNotFit) {
  const auto whole = Tuple().field(kId).field(kFalse).field(kUuid).bytes();
  for (std::size_t length = 0; length < 17; ++length) {
    EXPECT_THROW(parse_change(std::span(whole).first(length)), postgres::Error) << length;
  }
  const auto too_few = Tuple().field(kId).field(kFalse).bytes();
  EXPECT_THROW(parse_change(too_few), postgres::Error);
  const auto no_id = Tuple().null().field(kFalse).field(kUuid).bytes();
  EXPECT_THROW(parse_change(no_id), postgres::Error);
}

TEST(Change, RefusesATupleOfAnotherMapping) {
  const auto mapping = built_in("teams");
  const TargetShape shape(mapping);
  ColumnArrays arrays(shape);
  const auto tuple = Tuple().field(kId).field(kFalse).field(kUuid).bytes();
  EXPECT_THROW(arrays.add(parse_change(tuple)), postgres::Error);
}

TEST(KeyJson, NamesTheTargetKeyOnly) {
  const auto mapping = built_in("team_member_profiles");
  const TargetShape shape(mapping);
  const auto tuple = Tuple().field(kId).field(kFalse).field(kUuid).field(kUuid).null().null().field("12345678").bytes();
  EXPECT_EQ(key_json(shape, parse_change(tuple)),
            R"({"team_id":"01020304-0506-0708-090a-0b0c0d0e0f10","user_id":"01020304-0506-0708-090a-0b0c0d0e0f10"})");
}

TEST(ColumnArrays, CountsRowsAndTombstonesAndPassesStepsOver) {
  const auto mapping = built_in("team_member_profiles");
  const TargetShape shape(mapping);
  ColumnArrays arrays(shape);
  const auto row = Tuple().field(kId).field(kFalse).field(kUuid).field(kUuid).null().null().field("12345678").bytes();
  const auto tombstone = Tuple().field(kId).field(kTrue).field(kUuid).field(kUuid).null().null().null().bytes();
  const auto step = Tuple().field(kId).null().null().null().null().null().null().bytes();
  for (const auto& tuple : {row, tombstone, step, row}) arrays.add(parse_change(tuple));
  EXPECT_EQ(arrays.rows(), 2U);
  EXPECT_EQ(arrays.tombstones(), 1U);
  EXPECT_EQ(arrays.upserts().size(), 5U);
  EXPECT_EQ(arrays.deletes().size(), 2U);
}

}  // namespace
}  // namespace tributary::destination
