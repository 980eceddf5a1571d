#include <algorithm>
#include <array>
#include <cmath>
#include <regex>

#include "fixture.hpp"

/// What the overview says, and to whom.
namespace tributary::test {
namespace {

using namespace std::chrono_literals;

/// A metric's value as `/metrics` has it.
double metric(const std::string& exposition, const std::string& name) {
  const auto at = exposition.find('\n' + name + ' ');
  if (at == std::string::npos) throw std::runtime_error("no metric " + name);
  return std::stod(exposition.substr(at + name.size() + 2));
}

/// The bounds, in seconds, of the bucket in which a histogram of `/metrics` has its quantile `q`.
std::pair<double, double> bucket(const std::string& exposition, const std::string& name, const std::string& labels, double q) {
  const auto rank = std::ceil(q * metric(exposition, name + "_count{" + labels + '}'));
  double lower = 0;
  const std::regex line(name + "_bucket\\{" + labels + ",le=\"([^\"]+)\"\\} (\\d+)");
  for (std::sregex_iterator i(exposition.begin(), exposition.end(), line), end; i != end; ++i) {
    if (std::stod((*i)[2]) >= rank) return {lower, std::stod((*i)[1])};
    lower = std::stod((*i)[1]);
  }
  throw std::runtime_error("no bucket of " + name);
}

class DashboardOverview : public DashboardTest {
 protected:
  void SetUp() override {
    DashboardTest::SetUp();
    acme_ = add_project("acme");
    globex_ = add_project("globex");
    add_destination("acme", "warehouse", warehouse_.uri());
    add_destination("acme", "gone", nowhere());
    add_destination("globex", "lake", lake_.uri());
  }
  /// Until the healthy ones have all of it, and the failing one is on record.
  void wait_until_applied(Binary& serve, int teams) {
    serve.wait_until([&] {
      return warehouse_.session().attempt("SELECT FROM teams") != "42P01" &&
             warehouse_.session().number("SELECT count(*) FROM teams") == teams &&
             count(R"(SELECT count(*) FROM tributary.destination_state WHERE error <> '')") == 1;
    });
  }
  /// Nothing changes any more by itself: nothing is claimed, and nothing is put back into the queue.
  void halt(Binary& serve) {
    source_.session().run(R"(UPDATE "ExternalDbSyncMetadata" SET "sequencerEnabled" = false, "pollerEnabled" = false)");
    serve.wait_until(
        [&] { return count(R"(SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NOT NULL)") == 0; });
    source_.session().run("UPDATE tributary.destination_state SET next_try_at = now() + interval '1 hour' WHERE NOT paused");
  }
  /// Lag as the dashboard shows it is that of `/metrics`; that of the last minute where everything was measured within it.
  static void expect_lag(const Seen& seen, const std::string& metrics) {
    const std::string of_postgres = R"(kind="postgres")";
    const auto count = metric(metrics, "tributary_lag_seconds_count{" + of_postgres + '}');
    EXPECT_GT(count, 0);
    EXPECT_EQ(seen.number("/lag_since_start/count"), count);
    EXPECT_DOUBLE_EQ(seen.at("/lag_since_start/sum_ms").to_number<double>(),
                     1000 * metric(metrics, "tributary_lag_seconds_sum{" + of_postgres + '}'));
    const auto expect_quantiles = [&](const std::string& lag) {
      for (const auto& [name, q] : {std::pair("/p50_ms", 0.5), std::pair("/p99_ms", 0.99)}) {
        const auto [lower, upper] = bucket(metrics, "tributary_lag_seconds", of_postgres, q);
        const auto shown = seen.at((lag + name).c_str()).to_number<double>() / 1000;
        EXPECT_GT(shown, lower * (1 - 1e-6)) << lag << name;
        EXPECT_LT(shown, upper * (1 + 1e-6)) << lag << name;
      }
    };
    expect_quantiles("/lag_since_start");
    EXPECT_LE(seen.number("/lag/count"), count);
    if (seen.number("/lag/count") == count) expect_quantiles("/lag");
  }
  /// What is told of a destination that is not up to date is what the source has on record of it.
  void expect_worst(const Seen& seen, std::size_t place, const std::string& id) {
    const auto& shown = seen.at("/worst").as_array().at(place);
    EXPECT_EQ(shown.at("destination_id").as_string(), id);
    const auto state = [&](const std::string& what) {
      return count("SELECT " + what + " FROM tributary.destination_state WHERE destination_id = '" + id + '\'');
    };
    const auto of = [&](const std::string& table) {
      return count("SELECT count(*) FROM tributary." + table + " WHERE destination_id = '" + id + '\'');
    };
    EXPECT_EQ(shown.at("quarantined").to_number<int>(), of("quarantine")) << id;
    EXPECT_EQ(shown.at("mending").to_number<int>(), of("mend")) << id;
    if (of("destination_state") == 0) return;
    EXPECT_EQ(shown.at("since_at_millis").to_number<std::int64_t>(), state("trunc(extract(epoch FROM failed_since) * 1000)"))
        << id;
    if (shown.at("state") != "failing") return;
    EXPECT_EQ(shown.at("attempts").to_number<int>(), state("attempts")) << id;
    EXPECT_EQ(shown.at("other_errors").to_number<int>(), state("count(*)") - 1) << id;
    EXPECT_NEAR(shown.at("retry_in_ms").to_number<double>(),
                static_cast<double>(state("trunc(extract(epoch FROM next_try_at - clock_timestamp()) * 1000)")), 30'000)
        << id;
  }

  Shown acme_;
  Shown globex_;
  Database warehouse_{"dashboard_warehouse"};
  Database lake_{"dashboard_lake"};
};

TEST_F(DashboardOverview, EveryNumberEqualsTheSourceAndTheMetricsAtRest) {
  insert_teams(acme_.tenancy, "acme", 7);
  Binary serve({"serve", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  sign_in(viewer);
  wait_until_applied(serve, 7);
  done({"pause", "--project", "globex", "--destination", "lake"});
  halt(serve);
  insert_teams(globex_.tenancy, "globex", 5);  // flagged, and stays so
  source_.session().run(R"(DELETE FROM "Team" WHERE "displayName" = 'team 1' AND "tenancyId" = ')" + acme_.tenancy + "'");
  source_.session().run("INSERT INTO tributary.quarantine (tenancy_id, destination_id, mapping, key, next_try_at) VALUES ('" +
                        acme_.tenancy + R"(', 'warehouse', 'teams', '{"id": "1"}', now() + interval '1 hour'), (')" +
                        acme_.tenancy + R"(', 'warehouse', 'users', '{"id": "2"}', now() + interval '1 hour'))");
  source_.session().run("INSERT INTO tributary.mend (tenancy_id, destination_id, mapping, reason, reads_everything) VALUES ('" +
                        acme_.tenancy + "', 'warehouse', 'teams', 'asked', false)");
  source_.session().run(
      "UPDATE tributary.installation SET clickhouse = true;"
      "INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, attempts, next_try_at, error) VALUES ('" +
      globex_.tenancy + "', '@clickhouse', '', 4, now() + interval '1 hour', 'no room')");
  source_.session().run("SELECT tributary.enqueue_for(ARRAY['" + globex_.tenancy + "'::uuid], 'postgres')");
  const std::array rates{"/sequencer/ids_per_second", "/throughput/applied_rows_per_second",
                         "/throughput/applied_bytes_per_second", "/throughput/sequenced_rows_per_second",
                         "/throughput/failures_per_second"};
  serve.wait_until([&] {  // nothing has happened for as long as rates look back
    const auto seen = viewer.get("/overview");
    return std::ranges::all_of(rates, [&](const char* rate) {
      boost::system::error_code not_there;  // before the first look
      const auto* value = seen.body.find_pointer(rate, not_there);
      return value != nullptr && *value == 0.0;
    });
  });

  const auto seen = viewer.get("/overview");
  ASSERT_EQ(seen.status, 200U) << json::serialize(seen.body);
  const auto metrics = whole_metrics(serve, viewer.port());
  const auto equals = [&](const char* pointer, const std::string& sql) {
    EXPECT_EQ(seen.number(pointer), count(sql)) << pointer;
  };
  const auto is_metric = [&](const char* pointer, const std::string& name) {
    EXPECT_DOUBLE_EQ(seen.at(pointer).to_number<double>(), metric(metrics, name)) << pointer;
  };
  equals("/tenancies/total", R"(SELECT count(*) FROM "Tenancy")");
  equals("/destinations/postgres/total",
         R"(SELECT count(*) FROM "Project", jsonb_object_keys("configOverride" -> 'dbSync.externalDatabases'))");
  EXPECT_EQ(seen.number("/destinations/postgres/ok"), 0);
  EXPECT_EQ(seen.number("/destinations/postgres/quarantine"), 1);
  is_metric("/destinations/postgres/failing", R"(tributary_destinations_parked{kind="postgres"})");
  is_metric("/destinations/postgres/paused", R"(tributary_destinations_paused{kind="postgres"})");
  equals("/destinations/clickhouse/total", R"(SELECT count(*) FROM "Tenancy")");
  equals("/destinations/clickhouse/ok", R"(SELECT count(*) - 1 FROM "Tenancy")");
  is_metric("/destinations/clickhouse/failing", R"(tributary_destinations_parked{kind="clickhouse"})");
  is_metric("/destinations/clickhouse/paused", R"(tributary_destinations_paused{kind="clickhouse"})");
  EXPECT_EQ(seen.number("/destinations/clickhouse/failing"), 1);
  EXPECT_EQ(seen.number("/destinations/clickhouse/quarantine"), 0);
  for (const auto& entry : seen.at("/backlog").as_array()) {
    const auto table = std::string(entry.at("table").as_string());
    EXPECT_EQ(entry.at("flagged").to_number<double>(), metric(metrics, "tributary_flagged_rows{table=\"" + table + "\"}"))
        << table;
    EXPECT_EQ(entry.at("flagged").to_number<std::int64_t>(),
              count("SELECT count(*) FROM \"" + table + R"(" WHERE "shouldUpdateSequenceId")"))
        << table;
    if (table == "Team" || table == "DeletedRow") EXPECT_EQ(entry.at("flagged").to_number<int>(), table == "Team" ? 5 : 1);
  }
  equals("/queue/pending", R"(SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL)");
  is_metric("/queue/pending", R"(tributary_queue_requests{state="pending"})");
  is_metric("/queue/in_flight", R"(tributary_queue_requests{state="in_flight"})");
  is_metric("/queue/stale", R"(tributary_queue_requests{state="stale"})");
  EXPECT_GT(seen.number("/queue/pending"), 0);
  EXPECT_NEAR(seen.at("/queue/oldest_ms").to_number<double>() / 1000, metric(metrics, "tributary_queue_oldest_seconds"), 30);
  equals("/queue/parked", "SELECT count(*) FROM tributary.destination_state WHERE error <> ''");
  is_metric("/queue/quarantined", "tributary_quarantined_rows");
  EXPECT_EQ(seen.number("/queue/quarantined"), 2);
  EXPECT_EQ(seen.number("/queue/parked"), metric(metrics, R"(tributary_destinations_parked{kind="postgres"})") +
                                              metric(metrics, R"(tributary_destinations_parked{kind="clickhouse"})"));
  equals("/queue/mending", "SELECT count(*) FROM tributary.mend WHERE finished_at IS NULL");
  EXPECT_EQ(seen.number("/queue/mending"), 1);
  EXPECT_FALSE(seen.at("/fusebox/sequencer_enabled").as_bool());
  EXPECT_FALSE(seen.at("/fusebox/poller_enabled").as_bool());
  equals("/sequencer/last_sequence_id", "SELECT last_value FROM global_seq_id");
  for (const auto* rate : rates) EXPECT_EQ(seen.at(rate), 0.0) << rate;
  expect_lag(seen, metrics);
  ASSERT_EQ(seen.at("/worst").as_array().size(), 4U);
  expect_worst(seen, 0, "gone");
  expect_worst(seen, 1, "@clickhouse");
  expect_worst(seen, 2, "lake");
  expect_worst(seen, 3, "warehouse");
  EXPECT_EQ(seen.at("/worst/0/state"), "failing");
  ASSERT_EQ(seen.at("/behind").as_array().size(), static_cast<std::size_t>(count(R"(SELECT count(*) FROM "OutgoingRequest")")));
  EXPECT_EQ(seen.at("/behind/0/state"), "pending");
  EXPECT_NEAR(seen.at("/behind/0/for_ms").to_number<double>() / 1000, metric(metrics, R"(tributary_behind_seconds{rank="1"})"),
              30);
  EXPECT_GT(seen.at("/standstill_ms").to_number<double>(), 0);  // rows are flagged, and the sequencer is off
  is_metric("/processes/sequencer", R"(tributary_processes{role="sequencer"})");
  is_metric("/processes/sync", R"(tributary_processes{role="sync"})");
  EXPECT_EQ(seen.number("/processes/sync"), 1);
  is_metric("/sequencer/last_sequence_id", "tributary_last_sequence_id");
}

TEST_F(DashboardOverview, TellsAProjectOfItselfOnly) {
  insert_teams(acme_.tenancy, "acme", 2);
  Binary serve({"serve", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  wait_until_applied(serve, 2);
  halt(serve);
  insert_teams(acme_.tenancy, "acme", 3);
  insert_teams(globex_.tenancy, "globex", 5);
  source_.session().run("SELECT tributary.enqueue_for(ARRAY['" + acme_.tenancy + "'::uuid], 'postgres')");
  sign_in(viewer, globex_);
  const auto seen = viewer.get("/overview");
  EXPECT_EQ(seen.at("/scope"), "project");
  EXPECT_EQ(seen.number("/tenancies/total"), 1);
  EXPECT_EQ(seen.number("/destinations/postgres/total"), 1);
  EXPECT_EQ(seen.number("/destinations/postgres/ok"), 1);
  EXPECT_EQ(seen.number("/queue/pending"), 0);
  EXPECT_EQ(seen.number("/queue/parked"), 0);
  for (const auto& entry : seen.at("/backlog").as_array())
    EXPECT_EQ(entry.at("flagged").to_number<int>(), entry.at("table") == "Team" ? 5 : 0);
  EXPECT_TRUE(seen.at("/worst").as_array().empty());
  for (const auto* whole : {"/fusebox", "/sequencer", "/processes", "/throughput", "/lag", "/lag_since_start"})
    EXPECT_TRUE(seen.at(whole).is_null());
  EXPECT_EQ(json::serialize(seen.body).find("acme"), std::string::npos);
  expect_refusal(viewer.get("/history"), 403, "OPERATOR_ONLY");
}

/// Reads server-sent events, one at a time.
class Events {
 public:
  explicit Events(const Viewer& viewer) : client_(viewer.port()) {
    client_.send("GET /dashboard/api/events HTTP/1.1\r\nHost: localhost\r\nCookie: " + viewer.cookie + "\r\n\r\n");
    head_ = client_.start_reading();
  }
  const HttpClient::Answer& head() const { return head_; }
  /// The next one of that name, others being skipped. Throws at the stream's end.
  json::value next(const std::string& name) {
    for (;;) {
      const auto end = text_.find("\n\n");
      if (end == std::string::npos) {
        const auto piece = client_.read_piece();
        if (piece.empty()) throw std::runtime_error("the stream has ended");
        text_ += piece;
        continue;
      }
      const auto event = text_.substr(0, end);
      text_.erase(0, end + 2);
      const auto begin = "event: " + name + "\ndata: ";
      if (event.starts_with(begin)) return json::parse(event.substr(begin.size()));
    }
  }
  bool has_ended() { return client_.read_piece().empty(); }

 private:
  HttpClient client_;
  HttpClient::Answer head_;
  std::string text_;
};

TEST_F(DashboardOverview, ShowsByItselfWhatFailsWhyAndThatItRecovers) {
  done({"destination", "remove", "acme", "gone"});
  Binary serve({"serve", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  sign_in(viewer);
  Events events(viewer);
  EXPECT_EQ(events.head().fields.at("content-type"), "text/event-stream");
  const auto failing = [&](const json::value& overview) {
    return overview.at_pointer("/destinations/postgres/failing").to_number<int>();
  };
  EXPECT_EQ(failing(events.next("overview")), 0);
  const auto point = events.next("point");
  EXPECT_GT(point.at("at_millis").to_number<std::int64_t>(), 0);

  auto elsewhere = lake_.session();
  elsewhere.run("ALTER DATABASE \"" + warehouse_.name() + "\" ALLOW_CONNECTIONS false");
  insert_teams(acme_.tenancy, "acme", 1);
  auto overview = events.next("overview");
  while (failing(overview) == 0) {  // again: who was about to connect is not in the list yet
    elsewhere.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + warehouse_.name() + "'");
    source_.session().run(R"(UPDATE "Team" SET "displayName" = 'changed')");
    overview = events.next("overview");
  }
  const auto& worst = overview.at_pointer("/worst/0");
  EXPECT_EQ(worst.at("destination_id"), "warehouse");
  EXPECT_THAT(std::string(worst.at("error").as_string()),
              testing::AnyOf(testing::HasSubstr("terminating connection"), testing::HasSubstr("server closed the connection"),
                             testing::HasSubstr("not currently accepting connections")));

  elsewhere.run("ALTER DATABASE \"" + warehouse_.name() + "\" ALLOW_CONNECTIONS true");
  while (failing(overview) == 1) overview = events.next("overview");
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 1);
}

TEST_F(DashboardOverview, GoesOnThroughARestartOfTheSource) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  sign_in(viewer);
  Events events(viewer);
  events.next("overview");
  auto elsewhere = lake_.session();
  elsewhere.run("ALTER DATABASE \"" + source_.name() + "\" ALLOW_CONNECTIONS false");
  elsewhere.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + source_.name() + "'");
  EXPECT_EQ(events.next("trouble").at("code"), "SERVICE_UNAVAILABLE");
  elsewhere.run("ALTER DATABASE \"" + source_.name() + "\" ALLOW_CONNECTIONS true");
  EXPECT_EQ(events.next("overview").at_pointer("/tenancies/total").to_number<int>(), 2);
}

TEST_F(DashboardOverview, EventsEndWithTheirSession) {
  auto variables = serving();
  variables["TRIBUTARY_HTTP_DASHBOARD_SESSION"] = "3s";
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, variables);
  Viewer viewer(port_of(serve));
  sign_in(viewer);
  Events events(viewer);
  EXPECT_EQ(events.next("ended").at("code"), "SESSION_EXPIRED");
  EXPECT_TRUE(events.has_ended());
}

TEST_F(DashboardOverview, EventsAreForSoManyPagesOfAKeyAndNoMore) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  sign_in(viewer);
  {
    std::vector<std::unique_ptr<Events>> pages;
    for (int i = 0; i < 32; ++i) pages.push_back(std::make_unique<Events>(viewer));
    EXPECT_EQ(pages.back()->head().status, 200U);
    expect_refusal(viewer.get("/events"), 503, "SERVER_BUSY");
    Viewer administrator(viewer.port());
    sign_in(administrator, acme_);
    EXPECT_EQ(Events(administrator).head().status, 200U) << "somebody else";
  }
  serve.wait_until([&] { return Events(viewer).head().status == 200; });
}

TEST_F(DashboardOverview, EventsDoNotHoldTheServerUpWhenItStops) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  sign_in(viewer);
  Events events(viewer);
  events.next("overview");
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(), 0);
  EXPECT_EQ(serve.err().find("cut off"), std::string::npos) << serve.err();
}

}  // namespace
}  // namespace tributary::test
