#include <atomic>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <filesystem>

#include "base/uuid.hpp"
#include "clickhouse/embedded/host_file.hpp"
#include "clickhouse/embedded/supervisor.hpp"
#include "fixture.hpp"
#include "support/clickhouse.hpp"
#include "support/fake_server.hpp"
#include "support/http_client.hpp"
#include "support/otlp_receiver.hpp"
#include "support/process.hpp"

/// `tributary query`: one tenant asks the shared ClickHouse.
namespace tributary::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace embedded = clickhouse::embedded;

/// Seven teams of "acme" are in the embedded engine's folder, and nobody runs it.
class CliQuery : public Cli {
 protected:
  CliQuery() : folder_(fs::temp_directory_path() / ("tributary-cli-query-" + Uuid::random().to_string())) {
    fs::create_directories(folder_);
    fs::permissions(folder_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  }
  ~CliQuery() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  void SetUp() override {
    if (!ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed (npm ci)";
    migrate();
    create_project("other");
    insert_teams(create_project("acme"), "acme", 7);
    const auto finished = run_binary({"sync", "--once"}, with_clickhouse());
    ASSERT_EQ(finished.status, 0) << finished.err;
  }
  Environment with_clickhouse() const {
    auto variables = environment();
    variables["TRIBUTARY_CLICKHOUSE_USE"] = "automatic";
    variables["TRIBUTARY_CLICKHOUSE_FOLDER"] = folder_.string();
    return variables;
  }
  embedded::ReadyLine wait_for_engine(Binary& serve) const {
    serve.wait_until([&] { return embedded::read_host_file(folder_).has_value(); }, 60s);
    return embedded::read_host_file(folder_).value();
  }
  Finished query(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "query");
    return run_binary(std::move(arguments), with_clickhouse());
  }
  std::string count(const std::string& project) {
    const auto finished = query({"--project", project, "--format", "TSV", "SELECT count() FROM teams"});
    EXPECT_EQ(finished.status, 0) << finished.err;
    return finished.out;
  }

  const fs::path folder_;
};

class CliQueryOfTheSource : public Cli {};

TEST_F(CliQueryOfTheSource, EndsAtASignalWhileItWaitsForTheSource) {
  std::atomic<bool> is_asked{false};
  const FakeServer source([&](FakeServer::Socket& socket) -> asio::awaitable<void> {
    co_await wire::startup(socket);
    is_asked = true;
    co_await wire::receive(socket);  // never comes
  });
  auto variables = environment();
  variables["TRIBUTARY_SOURCE_URL"] = source.uri() + "&connect_timeout=300";
  variables["TRIBUTARY_CLICKHOUSE_USE"] = "automatic";
  variables["TRIBUTARY_CLICKHOUSE_URL"] = "http://127.0.0.1:1";
  variables["TRIBUTARY_CLICKHOUSE_LIMITED_USER_PASSWORD"] = "secret";
  Binary query({"query", "--project", "acme", "SELECT 1"}, variables);
  query.wait_until([&] { return is_asked.load(); });
  query.signal(SIGINT);
  EXPECT_EQ(query.wait(), 1);
  EXPECT_THAT(query.err(), testing::HasSubstr("the query was cancelled"));
}

TEST_F(CliQuery, StartsTheEngineOrAsksTheOneThatRunsOrAServer) {
  EXPECT_EQ(count("acme"), "7\n");
  EXPECT_EQ(count("other"), "0\n");
  Binary serve({"serve"}, with_clickhouse());
  const auto host = wait_for_engine(serve);
  EXPECT_EQ(count("acme"), "7\n");

  auto variables = with_clickhouse();
  variables["TRIBUTARY_CLICKHOUSE_URL"] = fmt::format("http://127.0.0.1:{}", host.port);
  const std::vector<std::string> arguments{"query", "--project", "acme", "--format", "TSV", "SELECT count() FROM teams"};
  EXPECT_EQ(run_binary(arguments, variables).status, 2) << "without a password";
  variables["TRIBUTARY_CLICKHOUSE_LIMITED_USER_PASSWORD"] = "not it";
  EXPECT_THAT(run_binary(arguments, variables).err, testing::HasSubstr("does not take clickhouse.limited_user_password"));
  variables["TRIBUTARY_CLICKHOUSE_LIMITED_USER_PASSWORD"] = host.credentials.tenant_password;
  EXPECT_EQ(run_binary(arguments, variables).out, "7\n");
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(30s), 0) << serve.err();
}

