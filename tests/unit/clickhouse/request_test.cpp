#include "clickhouse/detail/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clickhouse/error.hpp"

namespace tributary::clickhouse::detail {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

ConnectOptions plain() { return {.user = "keeper", .password = "s:\u00e9cret", .compression = Compression::none}; }

TEST(Request, SettingsAndParametersAreInTheUrlAndNothingBreaksOut) {
  const Query query{.text = "SELECT {a:String}",
                    .params = Params().add("a", "x&readonly=0#\t\u00e9"),
                    .settings = {{"max_execution_time", "1"}, {"log_comment", "a=b&c d"}},
                    .database = "db/1"};
  const auto head = make_request(plain(), query, "id 1");
  EXPECT_EQ(
      head.target,
      "/?query_id=id%201&database=db%2F1&log_comment=a%3Db%26c%20d&max_execution_time=1&param_a=x%26readonly%3D0%23%5Ct%C3%A9");
}

TEST(Request, TheTextIsInTheUrlOnlyWhereThereIsData) {
  Query query{.text = "INSERT INTO t FORMAT Native"};
  EXPECT_THAT(make_request(plain(), query, "q").target, Not(HasSubstr("INSERT")));
  query.data = std::span<const std::byte>();
  EXPECT_EQ(make_request(plain(), query, "q").target, "/?query_id=q&query=INSERT%20INTO%20t%20FORMAT%20Native");
}

TEST(Request, SaysWhoItIsFromInOneWay) {
  auto options = plain();
  EXPECT_THAT(make_request(options, {}, "q").fields,
              ElementsAre(Pair("X-ClickHouse-User", "keeper"), Pair("X-ClickHouse-Key", "s:\u00e9cret")));
  options.authentication = Authentication::basic;
  EXPECT_THAT(make_request(options, {}, "q").fields, ElementsAre(Pair("Authorization", "Basic a2VlcGVyOnM6w6ljcmV0")));
}

TEST(Request, AsksForPackedAnswersAndSaysThatItsDataIsPacked) {
  auto options = plain();
  options.compression = Compression::zstd;
  options.authentication = Authentication::basic;
  const auto without_data = make_request(options, {}, "q");
  EXPECT_THAT(without_data.target, HasSubstr("enable_http_compression=1"));
  EXPECT_THAT(without_data.fields, ElementsAre(Pair("Authorization", testing::_), Pair("Accept-Encoding", "zstd")));
  const auto with_data = make_request(options, {.data = std::span<const std::byte>()}, "q");
  EXPECT_THAT(with_data.fields, testing::Contains(Pair("Content-Encoding", "zstd")));
}

TEST(Request, ReadsTheSummary) {
  const auto summary = parse_summary(R"({"read_rows":"5","read_bytes":"40","written_rows":"3","elapsed_ns":"77","x":1})");
  EXPECT_EQ(summary.read_rows, 5U);
  EXPECT_EQ(summary.written_rows, 3U);
  EXPECT_EQ(summary.elapsed_ns, 77U);
  EXPECT_EQ(summary.result_rows, 0U);
  EXPECT_EQ(parse_summary("").read_rows, 0U);
  EXPECT_EQ(parse_summary("[]").read_rows, 0U);
  EXPECT_EQ(parse_summary(R"({"read_rows":true})").read_rows, 0U);
}

TEST(Request, RefusesAnEncodingThatNobodyAskedFor) {
  EXPECT_EQ(encoding_named(""), Compression::none);
  EXPECT_EQ(encoding_named("lz4"), Compression::lz4);
  EXPECT_THROW(encoding_named("br"), Error);
}

}  // namespace
}  // namespace tributary::clickhouse::detail
