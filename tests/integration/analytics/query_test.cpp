#include "analytics/query.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <boost/json.hpp>
#include <memory>

#include "analytics/timing.hpp"
#include "base/uuid.hpp"
#include "clickhouse/embedded/supervisor.hpp"
#include "integration/clickhouse_host/tenants.hpp"
#include "support/fake_server.hpp"

namespace tributary::analytics {
namespace {

using clickhouse::embedded::test::Host;
using clickhouse::embedded::test::TenantHost;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using tributary::test::FakeServer;
namespace json = boost::json;
using namespace std::chrono_literals;

constexpr auto kSentence = "Error during execution of this query.";

/// Tenants "one" and "two" with five teams each, in one engine for all tests.
class Analytics : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    host_ = std::make_unique<TenantHost>([](const Host& admin) {
      for (const auto* project : {"one", "two"}) {
        admin.run(fmt::format(
            "INSERT INTO analytics_internal.teams (project_id, branch_id, id, display_name, created_at, sync_sequence_id, "
            "sync_is_deleted) SELECT '{0}', 'main', generateUUIDv4(), '{0} ' || toString(number), now(), number, 0 FROM "
            "numbers(5)",
            project));
      }
    });
  }
  static void TearDownTestSuite() { host_.reset(); }

  Analytics()
      : tenants(loop.get_executor(), clickhouse::embedded::limited_user_of(host_->host().ready())),
        admin(loop.get_executor(), clickhouse::embedded::administrator_of(host_->host().ready())) {}
  ~Analytics() override {
    tenants.close();
    admin.close();
    loop.restart();
    loop.poll();
  }

