#include "cli/demo/demo.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <csignal>
#include <fstream>
#include <iterator>
#include <regex>

#include "cli/demo/child_process.hpp"
#include "cli/demo/private_cluster.hpp"
#include "folder.hpp"
#include "support/database.hpp"
#include "support/http_client.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kLongEnough = 240s;  // on a loaded machine, under a sanitizer
constexpr const char* kQuestions[] = {"Sign-ups in each of the last eight weeks", "Largest teams",
                                      "E-mail addresses that are not verified"};

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
  /// Until it has printed something like this; false if it ended before, or is silent for too long.
  bool has_printed(const std::string& pattern) {
    const auto until = std::chrono::steady_clock::now() + kLongEnough;
    const std::regex wanted(pattern);
    while (!std::regex_search(output(), wanted)) {
      if (process_->wait(50ms) || std::chrono::steady_clock::now() > until) return std::regex_search(output(), wanted);
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
  for (const auto* question : kQuestions) EXPECT_THAT(demo.output(), HasSubstr(question));
  EXPECT_THAT(test::processes_in(folder.path()), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(folder.path()));
}

/// What somebody sees who follows the link that the demo prints: the page, and behind the key its numbers.
boost::json::value overview_by_link(const std::string& output) {
  std::smatch link;
  if (!std::regex_search(output, link, std::regex("http://127\\.0\\.0\\.1:(\\d+)/dashboard/#operator_key=([0-9a-f]+)")))
    throw std::runtime_error("no link in: " + output);
  test::HttpClient browser(static_cast<std::uint16_t>(std::stoi(link[1])));
  EXPECT_THAT(browser.get("/dashboard/").body, HasSubstr("<html"));
  const auto session = browser.request("POST", "/dashboard/api/session",
                                       boost::json::serialize(boost::json::object{{"operator_key", link[2].str()}}),
                                       {{"Content-Type", "application/json"}, {"x-tributary-dashboard", "1"}});
  EXPECT_EQ(session.status, 200U) << session.body;
  const auto cookie = session.fields.at("set-cookie");
  return boost::json::parse(browser.get("/dashboard/api/overview", {{"Cookie", cookie.substr(0, cookie.find(';'))}}).body);
}

TEST(Demo, LinksToItsDashboardAndAnswersItsQuestionsAtCtrlC) {
  test::Folder folder;
  DemoProcess demo(folder, {"--tenants", "3", "--users", "500"});
  ASSERT_TRUE(demo.has_printed("ClickHouse [0-9,]+/s, lag p50 [0-9]")) << demo.output();
  const auto overview = overview_by_link(demo.output());
  EXPECT_EQ(overview.at_pointer("/tenancies/total").to_number<int>(), 3);
  EXPECT_EQ(overview.at_pointer("/destinations/postgres/total").to_number<int>(), 4);
  EXPECT_GT(overview.at_pointer("/sequencer/last_sequence_id").to_number<int>(), 500);
  EXPECT_GT(overview.at_pointer("/lag_since_start/count").to_number<int>(), 0);
  EXPECT_TRUE(overview.at("throughput").is_object());
  demo.process().signal(SIGINT);
  EXPECT_EQ(demo.process().wait(kLongEnough), 0) << demo.output();
  for (const auto* question : kQuestions)
    EXPECT_THAT(demo.output(), HasSubstr(question + std::string(", asked by the largest tenant\n")));
  EXPECT_THAT(test::processes_in(folder.path()), IsEmpty());
  EXPECT_THAT(last_line(demo.output()), HasSubstr("nothing is left of"));
}

TEST(Demo, SaysSoWhereItsEngineCannotBeAsked) {
  test::Folder folder;
  const auto engine = std::filesystem::path(folder.path().string() + "-clickhouse");
  DemoProcess demo(folder, {"--tenants", "1", "--users", "10", "--rate", "0"});
  ASSERT_TRUE(demo.has_printed("ClickHouse [0-9,]+/s")) << demo.output();
  // It dies, and cannot come back.
  std::filesystem::permissions(engine, std::filesystem::perms::none);
  for (const auto pid : test::processes_about("clickhouse-host", engine)) ::kill(pid, SIGKILL);
  demo.process().signal(SIGINT);
  EXPECT_EQ(demo.process().wait(kLongEnough), 0) << demo.output();
  EXPECT_THAT(demo.output(), HasSubstr("ClickHouse cannot be asked the three questions: "));
  std::error_code is_gone;
  std::filesystem::permissions(engine, std::filesystem::perms::owner_all, is_gone);
  std::filesystem::remove_all(engine, is_gone);
}

TEST(Demo, LeavesNoServerWhenItIsKilled) {
  test::Folder folder;
  {
    DemoProcess demo(folder, {"--tenants", "2", "--users", "100"});
    ASSERT_TRUE(demo.has_printed("backlog")) << demo.output();
    demo.process().signal(SIGKILL);
    EXPECT_EQ(demo.process().wait(kLongEnough), 128 + SIGKILL);
  }
  for (const auto& pid : test::processes_in(folder.path())) EXPECT_TRUE(wait_until_gone(std::stoi(pid), 20s)) << pid;
}

/// One answer's rows, a text for each: its values with blanks between them.
std::vector<std::string> texts_of(const boost::json::value& answer, std::initializer_list<const char*> columns) {
  std::vector<std::string> texts;
  for (const auto& row : answer.at("rows").as_array()) {
    std::string text;
    for (const auto* column : columns) {
      const auto& value = row.at(column);
      text += (text.empty() ? "" : " ") + (value.is_string() ? std::string(value.as_string()) : boost::json::serialize(value));
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

/// What ClickHouse told the largest tenant is what its rows in the source say.
void expect_answers_of_source(const boost::json::array& answers, const std::filesystem::path& folder) {
  const auto cluster = PrivateCluster::start({.folder = folder});
  test::Session source(cluster.database("source").to_string());
  const auto rows = [&](const std::string& sql) {
    std::vector<std::string> texts;
    for (const auto& row : source.rows(sql)) texts.push_back(row.at(0).value());
    return texts;
  };
  const auto of_largest = " WHERE \"tenancyId\" = '" +
                          source.value(R"(SELECT "tenancyId" FROM "ProjectUser" GROUP BY 1 ORDER BY count(*) DESC LIMIT 1)") +
                          "' ";
  ASSERT_EQ(answers.size(), std::size(kQuestions));
  const auto weeks = texts_of(answers[0], {"week", "sign_ups"});
  EXPECT_GT(weeks.size(), 1U);
  EXPECT_EQ(weeks, rows(R"(SELECT sunday || ' ' || count(*)
                           FROM (SELECT ("signedUpAt"::date - extract(dow FROM "signedUpAt")::int) AS sunday FROM "ProjectUser")" +
                        of_largest + ") AS u GROUP BY sunday ORDER BY sunday DESC LIMIT 8"));
  const auto teams = texts_of(answers[1], {"team", "members"});
  EXPECT_GT(teams.size(), 1U);
  EXPECT_EQ(
      teams,
      rows(
          R"(SELECT min(t."displayName") || ' ' || count(*) FROM "TeamMember" AS m JOIN "Team" AS t USING ("tenancyId", "teamId"))" +
          of_largest + R"(GROUP BY "teamId" ORDER BY count(*) DESC, min(t."displayName") COLLATE "C" LIMIT 5)"));
  EXPECT_EQ(texts_of(answers[2], {"unverified", "addresses"}),
            rows(R"(SELECT count(*) FILTER (WHERE NOT "isVerified") || ' ' || count(*) FROM "ContactChannel")" + of_largest +
                 "AND type = 'EMAIL'"));
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
    expect_answers_of_source(summary.at("answers").as_array(), folder.path());
  }
  ASSERT_TRUE(std::filesystem::exists(folder.path()));
  DemoProcess second(folder, {"--once", "--keep"});
  EXPECT_EQ(second.process().wait(kLongEnough), 0) << second.output();
  EXPECT_THAT(second.output(), HasSubstr("going on with the data of an earlier run"));
  EXPECT_THAT(second.output(), HasSubstr("2 tenants"));
}

}  // namespace
}  // namespace tributary::cli::demo
