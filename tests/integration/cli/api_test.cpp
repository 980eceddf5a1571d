#include <sys/resource.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "base/uuid.hpp"
#include "fixture.hpp"
#include "support/http_client.hpp"

/// `serve` answers over HTTP.
namespace tributary::test {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;

/// What the specification's own schema says of an OpenAPI document.
std::string judgement_of(const std::string& document) {
  const auto file = std::filesystem::temp_directory_path() / ("tributary-" + Uuid::random().to_string() + ".json");
  std::ofstream(file) << document;
  const auto command = "node " TRIBUTARY_SOURCE_DIR "/tests/javascript/openapi_document.mjs " + file.string() + " 2>&1";
  auto* output = ::popen(command.c_str(), "r");
  std::string said(64 * 1024, '\0');
  said.resize(std::fread(said.data(), 1, said.size(), output));
  ::pclose(output);
  std::filesystem::remove(file);
  return said;
}

class CliApi : public Cli {
 protected:
  void SetUp() override { migrate(); }
};

TEST_F(CliApi, TellsHowItIsAndWhatItDoes) {
  Binary serve({"serve", "--threads", "2"}, environment());
  HttpClient client(port_of(serve));
  EXPECT_EQ(client.get("/livez").body, "ok\n");
  EXPECT_EQ(client.get("/readyz").body, R"({"ready":true,"source":"ok"})");
  const auto metrics = client.get("/metrics");
  EXPECT_THAT(metrics.fields.at("content-type"), HasSubstr("version=0.0.4"));
  EXPECT_THAT(metrics.body, HasSubstr("\ntributary_http_connections 1\n"));
  EXPECT_THAT(metrics.body, HasSubstr(R"(tributary_http_requests_total{method="GET",path="/livez",status="2xx"} 1)"));

  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(), 0) << serve.err();
  EXPECT_TRUE(client.is_closed());
}

TEST_F(CliApi, EveryMetricIsDescribedAndAgreesWithTheSource) {
  Database warehouse("cli_warehouse");
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse.uri()});
  Binary serve({"serve", "--threads", "1"}, environment());
  HttpClient client(port_of(serve));
  insert_teams(tenancy, "acme", 3);
  serve.wait_until([&] {
    return client.get("/metrics").body.find(R"(tributary_sync_rows_total{kind="postgres",mapping="teams"} 3)") !=
           std::string::npos;
  });
  source_.session().run(R"(UPDATE "ExternalDbSyncMetadata" SET "pollerEnabled" = false)");
  insert_teams(tenancy, "acme", 2);
  serve.wait_until([&] {
    return source_.session().number(R"(SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL)") > 0;
  });

  std::string text;
  serve.wait_until([&] {  // what was read a moment before is told for a second
    text = client.get("/metrics").body;
    return text.find(R"(tributary_fusebox_on{switch="poller"} 0)") != std::string::npos &&
           text.find(R"(tributary_queue_requests{state="pending"} 0)") == std::string::npos;
  });
  EXPECT_THAT(text, HasSubstr(R"(tributary_lag_seconds_count{kind="postgres"} )"));
  EXPECT_THAT(
      text, HasSubstr("tributary_queue_requests{state=\"pending\"} " +
                      source_.session().value(R"(SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL)")));
  EXPECT_THAT(text, HasSubstr("tributary_worst_destination_seconds{rank=\"1\"} 0\n"));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) continue;
    const auto name = line.substr(0, line.find_first_of("{ "));
    EXPECT_THAT(text, HasSubstr("# TYPE " + std::regex_replace(name, std::regex("_(bucket|sum|count)$"), "") + ' ')) << line;
  }
}

