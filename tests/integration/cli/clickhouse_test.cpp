#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/uuid.hpp"
#include "clickhouse/embedded/host_file.hpp"
#include "clickhouse/embedded/supervisor.hpp"
#include "clickhouse/error.hpp"
#include "fixture.hpp"
#include "support/clickhouse.hpp"
#include "support/fake_server.hpp"
#include "support/http_client.hpp"
#include "support/small_disk.hpp"

/// With nothing configured, every tenancy's rows are in the embedded ClickHouse too.
namespace tributary::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
namespace embedded = clickhouse::embedded;

class CliClickHouse : public Cli {
 protected:
  CliClickHouse() : folder_(fs::temp_directory_path() / ("tributary-cli-clickhouse-" + Uuid::random().to_string())) {
    fs::create_directories(folder_);
    fs::permissions(folder_, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  }
  ~CliClickHouse() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  void SetUp() override {
    if (!ClickHouse::is_installed()) GTEST_SKIP() << "libchdb is not installed (npm ci)";
    migrate();
    tenancy_ = create_project("acme");
  }
  Environment with_clickhouse() const {
    auto variables = environment();
    variables["TRIBUTARY_CLICKHOUSE_USE"] = "automatic";
    variables["TRIBUTARY_CLICKHOUSE_FOLDER"] = folder_.string();
    return variables;
  }
  Finished with_clickhouse(std::vector<std::string> arguments) { return run_binary(std::move(arguments), with_clickhouse()); }

  /// Teams of the project, as it sees itself in the engine that somebody runs; -1: nobody does.
  std::int64_t teams() const {
    const auto host = embedded::read_host_file(folder_);
    if (!host) return -1;
    try {
      auto server = embedded::administrator_of(*host);
      server.user = embedded::Credentials::kTenant;
      server.password = host->credentials.tenant_password;
      const auto counted = clickhouse_strings(server, "SELECT toString(count()) FROM teams",
                                              {{"SQL_project_id", "acme"}, {"SQL_branch_id", "main"}});
      return std::stoll(counted.at(0));
    } catch (const tributary::clickhouse::Error&) {
      return -1;
    }
  }

  fs::path folder_;
  std::string tenancy_;
};

/// The way to a ClickHouse whose administrator has another password than those who come by here, until somebody there changes it.
class OtherPassword {
 public:
  static constexpr std::string_view kPassword = "what-the-settings-say";
  explicit OtherPassword(const clickhouse::ConnectOptions& server)
      : server_(server), door_([this](FakeServer::Socket& client) { return let_in(client); }) {}

  std::string url() const { return "http://127.0.0.1:" + door_.port(); }
  void change() { is_changed_ = true; }

 private:
  asio::awaitable<void> let_in(FakeServer::Socket& client) {
    using asio::experimental::awaitable_operators::operator||;
    FakeServer::Socket server(client.get_executor());
    co_await server.async_connect({asio::ip::address_v4::loopback(), server_.port}, asio::use_awaitable);
    co_await (pass(client, server) || pass(server, client));
  }
  asio::awaitable<void> pass(FakeServer::Socket& from, FakeServer::Socket& to) {
    std::string bytes;
    for (;;) {
      bytes.resize(64 * 1024);
      bytes.resize(co_await from.async_read_some(asio::buffer(bytes), asio::use_awaitable));
      const auto at = is_changed_ ? bytes.find(kPassword) : std::string::npos;
      if (at != std::string::npos) bytes.replace(at, kPassword.size(), server_.password);
      co_await asio::async_write(to, asio::buffer(bytes), asio::use_awaitable);
    }
  }

