#include "cli/demo/demo.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <csignal>
#include <fstream>
#include <iterator>

#include "cli/demo/child_process.hpp"
#include "folder.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kLongEnough = 240s;  // on a loaded machine, under a sanitizer

/// `tributary demo` as a user starts it, in a folder of its own.
class DemoProcess {
 public:
  explicit DemoProcess(const test::Folder& folder, std::vector<std::string> arguments)
      : output_(folder.path().string() + ".log") {
    arguments.insert(arguments.begin(), {"demo", "--data-dir", folder.path().string(), "--log-level", "error"});
    process_.emplace(ChildProcess::spawn({.program = TRIBUTARY_BINARY,
                                          .arguments = std::move(arguments),
                                          .environment = {{"PATH", "/usr/bin"}},
                                          .output = output_,
                                          .user = {}}));
  }
  ~DemoProcess() { std::filesystem::remove(output_); }
  DemoProcess(const DemoProcess&) = delete;
  DemoProcess& operator=(const DemoProcess&) = delete;

  ChildProcess& process() { return *process_; }
  std::string output() const {
    std::ifstream file(output_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// Until it has printed this; false if it ended before, or is silent for too long.
  bool has_printed(const std::string& text) {
    const auto until = std::chrono::steady_clock::now() + kLongEnough;
    while (output().find(text) == std::string::npos) {
      if (process_->wait(50ms) || std::chrono::steady_clock::now() > until) return output().find(text) != std::string::npos;
    }
    return true;
  }

 private:
  std::filesystem::path output_;
  std::optional<ChildProcess> process_;
};

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  return text.substr(text.rfind('\n', end) + 1);
}

TEST(Demo, OnceEndsEqualAndLeavesNothing) {
  test::Folder folder;
  DemoProcess demo(folder, {"--once", "--tenants", "5", "--users", "2000"});
  EXPECT_EQ(demo.process().wait(kLongEnough), 0) << demo.output();
  EXPECT_THAT(demo.output(), HasSubstr("every database equals its source"));
  for (const auto* asked : {"Sign-ups in each of the last eight weeks", "Largest teams", "unverified"})
    EXPECT_THAT(demo.output(), HasSubstr(asked));
  EXPECT_THAT(test::processes_in(folder.path()), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(folder.path()));
}

TEST(Demo, EndsWithinTenSecondsOfCtrlC) {
  test::Folder folder;
  DemoProcess demo(folder, {"--tenants", "3", "--users", "500"});
  ASSERT_TRUE(demo.has_printed("backlog")) << demo.output();
  EXPECT_THAT(demo.output(), HasSubstr("/dashboard/#operator_key="));
  demo.process().signal(SIGINT);
  EXPECT_EQ(demo.process().wait(10s), 0) << demo.output();
  EXPECT_THAT(test::processes_in(folder.path()), IsEmpty());
  EXPECT_THAT(last_line(demo.output()), HasSubstr("nothing is left of"));
}

TEST(Demo, LeavesNoServerWhenItIsKilled) {
  test::Folder folder;
  {
    DemoProcess demo(folder, {"--tenants", "2", "--users", "100"});
    ASSERT_TRUE(demo.has_printed("backlog")) << demo.output();
    demo.process().signal(SIGKILL);
    EXPECT_EQ(demo.process().wait(10s), 128 + SIGKILL);
  }
  for (const auto& pid : test::processes_in(folder.path())) EXPECT_TRUE(wait_until_gone(std::stoi(pid), 20s)) << pid;
}

TEST(Demo, SaysSoInJsonTooAndGoesOnWithWhatItKept) {
  test::Folder folder;
  {
    DemoProcess first(folder, {"--once", "--keep", "--json", "--tenants", "2", "--users", "50", "--rate", "0"});
    ASSERT_EQ(first.process().wait(kLongEnough), 0) << first.output();
    const auto text = first.output();
    const auto summary = boost::json::parse(text.substr(text.find('{'), text.rfind('}') - text.find('{') + 1)).as_object();
    EXPECT_TRUE(summary.at("equal").as_bool());
    EXPECT_EQ(summary.at("databases").to_number<int>(), 3);
    EXPECT_EQ(summary.at("differences").to_number<int>(), 0);
    EXPECT_GT(summary.at("compared_rows").to_number<int>(), 100);
    EXPECT_GT(summary.at("lag_p50_ms").to_number<double>(), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(folder.path()));
  DemoProcess second(folder, {"--once", "--keep"});
  EXPECT_EQ(second.process().wait(kLongEnough), 0) << second.output();
  EXPECT_THAT(second.output(), HasSubstr("going on with the data of an earlier run"));
  EXPECT_THAT(second.output(), HasSubstr("2 tenants"));
}

}  // namespace
}  // namespace tributary::cli::demo