TEST_F(CliApi, ASmallRunShowsInTheMetricsOfEveryStage) {
  Database warehouse("cli_warehouse");
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse.uri()});
  done({"destination", "add", "acme", "gone", "--url", nowhere(), "--no-test"});
  auto impatient = environment();
  impatient["TRIBUTARY_SYNC_RETRY_FIRST"] = impatient["TRIBUTARY_SYNC_RETRY_LONGEST"] = "200ms";
  Binary serve({"serve", "--threads", "1"}, impatient);
  HttpClient client(port_of(serve));
  insert_teams(tenancy, "acme", 3);
  std::string text;
  const auto value = [&](const std::string& series) {
    const auto at = text.find('\n' + series + ' ');
    return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
  };
  const std::string teams = R"({kind="postgres",mapping="teams"})";
  const std::string fetch = R"({kind="postgres",mapping="",stage="fetch"})";
  serve.wait_until([&] {
    // The last of all: a failure that is tried again, a second that is over, a request that is (its stages are counted before it is), and a new look
    // at the source.
    text = client.get("/metrics").body;
    return value("tributary_sync_rows_total" + teams) == 3 && value("tributary_queue_revived_total") > 0 &&
           value("tributary_loop_delay_seconds_count") > 0 && value(R"(tributary_destinations_parked{kind="postgres"})") > 0 &&
           value(R"(tributary_sync_seconds_sum{kind="postgres"})") >= value("tributary_sync_stage_seconds_sum" + fetch) &&
           value("tributary_last_sequence_id") == source_.session().number("SELECT last_value FROM global_seq_id");
  });
  const auto expect_between = [&](const std::string& series, double least, double most) {
    EXPECT_GE(value(series), least) << series;
    EXPECT_LE(value(series), most) << series;
  };
  expect_between("tributary_sync_batches_total" + teams, 1, 3);
  expect_between("tributary_sync_bytes_total" + teams, 3 * 16, 3 * 1'000);  // at least its key
  expect_between(R"(tributary_sync_bytes_total{kind="postgres",mapping="users"})", 0, 0);
  expect_between("tributary_sync_stage_seconds_count" + fetch, 1, 1'000);
  expect_between("tributary_sync_stage_seconds_sum" + fetch, 1e-6, 60);
  expect_between(R"(tributary_sync_seconds_count{kind="postgres"})", 1, 1'000);
  expect_between(R"(tributary_sync_seconds_sum{kind="postgres"})", 1e-6, 600);
  expect_between(R"(tributary_pool_connections{loop="0",pool="queue",state="idle"})", 0, 2);
  EXPECT_GE(value(R"(tributary_pool_connections{loop="0",pool="sync",state="idle"})") +
                value(R"(tributary_pool_connections{loop="0",pool="sync",state="lent"})"),
            1);
  expect_between(R"(tributary_pool_connections{loop="0",pool="sync",state="waited_for"})", 0, 0);
  expect_between("tributary_loop_delay_seconds_sum", 0, 60);
  expect_between(R"(tributary_oldest_failure_seconds{kind="postgres"})", 1e-6, 60);
  expect_between(R"(tributary_oldest_failure_seconds{kind="clickhouse"})", 0, 0);
  expect_between(R"(tributary_destination_failures_total{kind="postgres",mapping=""})", 1, 1'000);
  expect_between(R"(tributary_processes{role="sequencer"})", 1, 1);
  expect_between(R"(tributary_processes{role="sync"})", 1, 1);
}

TEST_F(CliApi, TheWorstDestinationsAreSeriesOfTheirOwnAndNoMoreThanTen) {
  Binary serve({"serve", "--roles", "api"}, environment());
  const auto port = port_of(serve);
  source_.session().run(R"(
    INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, attempts, error, paused, failed_since)
    SELECT md5(i::text)::uuid, 'one', mapping, 1, 'down', false, now() - i * interval '1 hour'
    FROM generate_series(1, 12) AS i, unnest(ARRAY['teams', 'users']) AS mapping
    UNION ALL
    SELECT gen_random_uuid(), 'paused', '', 1, 'down', true, now() - interval '9 days')");
  const auto text = whole_metrics(serve, port);
  const auto seconds = [&](int rank) {
    const auto series = fmt::format("\ntributary_worst_destination_seconds{{rank=\"{}\"}} ", rank);
    const auto at = text.find(series);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size()));
  };
  EXPECT_NEAR(seconds(1), 12 * 3600, 600);
  EXPECT_NEAR(seconds(10), 3 * 3600, 600);
  EXPECT_EQ(seconds(11), -1);
}

std::string read(const std::string& path) {
  std::ifstream file(TRIBUTARY_SOURCE_DIR "/" + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Lines of a series of `/metrics`, with all of these in its labels.
std::vector<std::string> series(const std::string& exposition, const std::string& name, const std::string& labels) {
  std::vector<std::string> found;
  std::istringstream lines(exposition);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + '{') || line.starts_with(name + ' ')) {
      if (line.find(labels) != std::string::npos) found.push_back(line);
    }
  }
  return found;
}