  const clickhouse::ConnectOptions server_;
  std::atomic<bool> is_changed_ = false;
  FakeServer door_;
};

TEST_F(CliClickHouse, SyncOnceFillsTheEmbeddedEngine) {
  insert_teams(tenancy_, "acme", 700);
  const auto finished = with_clickhouse({"sync", "--once"});
  EXPECT_EQ(finished.status, 0) << finished.err;
  const auto status = json_of(with_clickhouse({"status", "--json"})).as_object().at("clickhouse").as_object();
  EXPECT_TRUE(status.at("used").as_bool());
  EXPECT_EQ(status.at("waiting").to_number<int>(), 0);
  EXPECT_EQ(status.at("failing").to_number<int>(), 0);

  auto talkative = with_clickhouse();
  talkative["TRIBUTARY_LOG_LEVEL"] = "debug";
  Binary serve({"serve"}, talkative);
  HttpClient client(port_of(serve));
  serve.wait_until([&] { return teams() == 700; }, 60s);
  insert_teams(tenancy_, "acme", 1);
  serve.wait_until([&] { return teams() == 701; });
  const auto metrics = client.get("/metrics").body;
  EXPECT_THAT(metrics, testing::HasSubstr("\ntributary_clickhouse_engine_up 1\n"));
  EXPECT_THAT(metrics, testing::HasSubstr("\ntributary_clickhouse_engine_starts_total 1\n"));
  const auto passwords = embedded::read_host_file(folder_).value().credentials;
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(30s), 0) << serve.err();
  EXPECT_EQ(teams(), -1);
  for (const auto& password : {passwords.admin_password, passwords.tenant_password}) {
    for (const auto* text : {&serve.err(), &serve.out(), &metrics})
      EXPECT_THAT(*text, testing::Not(testing::HasSubstr(password)));
  }
}

TEST_F(CliClickHouse, ASecondProcessUsesTheEngineOfTheFirstAndTakesOver) {
  Binary first({"serve"}, with_clickhouse());
  first.wait_for("the embedded ClickHouse engine is ready", 60s);
  Binary second({"serve"}, with_clickhouse());
  second.wait_for("the embedded ClickHouse engine of another process is used", 60s);
  insert_teams(tenancy_, "acme", 3);
  first.wait_until([&] { return teams() == 3; });
  first.signal(SIGKILL);
  first.wait();
  insert_teams(tenancy_, "acme", 2);
  second.wait_until([&] { return teams() == 5; }, 60s);
  second.signal(SIGTERM);
  EXPECT_EQ(second.wait(30s), 0) << second.err();
}

TEST_F(CliClickHouse, WhereTheEngineCannotStartTheRestIsDoneAndItIsSaid) {
  Database warehouse("cli_warehouse");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse.uri()});
  insert_teams(tenancy_, "acme", 3);
  fs::remove_all(folder_);
  std::ofstream(folder_) << "no folder";
  Binary serve({"serve"}, with_clickhouse());
  serve.wait_until([&] {
    auto session = warehouse.session();
    return session.value("SELECT to_regclass('public.teams') IS NOT NULL") == "t" &&
           session.number("SELECT count(*) FROM teams") == 3;
  });
  serve.wait_until(
      [&] { return json_of(with_clickhouse({"status", "--json"})).as_object().at("clickhouse").as_object().at("failing") == 1; },
      60s);
  EXPECT_THAT(serve.err(), testing::HasSubstr(folder_.string()));
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(30s), 0) << serve.err();
}

TEST_F(CliClickHouse, VerifyComparesWhatEachTenantSeesAndResyncReadsItAgain) {
  create_project("other");
  insert_teams(tenancy_, "acme", 300);
  ASSERT_EQ(with_clickhouse({"sync", "--once"}).status, 0);
  const auto equal = with_clickhouse({"verify"});
  EXPECT_EQ(equal.status, 0) << equal.out << equal.err;
  EXPECT_THAT(equal.out, testing::HasSubstr("acme/@clickhouse teams: 300 rows compared, equal"));

  source_.session().run(R"(UPDATE "Team" SET "displayName" = 'on its way')");
  const auto late = with_clickhouse({"verify", "--mapping", "teams", "--patience", "0"});
  EXPECT_EQ(late.status, 2);
  EXPECT_THAT(late.out, testing::HasSubstr("300 rows still on its way"));

  ASSERT_EQ(with_clickhouse({"resync", "--destination", "@clickhouse", "--no-wait"}).status, 0);
  ASSERT_EQ(with_clickhouse({"sync", "--once"}).status, 0);
  EXPECT_EQ(source_.session().number("SELECT count(*) FROM tributary.mend WHERE finished_at IS NULL OR NOT begun"), 0);
  EXPECT_EQ(with_clickhouse({"verify", "--project", "acme"}).status, 0);
}

