#include "base/uuid.hpp"
#include "fixture.hpp"

/// Destinations and tenancies on the dashboard, and what can be done there.
namespace tributary::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> names(const Seen& seen) {
  std::vector<std::string> names;
  for (const auto& one : seen.at("/destinations").as_array())
    names.push_back(std::string(one.at("project_id").as_string()) + '/' + std::string(one.at("destination_id").as_string()));
  return names;
}

class DashboardDestinations : public DashboardTest {
 protected:
  void SetUp() override {
    DashboardTest::SetUp();
    acme_ = add_project("acme");
    globex_ = add_project("globex");
    add_destination("acme", "warehouse", warehouse_.uri());
    add_destination("acme", "gone", nowhere());
    add_destination("globex", "lake", lake_.uri());
  }
  void serve(std::vector<std::string> roles = {"--roles", "api"}) {
    roles.insert(roles.begin(), {"serve", "--threads", "1"});
    serve_.emplace(std::move(roles), serving());
    operator_.emplace(port_of(*serve_));
    sign_in(*operator_);
    administrator_.emplace(operator_->port());
    sign_in(*administrator_, acme_);
  }
  /// As the engine puts it on record.
  void park(const std::string& destination, const std::string& error) {
    source_.session().run(fmt::format(
        "INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, attempts, next_try_at, sqlstate, error) "
        "VALUES ('{}', '{}', '', 3, now() + interval '1 hour', '08001', '{}')",
        acme_.tenancy, destination, error));
  }

  Shown acme_;
  Shown globex_;
  Database warehouse_{"dashboard_warehouse"};
  Database lake_{"dashboard_lake"};
  std::optional<Binary> serve_;
  std::optional<Viewer> operator_;
  std::optional<Viewer> administrator_;
};

TEST_F(DashboardDestinations, AreListedByStateKindAndNamePageByPage) {
  park("gone", "connection refused");
  serve();
  EXPECT_THAT(names(operator_->get("/destinations")), ElementsAre("acme/gone", "acme/warehouse", "globex/lake"));
  EXPECT_THAT(names(operator_->get("/destinations?state=failing")), ElementsAre("acme/gone"));
  EXPECT_THAT(names(operator_->get("/destinations?state=trouble")), ElementsAre("acme/gone"));
  EXPECT_THAT(names(operator_->get("/destinations?state=ok")), ElementsAre("acme/warehouse", "globex/lake"));
  EXPECT_THAT(names(operator_->get("/destinations?state=paused")), ElementsAre());
  EXPECT_THAT(names(operator_->get("/destinations?kind=clickhouse")), ElementsAre());
  EXPECT_THAT(names(operator_->get("/destinations?search=ACM")), ElementsAre("acme/gone", "acme/warehouse"));
  EXPECT_THAT(names(operator_->get("/destinations?search=ware%25")), ElementsAre());
  EXPECT_THAT(names(operator_->get("/destinations?search=lake&state=failing")), ElementsAre());

  auto page = operator_->get("/destinations?limit=2");
  EXPECT_THAT(names(page), ElementsAre("acme/gone", "acme/warehouse"));
  std::string after;
  for (const unsigned char c : std::string(page.at("/after").as_string())) after += fmt::format("%{:02x}", c);
  page = operator_->get("/destinations?limit=2&after=" + after);
  EXPECT_THAT(names(page), ElementsAre("globex/lake"));
  EXPECT_TRUE(page.at("/after").is_null());
  expect_refusal(operator_->get("/destinations?after=x"), 400, "SCHEMA_ERROR");
  // PostgreSQL takes no NUL: ["\u0000","main"]
  expect_refusal(operator_->get("/tenancies?after=%5B%22%5Cu0000%22,%22main%22%5D"), 400, "SCHEMA_ERROR");
  expect_refusal(operator_->get("/destinations?after=%5B%22%5Cu0000%22,%22main%22,%22lake%22,%22" + acme_.tenancy + "%22%5D"),
                 400, "SCHEMA_ERROR");
  expect_refusal(operator_->get("/destinations?limit=201"), 400, "SCHEMA_ERROR");
  expect_refusal(operator_->get("/destinations?state=ill"), 400, "SCHEMA_ERROR");
}

