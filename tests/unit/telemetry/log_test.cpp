#include "telemetry/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <limits>
#include <thread>

namespace tributary::telemetry {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

class Log : public testing::Test {
 protected:
  ~Log() override { configure_log({.format = LogFormat::human}); }

  /// What `write` makes appear on stderr under these settings.
  template <class Write>
  std::string written(const LogSettings& settings, Write write) {
    testing::internal::CaptureStderr();
    configure_log(settings);
    write();
    return testing::internal::GetCapturedStderr();
  }
};

TEST_F(Log, JsonLinesKeepNumbersAndEscapeHostileText) {
  const auto text = written({.format = LogFormat::json}, [] {
    log(Level::warning, "sync", "a \"batch\" failed",
        {{"rows", 42},
         {"late", true},
         {"ratio", 0.5},
         {"error", "line 1\nline 2\t\"}{\\"},
         {"nothing", std::numeric_limits<double>::quiet_NaN()}});
  });
  ASSERT_THAT(text, EndsWith("}\n"));
  const auto line = boost::json::parse(text).as_object();
  EXPECT_EQ(line.at("level").as_string(), "warning");
  EXPECT_EQ(line.at("component").as_string(), "sync");
  EXPECT_EQ(line.at("message").as_string(), "a \"batch\" failed");
  EXPECT_EQ(line.at("rows").as_int64(), 42);
  EXPECT_EQ(line.at("late").as_bool(), true);
  EXPECT_EQ(line.at("ratio").as_double(), 0.5);
  EXPECT_EQ(line.at("error").as_string(), "line 1\nline 2\t\"}{\\");
  EXPECT_TRUE(line.at("nothing").is_string());
  EXPECT_THAT(std::string(line.at("time").as_string()), testing::MatchesRegex("....-..-..T..:..:......Z"));
}

TEST_F(Log, HumanLinesStayOnOneLine) {
  const auto text = written({.format = LogFormat::human}, [] {
    log(Level::error, "queue", "claim failed", {{"tenancy", "a1"}, {"error", "two\nlines"}, {"empty", ""}, {"attempts", 3}});
  });
  EXPECT_THAT(text, EndsWith("queue: claim failed tenancy=a1 error=\"two\\nlines\" empty=\"\" attempts=3\n"));
  EXPECT_THAT(text, HasSubstr("error "));
}

TEST_F(Log, LevelsBelowTheSettingAreSilent) {
  const auto text = written({.level = Level::warning, .format = LogFormat::human}, [] {
    log(Level::debug, "sync", "one");
    log(Level::info, "sync", "two");
    log(Level::warning, "sync", "three");
  });
  EXPECT_THAT(text, testing::Not(HasSubstr("two")));
  EXPECT_THAT(text, EndsWith("sync: three\n"));
}

TEST_F(Log, AutomaticIsJsonWhereStderrIsNoTerminal) {
  const auto text = written({.format = LogFormat::automatic}, [] { log(Level::info, "sync", "hello"); });
  EXPECT_EQ(boost::json::parse(text).as_object().at("message").as_string(), "hello");
}

TEST_F(Log, LinesOfSeveralThreadsAreNotMixed) {
  constexpr int kLines = 500;
  const auto text = written({.format = LogFormat::json}, [] {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([i] {
        for (int line = 0; line < kLines; ++line) log(Level::info, "sync", "line", {{"thread", i}, {"line", line}});
      });
    }
  });
  std::istringstream lines(text);
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_NO_THROW(boost::json::parse(line)) << line;
  EXPECT_EQ(count, 4 * kLines);
}

}  // namespace
}  // namespace tributary::telemetry