  template <class T>
  T run(asio::awaitable<T> work) {
    std::optional<T> result;
    std::exception_ptr failure;
    asio::co_spawn(loop, std::move(work), [&](std::exception_ptr error, T value) {
      failure = error;
      result.emplace(std::move(value));
    });
    loop.restart();
    while (!result && loop.run_one() > 0) continue;
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

  struct Whole {
    std::string text;
    std::string query_id;
    std::optional<QueryError> error;
  };
  static asio::awaitable<Whole> read(ch::Client& client, TenantQuery query) {
    Whole whole;
    try {
      auto answer = co_await start(client, std::move(query));
      whole.query_id = answer.query_id();
      for (auto bytes = co_await answer.next(); !bytes.empty(); bytes = co_await answer.next())
        whole.text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    } catch (const QueryError& error) {
      whole.error = error;
      whole.query_id = error.cause().query_id;
    }
    co_return whole;
  }
  Whole ask(TenantQuery query) { return run(read(tenants, std::move(query))); }
  Whole ask(const std::string& statement) { return ask({.tenant = {"one"}, .statement = statement, .format = "TSV"}); }
  std::string refused(const std::string& statement) {
    const auto whole = ask(statement);
    return whole.error ? whole.error->what() : "answered: " + whole.text;
  }

  std::optional<Timing> timing(const Tenant& tenant, const std::string& query_id) {
    const auto wrapped = [](ch::Client& client, Tenant of, std::string id) -> asio::awaitable<std::vector<Timing>> {
      const auto found = co_await read_timing(client, of, id, {.embedded = true}, Deadline::after(60s));
      co_return found ? std::vector{*found} : std::vector<Timing>{};
    };
    const auto found = run(wrapped(admin, tenant, query_id));
    return found.empty() ? std::nullopt : std::optional(found.front());
  }

  static std::unique_ptr<TenantHost> host_;
  asio::io_context loop{1};
  ch::Client tenants;
  ch::Client admin;
};

std::unique_ptr<TenantHost> Analytics::host_;

TEST_F(Analytics, AnswersFromTheTenantsOwnRowsUnderAnIdOfItsOwn) {
  const auto whole = ask("SELECT count(), min(display_name) FROM teams");
  EXPECT_EQ(whole.text, "5\tone 0\n");
  EXPECT_THAT(whole.query_id, StartsWith("one:main:"));
  EXPECT_TRUE(Uuid::parse(whole.query_id.substr(9)));
  EXPECT_EQ(ask({.tenant = {"one", "dev"}, .statement = "SELECT count() FROM teams", .format = "TSV"}).text, "0\n");
}

TEST_F(Analytics, BindsTypedParameters) {
  TenantQuery query{.tenant = {"two"}, .statement = "SELECT {n:UInt8} + 1, {s:String}, {a:Array(String)}[2]", .format = "TSV"};
  query.params.add("n", 41).add("s", "it's\ta").add("a", std::vector<std::string>{"x", "y'"});
  EXPECT_EQ(ask(query).text, "42\tit\\'s\\ta\ty\\'\n");
  EXPECT_EQ(refused("SELECT {n:UInt8}"), kSentence);
}

TEST_F(Analytics, BindsJsonAsItWasGivenHoweverHostile) {
  const std::string hostile = R"('], ['\\', NULL] \\N \\' -- ) {x:UInt8} }' UNION ALL SELECT 1)"
                              "\t\n\r\b\f\xF0\x9F\x98\x80";
  const json::array texts{hostile, "", "'", "\\", "\\'", "NULL", "\t", "a,b]"};
  const std::vector<std::pair<std::string, json::value>> given{
      {"Array(UInt8)", json::parse("[1, 2, 255]")},
      {"Array(Int32)", json::parse("[-2147483648, 0]")},
      {"Array(Float64)", json::parse("[0.1, 1e300, -2.5e-7]")},
      {"Array(Bool)", json::parse("[true, false]")},
      {"Array(String)", texts},
      {"Array(String)", json::array()},
      {"Array(Nullable(String))", json::parse(R"([null, "NULL", "\\N"])")},
      {"Array(Array(Array(String)))", json::array{json::array{texts, json::array()}, json::array()}},
      {"Array(Nullable(Int32))", json::parse("[1, null]")},
      {"Array(UUID)", json::parse(R"(["61f0c404-5cb3-11e7-907b-a6006ad3dba0"])")},
      {"Array(Date)", json::parse(R"(["2024-02-29"])")},
      {"Map(String, Array(String))", json::object{{hostile, texts}, {"'", json::array()}}},
      {"Nullable(String)", nullptr},
      {"String", json::value(hostile)}};
  for (const auto& [type, value] : given) {
    TenantQuery query{.tenant = {"one"}, .statement = "SELECT {p:" + type + "} AS p"};
    query.params.add_json("p", value);
    const auto whole = ask(query);
    ASSERT_FALSE(whole.error) << type << ": " << whole.error->cause().message;
    EXPECT_EQ(json::serialize(json::parse(whole.text).at("p")), json::serialize(value)) << type;
  }
  TenantQuery query{.tenant = {"one"}, .statement = "SELECT {p:Array(UInt8)} AS p"};
  query.params.add_json("p", json::array{hostile});
  EXPECT_STREQ(ask(query).error.value().what(), kSentence) << "a text is no number";
}

TEST_F(Analytics, AnswersInTheFormatThatIsAskedForAndNoOther) {
  TenantQuery query{.tenant = {"one"}, .statement = "SELECT 1 AS n"};
  EXPECT_EQ(ask(query).text, "{\"n\":1}\n");
  query.statement += " FORMAT CSV";
  EXPECT_THAT(ask(query).error.value().what(), HasSubstr("format of its own"));
  query.own_format = true;
  EXPECT_EQ(ask(query).text, "1\n");
  query.statement = "SELECT 1 AS n FORMAT JSONEachRowWithProgress";
  EXPECT_TRUE(ask(query).error);
}

TEST_F(Analytics, StopsAtItsLimits) {
  TenantQuery query{.tenant = {"one"}, .statement = "SELECT number FROM numbers(10001)", .format = "TSV"};
  EXPECT_EQ(ask(query).error.value().cause().code, 396);
  query.statement = "SELECT number FROM numbers(10000)";
  EXPECT_FALSE(ask(query).error);
  query.statement = "SELECT repeat('x', 1000000) FROM numbers(11)";
  EXPECT_THAT(ask(query).error.value().what(), HasSubstr("more rows or bytes"));
  query.statement = "SELECT repeat('\\t', 1000000) FROM numbers(8)";  // less in memory, and twice that in this format
  EXPECT_THAT(ask(query).error.value().what(), HasSubstr("more rows or bytes"));
  query.most_rows = query.most_bytes = 0;
  query.statement = "SELECT number FROM numbers(3000000)";
  EXPECT_GT(ask(query).text.size(), 20'000'000U);
}

TEST_F(Analytics, TimeIsLimited) {
  const auto whole = ask({.tenant = {"one"},
                          .statement = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1",
                          .timeout = 1'000ms});
  EXPECT_STREQ(whole.error.value().what(), "The query takes longer than it may.");
}

TEST_F(Analytics, SaysOnlyWhatIsSafe) {
  EXPECT_THAT(refused("SELECT * FORM teams"), StartsWith("Syntax error: failed at position"));
  EXPECT_THAT(refused("SELEC 1"), StartsWith("Syntax error: only a SELECT"));
  EXPECT_THAT(refused("SELECT 1; SELECT 2"), StartsWith("Syntax error: "));
  EXPECT_THAT(refused("KILL QUERY WHERE 1"), StartsWith("Syntax error: "));
  for (const auto* statement : {"SELECT 1 SETTINGS readonly = 0", "SELECT 1 FORMAT CSV SETTINGS readonly = 0"})
    EXPECT_EQ(refused(statement), "The query may only read, and change no setting.");
  for (const auto* statement :
       {"SELECT nothing FROM teams", "SELECT * FROM analytics_internal.teams", "SELECT toUInt8(display_name) FROM teams",
        "SELECT throwIf(1, 'one 0')", "SELECT hostName()", "SELECT range(1000000000000)"}) {
    EXPECT_EQ(refused(statement), kSentence) << statement;
  }
  EXPECT_EQ(ask("SELECT nothing FROM teams").error->cause().name, "UNKNOWN_IDENTIFIER") << "which is for the operator";
}

// Servers from 23.9 to 25.10 would make a row of it otherwise, and end the answer in order.
TEST_F(Analytics, HasAServerWriteNoErrorAmongTheRows) {
  std::string asked;
  FakeServer server([&](FakeServer::Socket& socket) -> asio::awaitable<void> {
    co_await asio::async_read_until(socket, asio::dynamic_buffer(asked), "\r\n\r\n", asio::use_awaitable);
    co_await tributary::test::wire::send(socket, "HTTP/1.1 200 OK\r\nX-ClickHouse-Format: TSV\r\nContent-Length: 0\r\n\r\n");
  });
  const auto port = static_cast<std::uint16_t>(std::stoi(server.port()));
  ch::Client client(loop.get_executor(), {.host = "127.0.0.1", .port = port, .compression = ch::Compression::none});
  EXPECT_FALSE(run(read(client, {.tenant = {"one"}, .statement = "SELECT 1", .format = "TSV"})).error);
  EXPECT_THAT(asked, HasSubstr("http_write_exception_in_output_format=0"));
}

TEST_F(Analytics, AnErrorInTheMiddleOfAnAnswerSaysNoMore) {
  TenantQuery query{.tenant = {"one"},
                    .statement = "SELECT if(number = 3000000, throwIf(1, 'a secret'), number) FROM numbers(4000000)",
                    .format = "TSV"};
  query.most_rows = query.most_bytes = 0;
  const auto whole = ask(query);
  ASSERT_TRUE(whole.error);
  EXPECT_STREQ(whole.error->what(), kSentence);
  EXPECT_EQ(whole.error->cause().code, 395);
  EXPECT_THAT(whole.text, StartsWith("0\n1\n2\n"));
  EXPECT_EQ(whole.text.find_first_not_of("0123456789\n"), std::string::npos) << "no message among the rows";
}

TEST_F(Analytics, AnAnswerThatIsGivenUpEndsTheQuery) {
  const auto begin = [](ch::Client& client) -> asio::awaitable<bool> {
    TenantQuery query{.tenant = {"one"}, .statement = "SELECT number FROM numbers(9000000001)", .timeout = 120'000ms};
    query.most_rows = query.most_bytes = 0;
    auto answer = co_await start(client, std::move(query));
    co_return !(co_await answer.next()).empty();
  };
  EXPECT_TRUE(run(begin(tenants)));
  const std::string running = "SELECT count() FROM system.processes WHERE query LIKE '%9000000001%' AND query NOT LIKE '%LIKE%'";
  while (host_->host().run(running) != "0\n") std::this_thread::yield();
}

TEST_F(Analytics, TellsWhatAQueryTookToItsTenantOnly) {
  const auto id = ask("SELECT count() FROM numbers(100000000) WHERE sipHash64(number) = 1").query_id;
  const auto found = timing({"one"}, id);
  ASSERT_TRUE(found);
  EXPECT_GT(found->cpu_time, 0ms);
  EXPECT_GT(found->wall_clock_time, 0ms);
  EXPECT_TRUE(timing({"one"}, ask("SELECT nothing").query_id)) << "one that failed";
  EXPECT_FALSE(timing({"two"}, id));
  EXPECT_FALSE(timing({"one", "dev"}, id));
  EXPECT_FALSE(timing({"one"}, "one:main:" + Uuid::random().to_string()));
  EXPECT_FALSE(timing({"one"}, "one:main:x"));
}

TEST_F(Analytics, TimesAreNotForTenants) {
  const auto ask_host = [](ch::Client& client) -> asio::awaitable<int> {
    try {
      co_await client.get("/query_time", "one:main:x", Deadline::after(60s));
      co_return 0;
    } catch (const ch::Error& error) {
      co_return error.code();
    }
  };
  EXPECT_EQ(run(ask_host(tenants)), 497);
}

/// A server has a query_log, which the embedded engine lacks: a table that looks like it stands in for it.
TEST(AnalyticsOnAServer, ReadsWhatAQueryTookFromTheLog) {
  const clickhouse::embedded::test::Folder folder;
  const Host host(folder.path());
  host.run(
      "CREATE TABLE system.query_log (query_id String, type Enum8('QueryStart' = 1, 'QueryFinish' = 2), is_initial_query UInt8, "
      "event_time_microseconds DateTime64(6), query_duration_ms UInt64, ProfileEvents Map(LowCardinality(String), UInt64)) "
      "ENGINE = Memory");
  const std::string id = "one:main:6f1f2a5e-6a0b-4c0e-9a55-0e3d1c2b4a5f";
  host.run(
      fmt::format("INSERT INTO system.query_log VALUES ('{0}', 'QueryStart', 1, 1, 0, {{}}), "
                  "('{0}', 'QueryFinish', 1, 2, 40, {{'UserTimeMicroseconds': 30000, 'SystemTimeMicroseconds': 1500}})",
                  id));
  asio::io_context loop;
  std::vector<std::optional<Timing>> found;
  const auto look = [&]() -> asio::awaitable<void> {
    ch::Client admin(loop.get_executor(), clickhouse::embedded::administrator_of(host.ready()));
    for (const auto& wanted : {id, "one:main:" + Uuid::random().to_string()})
      found.push_back(co_await read_timing(admin, {"one"}, wanted, {}, Deadline::after(60s)));
  };
  asio::co_spawn(loop, look(), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
  loop.run();
  ASSERT_EQ(found.size(), 2U);
  ASSERT_TRUE(found[0]);
  EXPECT_EQ(found[0]->cpu_time, 32ms);
  EXPECT_EQ(found[0]->wall_clock_time, 40ms);
  EXPECT_FALSE(found[1]);
}

TEST(AnalyticsMistake, NamesWhatCannotBeAsked) {
  TenantQuery query{.tenant = {"one"}, .statement = "SELECT 1"};
  EXPECT_FALSE(mistake(query));
  const auto with = [&](auto change) {
    auto changed = query;
    change(changed);
    return mistake(changed).value_or("");
  };
  EXPECT_THAT(with([](TenantQuery& q) { q.tenant.project = ""; }), HasSubstr("project"));
  EXPECT_THAT(with([](TenantQuery& q) { q.tenant.branch = "a\nb"; }), HasSubstr("control"));
  EXPECT_THAT(with([](TenantQuery& q) { q.statement = " \n"; }), HasSubstr("empty"));
  EXPECT_THAT(with([](TenantQuery& q) { q.format = "CSV SETTINGS"; }), HasSubstr("format"));
  EXPECT_THAT(with([](TenantQuery& q) { q.timeout = 999ms; }), HasSubstr("1000 to 120000"));
  EXPECT_THAT(with([](TenantQuery& q) { q.timeout = 120'001ms; }), HasSubstr("milliseconds"));
}

}  // namespace
}  // namespace tributary::analytics