TEST_F(DashboardDestinations, ShowWhatIsWrongWithoutTheirPasswords) {
  park("gone", "connection refused");
  source_.session().run("INSERT INTO tributary.quarantine (tenancy_id, destination_id, mapping, key, error) VALUES ('" +
                        acme_.tenancy + R"(', 'gone', 'teams', '{"id": "7"}', 'too long'))");
  serve();
  const auto seen = operator_->get(path_of(acme_, "gone"));
  ASSERT_EQ(seen.status, 200U) << json::serialize(seen.body);
  EXPECT_EQ(seen.at("/destination/error"), "connection refused");
  EXPECT_EQ(seen.at("/destination/sqlstate"), "08001");
  EXPECT_TRUE(seen.at("/destination/mapping").is_null());
  EXPECT_EQ(seen.number("/destination/attempts"), 3);
  EXPECT_GT(seen.number("/destination/retry_in_ms"), 3'000'000);
  EXPECT_EQ(seen.number("/destination/quarantined"), 1);
  EXPECT_EQ(seen.at("/destination/connection"), "postgresql://me@127.0.0.1:1/nothing");
  EXPECT_EQ(seen.at("/troubles").as_array().size(), 2U);
  EXPECT_EQ(seen.at("/quarantine/0/key/id"), "7");
  EXPECT_EQ(seen.at("/quarantine/0/error"), "too long");
  EXPECT_THAT(json::serialize(seen.body), Not(HasSubstr("secret")));
}

TEST_F(DashboardDestinations, ArePausedResumedRetriedAndResynced) {
  serve();
  const auto path = path_of(acme_, "warehouse");
  auto seen = operator_->post(path + "/pause");
  EXPECT_EQ(seen.number("/changed"), 1) << json::serialize(seen.body);
  EXPECT_EQ(seen.at("/destination/state"), "paused");
  EXPECT_TRUE(seen.at("/destination/is_paused").as_bool());
  EXPECT_TRUE(seen.at("/destination/retry_in_ms").is_null());
  EXPECT_EQ(operator_->post(path + "/pause").number("/changed"), 0);
  seen = administrator_->post(path + "/resume");
  EXPECT_EQ(seen.number("/changed"), 1);
  EXPECT_EQ(seen.at("/destination/state"), "ok");
  seen = administrator_->post(path + "/pause", {{"mapping", "users"}});
  EXPECT_FALSE(seen.at("/destination/is_paused").as_bool());
  EXPECT_EQ(seen.at("/destination/paused_mappings"), (json::value{"users"}));
  expect_refusal(administrator_->post(path + "/pause", {{"mapping", "nothing"}}), 400, "SCHEMA_ERROR");
  seen = operator_->post(path + "/resync", {{"mapping", "teams"}});
  EXPECT_EQ(seen.number("/changed"), 1);
  EXPECT_EQ(seen.number("/destination/mending"), 1);
  EXPECT_EQ(count("SELECT count(*) FROM tributary.mend WHERE mapping = 'teams'"), 1);
  park("gone", "connection refused");
  EXPECT_EQ(administrator_->post(path_of(acme_, "gone") + "/retry").at("/destination/retry_in_ms").to_number<int>(), 0);
  EXPECT_THAT(serve_->err(), Not(HasSubstr("secret")));
}