// A rule over a series that is not there is empty, not false: it would never fire. Nor does Prometheus see the increase of a counter that begins at 1.
TEST_F(CliApi, WhatRulesAndTheDashboardAskForIsThereFromTheStart) {
  auto traced = environment();
  traced["TRIBUTARY_TELEMETRY_OTLP_ENDPOINT"] = "http://127.0.0.1:1";
  Binary serve({"serve", "--threads", "1"}, traced);
  const auto port = port_of(serve);
  HttpClient(port).get("/livez");  // series of HTTP are made by path
  const auto metrics = whole_metrics(serve, port);
  const auto asked = std::regex_replace(read("deploy/prometheus/alerts.yml") + read("deploy/grafana/tributary.json"),
                                        std::regex(R"(\\")"), "\"");
  const auto each = [&](const char* pattern, const auto& check) {
    const std::regex regex(pattern);
    for (std::sregex_iterator match(asked.begin(), asked.end(), regex), end; match != end; ++match)
      if (!(*match)[2].str().starts_with("tributary_clickhouse_engine_"))
        check((*match)[1].str(), (*match)[2].str());  // there is none
  };
  each(R"((\{?)(tributary_\w+))",
       [&](const auto&, const std::string& name) { EXPECT_FALSE(series(metrics, name, "").empty()) << name; });
  each(R"((?=tributary_\w+\{([^}]*)\})(tributary_\w+))", [&](const std::string& labels, const std::string& name) {
    EXPECT_FALSE(series(metrics, name, labels).empty()) << name << labels;
  });
  each(R"(by \(([^)]*)\) \((?:\w+\()*(tributary_\w+))", [&](const std::string& labels, const std::string& name) {
    for (const auto& line : series(metrics, name, "")) {
      std::istringstream names(std::regex_replace(labels, std::regex(","), " "));
      for (std::string label; names >> label;) EXPECT_THAT(line, HasSubstr(label + "=\"")) << labels;
    }
  });
}

TEST_F(CliApi, DocumentsItself) {
  Binary serve({"serve", "--roles", "api"}, environment());
  HttpClient client(port_of(serve));
  const auto document = client.get("/api/v1/openapi.json").body;
  EXPECT_EQ(boost::json::parse(document).at("openapi").as_string(), "3.1.0");
  EXPECT_EQ(judgement_of(document), "valid OpenAPI 3.1\n");
  const auto page = client.get("/docs");
  EXPECT_THAT(page.fields.at("content-type"), HasSubstr("text/html"));
  EXPECT_THAT(page.body, HasSubstr("/docs/docs.js"));
  EXPECT_THAT(client.get("/docs/docs.js").body, HasSubstr("openapi.json"));
  EXPECT_EQ(client.get("/docs/docs.css").status, 200);
}

TEST_F(CliApi, IsNotReadyWhileTheSourceIsAway) {
  Binary serve({"serve", "--roles", "api"}, environment());
  HttpClient client(port_of(serve));
  EXPECT_EQ(client.get("/readyz").status, 200);
  const Database elsewhere("cli_elsewhere");
  auto session = elsewhere.session();
  session.run("ALTER DATABASE \"" + source_.name() + "\" ALLOW_CONNECTIONS false");
  session.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + source_.name() + "'");
  serve.wait_until([&] { return client.get("/readyz").status == 503; });
  EXPECT_EQ(client.get("/livez").status, 200);
  session.run("ALTER DATABASE \"" + source_.name() + "\" ALLOW_CONNECTIONS true");
  serve.wait_until([&] { return client.get("/readyz").status == 200; });
}