TEST_F(CliQuery, AnswersInFormatsAndSaysWhatIsWrong) {
  Binary serve({"serve"}, with_clickhouse());
  wait_for_engine(serve);
  const auto one = query({"--project", "acme", "--json", "--param", "n=41", "SELECT {n:UInt8} + 1 AS n"});
  EXPECT_EQ(json_of(one).at("data").at(0).at("n").as_int64(), 42);
  OtlpReceiver collector;
  auto traced = with_clickhouse();
  traced["TRIBUTARY_TELEMETRY_OTLP_ENDPOINT"] = collector.url();
  EXPECT_EQ(run_binary({"query", "--project", "acme", "--format", "csv", "SELECT 1 AS a"}, traced).out, "\"a\"\n1\n");
  ASSERT_EQ(collector.spans().size(), 1U);
  EXPECT_EQ(collector.spans()[0].name, "analytics.tenant-query");
  EXPECT_EQ(collector.spans()[0].attributes.at("stack.analytics.bytes"), "6");
  EXPECT_EQ(query({"--project", "acme", "--format", "jsoneachrow", "SELECT 1 AS a"}).out, "{\"a\":1}\n");
  EXPECT_THAT(query({"--project", "acme", "SELECT 1 AS a"}).out, testing::HasSubstr("─a─"));

  struct Mistake {
    std::vector<std::string> arguments;
    std::string text;  ///< of what is said
    int status = 2;
  };
  const std::vector<Mistake> mistakes{
      {{"SELECT nothing FROM teams"}, "It names a column that is not there. (UNKNOWN_IDENTIFIER)"},
      {{"SELECT * FROM nowhere"}, "It names a view that is not there; `tributary mapping check`"},
      {{"SELECT file('/etc/passwd')"}, "that tenants may not"},
      {{"SELECT * FORM teams"}, "Syntax error: failed at position 15 (teams)"},
      {{"SELECT 1; SELECT 2"}, "several statements"},
      {{"INSERT INTO teams VALUES (1)"}, "only a SELECT"},
      {{"DROP TABLE teams"}, "only a SELECT"},
      {{""}, "the query is empty"},
      {{" -- nothing"}, "the query is empty"},
      {{"--param", "n=abc", "SELECT {n:UInt8}"}, "does not fit the type of its place"},
      {{"SELECT {n:UInt8}"}, "has no --param"},
      {{"--param", "n", "SELECT 1"}, "--param n: must be NAME=VALUE"},
      {{"--param", "n=1", "--param", "n=2", "SELECT {n:UInt8}"}, "--param n is given twice"},
      {{"--format", "nonsense", "SELECT 1"}, "no such format"},
      {{"--format", "no format", "SELECT 1"}, "is no format"},
      {{"--max-rows", "-1", "SELECT 1"}, "--max-rows"},
      {{"--timeout", "0", "SELECT 1"}, "--timeout"},
      {{"--branch", "none", "SELECT 1"}, "there is no project \"acme\" with a branch \"none\""},
      {{"--max-rows", "3", "SELECT * FROM teams"}, "more rows or bytes than it may have", 1},
      {{"--timeout", "1", "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"},
       "takes longer than it may",
       1},
      {{"--timeout", "60", "SELECT groupArray(repeat('x', 1000000 + number)) FROM numbers(10000)"},
       "more memory than a query may take",
       1},
  };
  for (const auto& mistake : mistakes) {
    auto arguments = mistake.arguments;
    arguments.insert(arguments.begin(), {"--project", "acme"});
    const auto finished = query(std::move(arguments));
    EXPECT_EQ(finished.status, mistake.status) << mistake.text;
    EXPECT_THAT(finished.err, testing::HasSubstr(mistake.text));
    EXPECT_EQ(finished.out, "") << mistake.text;
  }
  EXPECT_EQ(query({"SELECT 1"}).status, 2) << "whose rows is not said";
  EXPECT_EQ(query({"--project", "stranger", "SELECT 1"}).status, 2);
}

TEST(CliQueryOfServer, OneThatFindsNoPlaceIsToBeTriedAgain) {
  const FakeServer server([](FakeServer::Socket& socket) -> asio::awaitable<void> {
    std::string request;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", asio::use_awaitable);
    co_await wire::send(socket,
                        "HTTP/1.1 503 Service Unavailable\r\nX-ClickHouse-Exception-Code: 202\r\nContent-Length: 0\r\n\r\n");
  });
  const auto finished =
      run_binary({"query", "--project", "acme", "SELECT 1"}, {{"TRIBUTARY_CLICKHOUSE_URL", "http://127.0.0.1:" + server.port()},
                                                              {"TRIBUTARY_CLICKHOUSE_LIMITED_USER_PASSWORD", "secret"}});
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, testing::HasSubstr("ClickHouse has more queries than it can take; try again later"));
}

/// Puts a file's rows into a table and reads them there: (text, number).
std::vector<std::string> read_back(const clickhouse::ConnectOptions& administrator, const std::string& format,
                                   const std::string& file) {
  const auto table = fmt::format("default.read_back_{}_{}", format, file.size());
  HttpClient engine(administrator.port);
  const auto run = [&](std::string statement, const std::string& data = "") {
    std::ranges::replace(statement, ' ', '+');
    const auto answer = engine.request("POST", "/?query=" + statement, data,
                                       {{"X-ClickHouse-User", administrator.user}, {"X-ClickHouse-Key", administrator.password}});
    if (answer.status != 200) throw std::runtime_error(answer.body);
  };
  run("CREATE TABLE " + table + " (text String, number UInt32) ENGINE = MergeTree ORDER BY number");
  run("INSERT INTO " + table + " FORMAT " + format, file);
  return clickhouse_strings(administrator, "SELECT text || ' ' || toString(number) FROM " + table + " ORDER BY number");
}