TEST_F(DashboardDestinations, WhatFailsIsToldBeforeWhatIsPausedForLonger) {
  serve();
  for (int i = 0; i < 12; ++i) {
    const auto id = fmt::format("paused-{:02}", i);
    add_destination("globex", id, nowhere());
    operator_->post(path_of(globex_, id) + "/pause");
  }
  operator_->post(path_of(acme_, "warehouse") + "/pause", {{"mapping", "teams"}});
  source_.session().run("UPDATE tributary.destination_state SET failed_since = now() - interval '1 day'");
  source_.session().run(
      "INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, attempts, next_try_at, error) SELECT '" +
      acme_.tenancy + "', 'warehouse', mapping, 1, now(), 'no room' FROM unnest(ARRAY['contact_channels', 'users']) AS mapping");
  const auto seen = operator_->get("/overview");
  ASSERT_EQ(seen.at("/worst").as_array().size(), 10U);
  EXPECT_EQ(seen.at("/worst/0/destination_id"), "warehouse");
  EXPECT_EQ(seen.at("/worst/0/state"), "failing") << "though a mapping of it is paused";
  EXPECT_EQ(seen.at("/worst/0/error"), "no room");
  EXPECT_EQ(seen.at("/worst/0/mapping"), "contact_channels");
  EXPECT_EQ(seen.number("/worst/0/other_errors"), 1);
  EXPECT_EQ(seen.at("/worst/0/paused_mappings"), (json::value{"teams"}));
  EXPECT_EQ(seen.at("/worst/1/state"), "paused");
  EXPECT_EQ(seen.number("/destinations/postgres/failing"), 1);
  EXPECT_EQ(seen.number("/destinations/postgres/paused"), 12);
}

TEST_F(DashboardDestinations, SayThemselvesHowFarTheyAre) {
  insert_teams(acme_.tenancy, "acme", 3);
  serve({});
  serve_->wait_until([&] {
    return warehouse_.session().attempt("SELECT FROM teams") != "42P01" &&
           warehouse_.session().number("SELECT count(*) FROM teams") == 3;
  });
  operator_->post(path_of(acme_, "warehouse") + "/pause", {{"mapping", "teams"}});
  serve_->wait_until([&] { return count(R"(SELECT count("startedFulfillingAt") FROM "OutgoingRequest")") == 0; });
  insert_teams(acme_.tenancy, "acme", 2);
  const auto teams = [](const Seen& seen) {
    for (const auto& row : seen.at("/mappings").as_array())
      if (row.at("mapping") == "teams") return row;
    return json::value();
  };
  const auto path = path_of(acme_, "warehouse") + "/progress";
  serve_->wait_until([&] { return count(R"(SELECT count(*) FROM "Team" WHERE "shouldUpdateSequenceId")") == 0; });
  auto seen = administrator_->get(path);
  EXPECT_TRUE(seen.at("/is_reached").as_bool()) << json::serialize(seen.body);
  EXPECT_TRUE(seen.at("/error").is_null());
  EXPECT_EQ(teams(seen).at("backlog").to_number<int>(), 2);
  EXPECT_EQ(teams(seen).at("max_sequence_id").to_number<long long>(), count(R"(SELECT max("sequenceId") FROM "Team")"));
  EXPECT_EQ(teams(seen).at("watermark").to_number<long long>(),
            warehouse_.session().number("SELECT last_synced_sequence_id FROM _stack_sync_metadata WHERE mapping_name = 'teams'"));
  seen = operator_->get(path_of(acme_, "gone") + "/progress");
  EXPECT_FALSE(seen.at("/is_reached").as_bool());
  EXPECT_THAT(seen.text("/error"), HasSubstr("refused"));
  EXPECT_TRUE(teams(seen).at("backlog").is_null());
  expect_refusal(administrator_->get(path_of(globex_, "lake") + "/progress"), 404, "DESTINATION_NOT_FOUND");
}