TEST_F(CliApi, HoweverManyAskForMetricsOneConnectionIsTaken) {
  auto with_cron = environment();
  with_cron["TRIBUTARY_HTTP_CRON_SECRET"] = "the-secret-of-these-jobs";
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, with_cron);
  const auto port = port_of(serve);
  auto application = source_.session();
  application.run("BEGIN; LOCK TABLE tributary.destination_state");
  std::vector<HttpClient> scrapers;
  for (int i = 0; i < 12; ++i) {
    scrapers.emplace_back(port);
    scrapers.back().send("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
  }
  auto observer = source_.session();
  const auto waiting = [&] {
    return observer.number("SELECT count(*) FROM pg_stat_activity WHERE datname = '" + source_.name() +
                           "' AND wait_event_type = 'Lock'");
  };
  serve.wait_until([&] { return waiting() > 0; });
  const auto answer =
      HttpClient(port).get("/api/v1/internal/external-db-sync/fusebox", {{"Authorization", "Bearer the-secret-of-these-jobs"}});
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_LE(waiting(), 1);
  application.run("ROLLBACK");
  for (auto& scraper : scrapers) EXPECT_EQ(scraper.read().status, 200);
}

TEST_F(CliApi, SaysWhereItCannotListen) {
  Binary first({"serve", "--roles", "api"}, environment());
  auto same = environment();
  same["TRIBUTARY_HTTP_LISTEN"] = "127.0.0.1:" + std::to_string(port_of(first));
  auto finished = run_binary({"serve", "--roles", "api"}, same);
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("cannot listen at " + same["TRIBUTARY_HTTP_LISTEN"] + ": Address already in use"));
  for (const auto* address : {"localhost", "127.0.0.1", ":8080", "::1:8080", "127.0.0.1:99999", "127.0.0.1:"}) {
    same["TRIBUTARY_HTTP_LISTEN"] = address;
    finished = run_binary({"serve", "--roles", "api"}, same);
    EXPECT_EQ(finished.status, 2) << address;
    EXPECT_THAT(finished.err, HasSubstr("http.listen must be an address and a port")) << address;
  }
}

TEST_F(CliApi, ListensNowhereWithoutItsRoleOrAnAddress) {
  auto nowhere = environment();
  nowhere["TRIBUTARY_HTTP_LISTEN"] = "";
  for (auto& [roles, variables] :
       std::vector<std::pair<std::string, Environment>>{{"sequencer,sync", environment()}, {"api", nowhere}}) {
    Binary serve({"serve", "--roles", roles}, variables);
    serve.wait_for("\"started\"");
    EXPECT_THAT(serve.err(), testing::Not(HasSubstr("listening")));
  }
}

/// Resident memory of a process, in KiB.
long resident_kib(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(line.find_first_of("0123456789")));
  }
  throw std::runtime_error("no VmRSS");
}

/// Asks over a connection that stays open.
std::string status_of_probe(asio::ip::tcp::socket& client) {
  asio::write(client, asio::buffer(std::string_view("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")));
  std::string answer(4096, '\0');
  answer.resize(client.read_some(asio::buffer(answer)));
  return answer.substr(0, 12);
}

TEST_F(CliApi, HoldsTenThousandIdleConnectionsUnder200MiB) {
  constexpr std::size_t kConnections = 10'000;
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_cur < kConnections + 200) GTEST_SKIP() << "this system allows " << limit.rlim_cur << " open files only";
  auto environment = this->environment();
  environment["TRIBUTARY_HTTP_ACCESS_LOG"] = "errors";
  environment["TRIBUTARY_HTTP_MAX_CONNECTIONS"] = "20000";
  environment["TRIBUTARY_HTTP_IDLE_TIMEOUT"] = "1h";
  Binary serve({"serve"}, environment);
  const auto port = port_of(serve);
  const auto before = resident_kib(serve.pid());
  asio::io_context loop;
  std::vector<asio::ip::tcp::socket> clients;
  for (std::size_t i = 0; i < kConnections; ++i) {
    clients.emplace_back(loop).connect({asio::ip::make_address("127.0.0.1"), port});
    ASSERT_EQ(status_of_probe(clients.back()), "HTTP/1.1 200");
  }
  EXPECT_THAT(HttpClient(port).get("/metrics").body, HasSubstr("\ntributary_http_connections 10001\n"));
  const auto with_all = resident_kib(serve.pid());
  EXPECT_LT(with_all, 200 * 1024) << "of which " << before << " before";
  std::printf("%ld MiB, %.1f KiB for each connection\n", with_all / 1024, static_cast<double>(with_all - before) / kConnections);
  // And each still answers.
  for (auto& client : clients) ASSERT_EQ(status_of_probe(client), "HTTP/1.1 200");
}

}  // namespace
}  // namespace tributary::test