TEST_F(CliQuery, FilesOfOtherToolsAreWhole) {
  Binary serve({"serve"}, with_clickhouse());
  wait_for_engine(serve);
  const ClickHouse reader;
  const std::string statement = "SELECT display_name AS text, toUInt32(substring(text, 6)) AS number FROM teams ORDER BY number";
  std::vector<std::string> expected;
  for (int i = 1; i <= 7; ++i) expected.push_back(fmt::format("team {} {}", i, i));
  for (const std::string format : {"Parquet", "Arrow", "Native", "RowBinary"}) {
    const auto file = query({"--project", "acme", "--format", format, statement}).out;
    EXPECT_EQ(read_back(reader.options(), format, file), expected) << format;
    EXPECT_THROW(read_back(reader.options(), format, file.substr(0, file.size() - 3)), std::runtime_error) << format;
  }
}

/// Peak memory of the command while it passes an answer on, in KiB.
long peak_of(const std::string& statement, const Environment& environment) {
  Process query(
      "/bin/sh",
      {"-c", "exec \"$@\" > /dev/null", "sh", TRIBUTARY_BINARY, "query", "--project", "acme", "--format", "TSV", statement},
      environment);
  const auto end = query.wait();
  EXPECT_EQ(end.status, 0);
  return end.largest_resident_kib;
}

TEST_F(CliQuery, ALargeAnswerIsPassedOnInBoundedMemory) {
  Binary serve({"serve"}, with_clickhouse());
  wait_for_engine(serve);
  const auto small = peak_of("SELECT repeat('x', 1000) FROM numbers(1)", with_clickhouse());
  const auto large = peak_of("SELECT repeat('x', 1000) FROM numbers(200000)", with_clickhouse());  // 200 MB
  EXPECT_LT(large - small, 16 * 1024) << "from " << small << " KiB to " << large << " KiB";
}

TEST_F(CliQuery, CtrlCEndsTheQuery) {
  Binary serve({"serve"}, with_clickhouse());
  const auto host = embedded::administrator_of(wait_for_engine(serve));
  const auto running = [&] {
    return clickhouse_strings(host,
                              "SELECT toString(count()) FROM system.processes "
                              "WHERE query LIKE '%9000000001%' AND query NOT LIKE '%LIKE%'")
        .at(0);
  };
  Binary query(
      {"query", "--project", "acme", "--timeout", "120", "SELECT count() FROM numbers(9000000001) WHERE sipHash64(number) = 1"},
      with_clickhouse());
  query.wait_until([&] { return running() == "1"; });
  query.signal(SIGINT);
  EXPECT_EQ(query.wait(30s), 1);
  EXPECT_THAT(query.err(), testing::HasSubstr("cancelled"));
  serve.wait_until([&] { return running() == "0"; });
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(30s), 0) << serve.err();
}

using CliQueryOfNobody = Cli;

TEST_F(CliQueryOfNobody, IsRefusedWithTheEnginesName) {
  migrate();
  create_project("acme");
  const auto folder = (fs::temp_directory_path() / Uuid::random().to_string()).string();
  const auto asked = [&](const Environment& changes) {
    auto variables = environment();
    variables["TRIBUTARY_CLICKHOUSE_USE"] = "automatic";
    for (const auto& [name, value] : changes) variables[name] = value;
    return run_binary({"query", "--project", "acme", "SELECT 1"}, variables);
  };
  const auto nobody =
      asked({{"TRIBUTARY_CLICKHOUSE_URL", "http://127.0.0.1:1"}, {"TRIBUTARY_CLICKHOUSE_LIMITED_USER_PASSWORD", "secret"}});
  EXPECT_EQ(nobody.status, 1);
  EXPECT_THAT(nobody.err, testing::HasSubstr("ClickHouse at http://limited_user@127.0.0.1:1"));
  EXPECT_THAT(nobody.err, testing::Not(testing::HasSubstr("secret")));
  const auto nowhere = asked({{"TRIBUTARY_CLICKHOUSE_FOLDER", folder}});
  EXPECT_EQ(nowhere.status, 1);
  EXPECT_THAT(nowhere.err, testing::HasSubstr("there is no ClickHouse in " + folder));
  EXPECT_EQ(asked({{"TRIBUTARY_CLICKHOUSE_USE", "none"}}).status, 2);
  EXPECT_EQ(asked({{"TRIBUTARY_CLICKHOUSE_URL", "ftp://127.0.0.1"}}).status, 2);
}

}  // namespace
}  // namespace tributary::test