TEST_F(DashboardDestinations, AreTestedAsTheEngineConnects) {
  add_destination("acme", "outside", "postgresql://me:secret@10.1.2.3/shop");
  serve();
  auto seen = administrator_->post(path_of(acme_, "warehouse") + "/test");
  EXPECT_TRUE(seen.at("/ok").as_bool()) << json::serialize(seen.body);
  EXPECT_THAT(seen.text("/server"), HasSubstr("PostgreSQL"));
  seen = administrator_->post(path_of(acme_, "gone") + "/test");
  EXPECT_FALSE(seen.at("/ok").as_bool());
  EXPECT_THAT(seen.text("/error"), AllOf(HasSubstr("refused"), Not(HasSubstr("secret"))));
  seen = administrator_->post(path_of(acme_, "outside") + "/test");
  EXPECT_FALSE(seen.at("/ok").as_bool());
  EXPECT_THAT(seen.text("/error"), HasSubstr("destinations.allow_networks"));
}

TEST_F(DashboardDestinations, ThatWereRemovedAreSaidToBe) {
  serve();
  EXPECT_EQ(operator_->get(path_of(acme_, "gone")).status, 200U);
  done({"destination", "remove", "acme", "gone"});
  for (const auto& seen : {operator_->get(path_of(acme_, "gone")), operator_->post(path_of(acme_, "gone") + "/pause"),
                           operator_->post(path_of(acme_, "gone") + "/test")}) {
    expect_refusal(seen, 404, "DESTINATION_NOT_FOUND");
    EXPECT_THAT(std::string(seen.body.at("error").as_string()), HasSubstr("removed"));
  }
}

TEST_F(DashboardDestinations, OfOtherProjectsAreNotThere) {
  serve();
  EXPECT_THAT(names(administrator_->get("/destinations")), ElementsAre("acme/gone", "acme/warehouse"));
  EXPECT_THAT(names(administrator_->get("/destinations?search=lake")), ElementsAre());
  for (const auto* verb : {"pause", "resume", "resync", "retry", "test"})
    expect_refusal(administrator_->post(path_of(globex_, "lake") + '/' + verb), 404, "DESTINATION_NOT_FOUND");
  expect_refusal(administrator_->get(path_of(globex_, "lake")), 404, "DESTINATION_NOT_FOUND");
  EXPECT_EQ(count("SELECT count(*) FROM tributary.destination_state"), 0);
  EXPECT_EQ(count("SELECT count(*) FROM tributary.mend"), 0);
  expect_refusal(administrator_->get("/tenancies/" + globex_.tenancy), 404, "TENANCY_NOT_FOUND");
  EXPECT_THAT(json::serialize(administrator_->get("/tenancies").body), AllOf(HasSubstr("acme"), Not(HasSubstr("globex"))));
  expect_refusal(administrator_->get("/tables?project_id=globex"), 404, "PROJECT_NOT_FOUND");
  expect_refusal(administrator_->post("/query", {{"project_id", "globex"}, {"query", "SELECT 1"}}), 404, "PROJECT_NOT_FOUND");
  expect_refusal(administrator_->get("/system"), 403, "OPERATOR_ONLY");
  expect_refusal(administrator_->post("/system/fusebox", {{"poller_enabled", false}}), 403, "OPERATOR_ONLY");
  EXPECT_EQ(count(R"(SELECT count(*) FROM "ExternalDbSyncMetadata" WHERE NOT "pollerEnabled")"), 0);
}

TEST_F(DashboardDestinations, TheFuseboxIsSwitchedByOperators) {
  serve();
  auto seen = operator_->get("/system");
  EXPECT_TRUE(seen.at("/fusebox/poller_enabled").as_bool()) << json::serialize(seen.body);
  EXPECT_EQ(seen.text("/installation_id"), source_.session().value("SELECT id FROM tributary.installation"));
  seen = operator_->post("/system/fusebox", {{"poller_enabled", false}});
  EXPECT_FALSE(seen.at("/fusebox/poller_enabled").as_bool());
  EXPECT_TRUE(seen.at("/fusebox/sequencer_enabled").as_bool());
  EXPECT_EQ(source_.session().value(R"(SELECT "pollerEnabled" FROM "ExternalDbSyncMetadata")"), "f");
}

