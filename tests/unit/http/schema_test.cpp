#include "http/schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <limits>

namespace tributary::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> mistakes(const Schema& schema, json::value value) {
  std::vector<std::string> lines;
  for (const auto& violation : check(schema, value, "body")) lines.push_back(violation.field + ' ' + violation.message);
  return lines;
}

std::vector<std::string> mistakes(const Schema& schema, const char* text) { return mistakes(schema, json::parse(text)); }

const auto kUser = Schema::object("User", {required("id", Schema::uuid()), optional("name", Schema::string(1, 5).or_null()),
                                           optional("metadata", Schema::map().or_null())});

TEST(Schema, TakesWhatItDescribes) {
  EXPECT_THAT(
      mistakes(kUser, R"({"id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "name": null, "metadata": {"a": [1, {"b": null}]}})"),
      IsEmpty());
}

TEST(Schema, NamesEachFieldThatIsWrong) {
  EXPECT_THAT(mistakes(kUser, R"({"name": 5, "metadata": [], "nam": "x"})"),
              ElementsAre("body.id is required", "body.name must be a string or null, not a number",
                          "body.metadata must be an object or null, not an array", "body.nam is not known here"));
}

TEST(Schema, NamesThePlaceInsideOfArraysAndObjects) {
  const auto schema = Schema::object({required("rows", Schema::array(Schema::map(Schema::integer())))});
  EXPECT_THAT(mistakes(schema, R"({"rows": [{"a": 1}, {"a": 1, "b": true}]})"),
              ElementsAre("body.rows[1].b must be an integer, not a boolean"));
}

TEST(Schema, TellsOfAtMostTenMistakes) {
  const auto schema = Schema::array(Schema::string());
  EXPECT_EQ(mistakes(schema, json::array(100, 1)).size(), kMostViolations);
}

TEST(Schema, CountsCharactersAndNotBytes) {
  EXPECT_THAT(mistakes(Schema::string(1, 5), "\"äöü🎉é\""), IsEmpty());
  EXPECT_THAT(mistakes(Schema::string(1, 5), "\"äöü🎉éx\""), ElementsAre("body must have at most 5 characters"));
  EXPECT_THAT(mistakes(Schema::string(1, 5), "\"\""), ElementsAre("body must have at least 1 characters"));
}

TEST(Schema, MakesAnIntegerOfANumberWithoutAFraction) {
  json::value value = 5.0;
  EXPECT_THAT(check(Schema::integer(1, 10), value, "body"), IsEmpty());
  EXPECT_TRUE(value.is_int64());
  EXPECT_THAT(mistakes(Schema::integer(), "5.5"),
              ElementsAre("body must be an integer, not a number with a fraction or too large"));
  EXPECT_THAT(mistakes(Schema::integer(), "9223372036854775808"),
              ElementsAre("body must be an integer, not a number with a fraction or too large"));
  EXPECT_THAT(mistakes(Schema::integer(1, 10), "11"), ElementsAre("body must be at most 10"));
}

TEST(Schema, RefusesWhatNoDatabaseTakes) {
  EXPECT_THAT(mistakes(Schema::any(), R"({"a": "\u0000"})"), ElementsAre("body.a must not contain the character U+0000"));
  EXPECT_EQ(mistakes(Schema::any(), R"({"a\u0000": 1})").size(), 1);
  EXPECT_THAT(mistakes(Schema::any(), json::value(std::numeric_limits<double>::infinity())),
              ElementsAre("body is too large a number"));
}

TEST(Schema, ChecksFormatsAndChoices) {
  EXPECT_THAT(mistakes(Schema::uuid(), "\"6ba7b810\""), ElementsAre("body must be a UUID"));
  EXPECT_THAT(mistakes(Schema::email(), "\"a@b@c\""), ElementsAre("body must be an e-mail address"));
  EXPECT_THAT(mistakes(Schema::email(), "\"ä@example.com\""), IsEmpty());
  EXPECT_THAT(mistakes(Schema::uri(), "\"no url\""), ElementsAre("body must be a URL"));
  EXPECT_THAT(mistakes(Schema::one_of({"asc", "desc"}), "\"up\""), ElementsAre("body must be one of asc, desc"));
}

TEST(Schema, RequiresNothingOfAPartialObject) {
  EXPECT_THAT(mistakes(kUser.partial("UserUpdate"), "{}"), IsEmpty());
  EXPECT_THAT(mistakes(kUser.with("UserRead", {required("age", Schema::integer())}).partial(""), R"({"age": "x"})"),
              ElementsAre("body.age must be an integer, not a string"));
}

TEST(Schema, ReadsParametersByTheirType) {
  EXPECT_EQ(parse_parameter(Schema::integer(), "-5"), json::value(-5));
  EXPECT_EQ(parse_parameter(Schema::boolean(), "true"), json::value(true));
  EXPECT_EQ(parse_parameter(Schema::number(), "1.5"), json::value(1.5));
  for (const auto* text : {"", "5x", "0x5", " 5", "1e3", "99999999999999999999"})
    EXPECT_TRUE(parse_parameter(Schema::integer(), text).is_string()) << text;
  EXPECT_TRUE(parse_parameter(Schema::string(), "5").is_string());
}

}  // namespace
}  // namespace tributary::http