// Nobody waits for a server in trouble, whatever it is; `status` says what it is; and once somebody has mended it the rest comes by itself.
TEST_F(CliClickHouse, AServerThatCannotBeWrittenHoldsUpNobodyElseAndIsFilledOnceItIsMended) {
  const ClickHouse server;
  OtherPassword door(server.options());
  const Database warehouse("cli_warehouse");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse.uri()});
  auto settings = with_clickhouse();
  settings["TRIBUTARY_CLICKHOUSE_URL"] = server.uri();
  ASSERT_EQ(run_binary({"clickhouse", "migrate"}, settings).status, 0);
  server.run("INSERT INTO analytics_internal._tributary_schema (version, name) VALUES (99, 'a later one')");
  settings["TRIBUTARY_CLICKHOUSE_URL"] = door.url();
  settings["TRIBUTARY_CLICKHOUSE_USER"] = server.options().user;
  settings["TRIBUTARY_CLICKHOUSE_PASSWORD"] = OtherPassword::kPassword;
  settings["TRIBUTARY_SYNC_RETRY_FIRST"] = "50ms";
  settings["TRIBUTARY_SYNC_RETRY_LONGEST"] = "500ms";
  Binary serve({"serve"}, settings);

  auto customer = warehouse.session();
  int teams = 0;
  const auto goes_on_and_says = [&](const std::string& error) {
    insert_teams(tenancy_, "acme", 10);
    teams += 10;
    serve.wait_until([&] {
      return customer.value("SELECT to_regclass('public.teams') IS NOT NULL") == "t" &&
             customer.number("SELECT count(*) FROM teams") == teams;
    });
    serve.wait_until([&] {
      const auto status = tributary({"status"}).out;
      return status.find("clickhouse    does not take rows of 1 tenant: ") != std::string::npos &&
             status.find(error) != std::string::npos;
    });
  };
  const auto is_filled = [&] {
    serve.wait_until([&] {
      return server.strings("SELECT toString(count()) FROM analytics_internal.teams FINAL").at(0) == std::to_string(teams);
    });
    serve.wait_until([&] { return tributary({"status"}).out.find("clickhouse    ok") != std::string::npos; });
  };
  goes_on_and_says("Authentication failed");
  door.change();
  goes_on_and_says("analytics_internal is of version 99, made by a newer Tributary");
  server.run("ALTER TABLE analytics_internal._tributary_schema DELETE WHERE version = 99 SETTINGS mutations_sync = 1");
  is_filled();
  server.run("ALTER TABLE analytics_internal.teams DROP COLUMN display_name, ADD COLUMN display_name UInt64");
  goes_on_and_says("analytics_internal.teams has column \"display_name\" of type UInt64, not String");
  server.run("ALTER TABLE analytics_internal.teams DROP COLUMN display_name");
  is_filled();
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(30s), 0) << serve.err();
}

// The engine's trouble is its own: customers' databases get their rows meanwhile, and it has all of them once there is room.
TEST_F(CliClickHouse, AFullDiskUnderTheEngineHoldsUpNobodyElse) {
  if (!SmallDisk::can_mount()) GTEST_SKIP() << "a small disk can be mounted by root only";
  const SmallDisk disk;
  const Database warehouse("cli_warehouse");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse.uri()});
  auto settings = with_clickhouse();
  settings["TRIBUTARY_CLICKHOUSE_FOLDER"] = (disk.path() / "engine").string();
  folder_ = disk.path() / "engine";
  Binary serve({"serve"}, settings);
  insert_teams(tenancy_, "acme", 10);
  serve.wait_until([&] { return teams() == 10; }, 60s);

  disk.fill();
  insert_teams(tenancy_, "acme", 5'000);
  auto customer = warehouse.session();
  serve.wait_until([&] { return customer.number("SELECT count(*) FROM teams") == 5'010; });
  auto source = source_.session();
  serve.wait_until([&] {
    return source.number(
               "SELECT count(*) FROM tributary.destination_state WHERE destination_id = '@clickhouse' AND error <> ''") > 0;
  });
  EXPECT_GT(json_of(tributary({"status", "--json"})).at("clickhouse").at("failing").to_number<int>(), 0);

  disk.make_room();
  serve.wait_until([&] { return teams() == 5'010; }, 60s);
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(30s), 0) << serve.err();
}

}  // namespace
}  // namespace tributary::test