TEST_F(DashboardDestinations, ATenancyShowsHowFarEachOfThemIs) {
  insert_teams(acme_.tenancy, "acme", 4);
  serve({});
  serve_->wait_until([&] {
    return warehouse_.session().attempt("SELECT FROM teams") != "42P01" &&
           warehouse_.session().number("SELECT count(*) FROM teams") == 4;
  });
  operator_->post("/system/fusebox", {{"sequencer_enabled", false}, {"poller_enabled", false}});
  insert_teams(acme_.tenancy, "acme", 3);
  const auto list = operator_->get("/tenancies?search=acm");
  EXPECT_EQ(list.text("/tenancies/0/tenancy_id"), acme_.tenancy);
  EXPECT_EQ(list.number("/tenancies/0/destinations"), 2);
  EXPECT_EQ(list.at("/tenancies").as_array().size(), 1U);
  const auto seen = administrator_->get("/tenancies/" + acme_.tenancy);
  ASSERT_EQ(seen.status, 200U) << json::serialize(seen.body);
  EXPECT_EQ(seen.at("/tenancy/project_id"), "acme");
  const auto teams = [](const json::value& mappings) -> const json::value& {
    for (const auto& mapping : mappings.as_array()) {
      if (mapping.at("mapping") == "teams") return mapping;
    }
    throw std::runtime_error("no teams");
  };
  const auto& source = teams(seen.at("/mappings"));
  const auto max = count(R"(SELECT max("sequenceId") FROM "Team")");
  EXPECT_EQ(source.at("rows"), 7);
  EXPECT_EQ(source.at("flagged"), 3);
  EXPECT_EQ(source.at("max_sequence_id"), max);
  const auto& gone = seen.at("/destinations/0");
  EXPECT_FALSE(gone.at("is_reached").as_bool());
  EXPECT_FALSE(gone.at("error").as_string().empty());
  EXPECT_TRUE(teams(gone.at("mappings")).at("watermark").is_null());
  const auto& warehouse = seen.at("/destinations/1");
  EXPECT_TRUE(warehouse.at("is_reached").as_bool());
  EXPECT_EQ(teams(warehouse.at("mappings")).at("watermark"), max);
  EXPECT_EQ(teams(warehouse.at("mappings")).at("backlog"), 3);
}

TEST_F(DashboardDestinations, EverythingIsToBeHadByTheRoleThatOwnsNothing) {
  const auto role = "dashboard_" + Uuid::random().to_string().substr(0, 8);
  source_.session().run(done({"migrate", "--print-grants", "--role", role}).out);
  {
    auto variables = serving();
    auto& url = variables["TRIBUTARY_SOURCE_URL"];
    url.replace(url.find("//") + 2, url.find('@') - url.find("//") - 2, role);
    Binary serve({"serve", "--roles", "api", "--threads", "1"}, variables);
    Viewer viewer(port_of(serve));
    sign_in(viewer);
    for (const auto& path : {std::string("/overview"), std::string("/history"), std::string("/destinations?state=trouble"),
                             std::string("/tenancies"), "/tenancies/" + acme_.tenancy, path_of(acme_, "gone"),
                             path_of(acme_, "warehouse") + "/progress", std::string("/system")})
      EXPECT_EQ(viewer.get(path).status, 200U) << path;
    for (const auto* verb : {"pause", "resume", "resync", "retry", "test"})
      EXPECT_EQ(viewer.post(path_of(acme_, "warehouse") + '/' + verb).status, 200U) << verb;
    EXPECT_EQ(viewer.post("/system/fusebox", {{"poller_enabled", true}}).status, 200U);
    EXPECT_EQ(viewer.call("DELETE", "/session").status, 200U);
  }
  source_.session().run("DROP OWNED BY " + role + "; DROP ROLE " + role);
}

}  // namespace
}  // namespace tributary::test
