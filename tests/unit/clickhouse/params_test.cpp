#include "clickhouse/params.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace tributary::clickhouse {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

TEST(Params, WriteClickHousesEscapedText) {
  Params params;
  params.add("s", std::string_view("tab\tline\nback\\quote'zero\0\r\b\f", 28))
      .add("i", std::int64_t{-5})
      .add("u", std::uint64_t{18'446'744'073'709'551'615U})
      .add("b", true)
      .add("d", 0.1)
      .add("id", *Uuid::parse("61f0c404-5cb3-11e7-907b-a6006ad3dba0"))
      .add_null("n");
  EXPECT_THAT(params.values(), ElementsAre(Pair("s", "tab\\tline\\nback\\\\quote\\'zero\\0\\r\\b\\f"), Pair("i", "-5"),
                                           Pair("u", "18446744073709551615"), Pair("b", "1"), Pair("d", "0.1"),
                                           Pair("id", "61f0c404-5cb3-11e7-907b-a6006ad3dba0"), Pair("n", "\\N")));
}

TEST(Params, TimesAreInUtc) {
  using std::chrono::sys_days;
  using namespace std::chrono;
  Params params;
  params.add("a", sys_days(2024y / 2 / 29) + 23h + 59min + 58s + 7us).add("b", sys_days(1969y / 12 / 31) + 1ms);
  EXPECT_THAT(params.values(), ElementsAre(Pair("a", "2024-02-29 23:59:58.000007"), Pair("b", "1969-12-31 00:00:00.001000")));
}

TEST(Params, ArraysQuoteTheirElements) {
  const std::vector<std::string> texts{"a", "it's", "b\\c", ""};
  const std::vector<std::int64_t> numbers{1, -2};
  const std::vector<Uuid> ids{Uuid{}};
  Params params;
  params.add("t", std::span(texts)).add("n", std::span(numbers)).add("u", std::span(ids)).add("e", std::span(texts).first(0));
  EXPECT_THAT(params.values(), ElementsAre(Pair("t", "['a','it\\'s','b\\\\c','']"), Pair("n", "[1,-2]"),
                                           Pair("u", "['00000000-0000-0000-0000-000000000000']"), Pair("e", "[]")));
}

TEST(Params, WriteJsonSoThatOnlyWhatIsQuotedIsText) {
  Params params;
  params.add_json("s", "it's").add_json("n", nullptr).add_json("b", true).add_json("d", 1.5);
  params.add_json("a", boost::json::parse(R"([1, -2, 18446744073709551615, 0.1, true, null, "NULL", "'], x", [[]], []])"));
  params.add_json("m", boost::json::parse(R"({"k'": [1], "\\": null})"));
  EXPECT_THAT(params.values(), ElementsAre(Pair("s", "it\\'s"), Pair("n", "\\N"), Pair("b", "1"), Pair("d", "1.5"),
                                           Pair("a", "[1,-2,18446744073709551615,0.1,true,NULL,'NULL','\\'], x',[[]],[]]"),
                                           Pair("m", "{'k\\'':[1],'\\\\':NULL}")));
}

}  // namespace
}  // namespace tributary::clickhouse
