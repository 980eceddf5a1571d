#include "sync_fixture.hpp"

// From a request to the databases of customers: how many there are, whose they are, what becomes of a bad one.

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

class ApiDatabases : public ApiSyncTest {
 protected:
  const Database customer_{"customer"};
};

TEST_F(ApiDatabases, ProjectsHaveAsManyDatabasesAsTheyLikeAndABadOneIsAlone) {
  const auto other = add_project("other");
  const Database second("second");
  const Database third("third");
  const Database fourth("fourth");
  set_databases(acme_, {{"a", customer_.uri()}, {"b", second.uri()}});
  set_databases(other, {{"a", third.uri()}, {"b", fourth.uri()}, {"bad", "postgresql://nobody:wrong@127.0.0.1:1/nothing"}});
  start(params());
  auto server = other.server();
  add_user(server_, {{"display_name", "Ada"}});
  add_user(server, {{"display_name", "Bob"}});
  for (const auto* database : {&customer_, &second}) wait_until_equal(acme_, *database);
  for (const auto* database : {&third, &fourth}) wait_until_equal(other, *database);
  const auto status = other.admin().get("/internal/external-db-sync/status").body;
  std::map<std::string, std::string> states;
  for (const auto& destination : status.at("destinations").as_array())
    states[std::string(destination.at("id").as_string())] = destination.at("status").as_string();
  EXPECT_EQ(states, (std::map<std::string, std::string>{{"a", "ok"}, {"b", "ok"}, {"bad", "error"}}));
  EXPECT_EQ(json::serialize(status).find("wrong"), std::string::npos) << "no password is shown";
}

TEST_F(ApiDatabases, AChangedDatabaseStartsAtOnceAndARemovedOneStopsAtOnce) {
  set_databases(acme_, {{"main", "postgresql://nobody@127.0.0.1:1/nothing"}});
  auto patient = params();
  patient.sync.retry = {1h, 1h};
  start(patient);
  add_user(server_, {{"display_name", "Ada"}});
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.destination_state WHERE error <> ''") > 0; },
             "it fails");
  connect(acme_, customer_);
  wait_until_equal(acme_, customer_);
  const Database second("second");
  set_databases(acme_, {{"second", second.uri()}});
  add_user(server_, {{"display_name", "Bob"}});
  wait_until_equal(acme_, second);
  wait_until_idle();
  EXPECT_EQ(customer_.session().number("SELECT count(*) FROM users"), 1);
}

TEST_F(ApiDatabases, AReaderOfTheCustomersDatabaseMayReadAndNotWrite) {
  connect(acme_, customer_);
  start(params());
  add_user(server_, {{"display_name", "Ada"}});
  wait_until_equal(acme_, customer_);
  const auto role = "\"reader of " + customer_.name() + '"';
  auto customer = customer_.session();
  customer.run("CREATE ROLE " + role);
  customer.run("SET ROLE " + role);
  EXPECT_EQ(customer.value("SELECT display_name FROM users"), "Ada");
  for (const auto* sql : {"INSERT INTO users (id) VALUES (gen_random_uuid())", "UPDATE users SET display_name = 'x'",
                          "DELETE FROM users", "TRUNCATE users"}) {
    EXPECT_EQ(customer.attempt(sql), "42501") << sql;
  }
  customer.run("RESET ROLE; DROP ROLE " + role);
}

TEST_F(ApiDatabases, ItCanBeDrivenFromOutsideWithoutAService) {
  connect(acme_, customer_);
  add_user(server_, {{"display_name", "Ada"}});
  const auto sequenced = cron_.get("/internal/external-db-sync/sequencer?maxDurationMs=0");
  EXPECT_EQ(sequenced.body, json::parse(R"({"ok": true, "iterations": 1})"));
  const auto polled = cron_.get("/internal/external-db-sync/poller?maxDurationMs=300");
  EXPECT_EQ(polled.status, 200U) << json::serialize(polled.body);
  EXPECT_EQ(polled.body.at("requests_processed").to_number<int>(), 1);
  wait_until_equal(acme_, customer_);
  add_user(server_, {{"display_name", "Bob"}});
  expect_ok(cron_.get("/internal/external-db-sync/sequencer?maxDurationMs=0"));
  expect_ok(cron_.post("/internal/external-db-sync/sync-engine", {{"tenancyId", acme_.tenancy}}));
  EXPECT_EQ(customer_.session().number("SELECT count(*) FROM users"), 2) << "it was synced when the answer came";
  const auto status = acme_.admin().get("/internal/external-db-sync/status").body;
  EXPECT_EQ(status.at("destinations").at(0).at("mappings").at(0).at("backlog").to_number<int>(), 0);
  expect_refusal(acme_.admin().get("/internal/external-db-sync/status?scope=all"), 401, "EXPECTED_INTERNAL_PROJECT");
  const auto internal = add_project("internal");
  EXPECT_EQ(internal.admin().get("/internal/external-db-sync/status?scope=all").body.at("destinations").as_array().size(), 1U);
}

TEST_F(ApiDatabases, EachHasTheBacklogOfItsOwnWatermark) {
  const Database second("second");
  connect(acme_, customer_);
  add_user(server_, {{"display_name", "Ada"}});
  expect_ok(cron_.get("/internal/external-db-sync/sequencer?maxDurationMs=0"));
  expect_ok(cron_.post("/internal/external-db-sync/sync-engine", {{"tenancyId", acme_.tenancy}}));
  set_databases(acme_, {{"empty", second.uri()}, {"empty-too", second.uri()}, {"main", customer_.uri()}});
  add_user(server_, {{"display_name", "Bob"}});
  expect_ok(cron_.get("/internal/external-db-sync/sequencer?maxDurationMs=0"));
  std::map<std::string, std::int64_t> backlogs;
  const auto status = acme_.admin().get("/internal/external-db-sync/status").body;
  for (const auto& destination : status.at("destinations").as_array()) {
    for (const auto& mapping : destination.at("mappings").as_array()) {
      if (mapping.at("mapping") == "users")
        backlogs[std::string(destination.at("id").as_string())] = mapping.at("backlog").as_int64();
    }
  }
  EXPECT_EQ(backlogs, (std::map<std::string, std::int64_t>{{"empty", 2}, {"empty-too", 2}, {"main", 1}}));
}

TEST_F(ApiDatabases, TheStatusTellsOfTablesTombstonesQueueAndDestinations) {
  connect(acme_, customer_);
  const auto ask = [&](const std::string& stage) { expect_ok(cron_.get("/internal/external-db-sync/" + stage)); };
  const auto status = [&] { return acme_.admin().get("/internal/external-db-sync/status").body; };
  const auto text = [](const json::value& value) { return json::serialize(value); };
  const auto find = [](const json::value& list, const char* key, std::string_view name) -> const json::value& {
    return *std::ranges::find_if(list.as_array(), [&](const auto& one) { return one.at(key).as_string() == name; });
  };
  add_user(server_, {{"display_name", "Ada"}});
  expect_ok(server_.remove("/users/" + add_user(server_, {{"display_name", "Bob"}})));
  auto now = status();
  EXPECT_EQ(text(find(now.at("tables"), "table", "ProjectUser")),
            R"({"table":"ProjectUser","total":1,"pending":1,"null":1,"min_sequence_id":null,"max_sequence_id":null})");
  EXPECT_EQ(text(now.at("tombstones")),
            R"([{"table":"ProjectUser","total":1,"pending":1,"null":1,"min_sequence_id":null,"max_sequence_id":null}])");

  ask("sequencer?maxDurationMs=0");
  now = status();
  const auto& users = find(now.at("tables"), "table", "ProjectUser");
  const auto& queue = now.at("queue");
  EXPECT_EQ(users.at("pending"), 0);
  EXPECT_EQ(users.at("min_sequence_id"), users.at("max_sequence_id"));
  EXPECT_GT(now.at("tombstones").at(0).at("max_sequence_id").as_int64(), 0);
  EXPECT_EQ(text({queue.at("total"), queue.at("pending"), queue.at("in_flight"), queue.at("stale")}), "[1,1,0,0]");
  EXPECT_GT(queue.at("oldest_created_at_millis").as_int64(), 0);

  ask("poller?maxDurationMs=100");
  wait_until_equal(acme_, customer_);
  now = status();
  EXPECT_EQ(now.at("queue").at("total"), 0);
  ASSERT_EQ(now.at("destinations").as_array().size(), 1U);
  const auto& destination = now.at("destinations").at(0);
  EXPECT_EQ(text({destination.at("project_id"), destination.at("branch_id"), destination.at("id"), destination.at("status"),
                  destination.at("error"), destination.at("reached")}),
            R"(["acme","main","main","ok",null,true])");
  const auto& progress = find(destination.at("mappings"), "mapping", "users");
  EXPECT_EQ(progress.at("source_max_sequence_id"), find(now.at("tables"), "table", "ProjectUser").at("max_sequence_id"));
  EXPECT_GE(progress.at("watermark").as_int64(), progress.at("source_max_sequence_id").as_int64());
  EXPECT_EQ(progress.at("backlog"), 0);
  EXPECT_GT(progress.at("updated_at_millis").as_int64(), 0);

  customer_.session().run("ALTER TABLE users ADD CHECK (display_name <> 'bad')");
  add_user(server_, {{"display_name", "bad"}});
  ask("sequencer?maxDurationMs=0");
  expect_ok(cron_.post("/internal/external-db-sync/sync-engine", {{"tenancyId", acme_.tenancy}}));
  now = status();
  EXPECT_EQ(now.at("destinations").at(0).at("status"), "error");
  EXPECT_THAT(text(now.at("destinations").at(0).at("error")), ::testing::HasSubstr("1 rows of users are refused"));
}

TEST_F(ApiDatabases, TheStatusOfAllIsWalkedByItsCursor) {
  const auto internal = add_project("internal");
  const std::string down = "postgresql://nobody@127.0.0.1:1/nothing";
  set_databases(acme_, {{"a_1", down}, {"b", down}, {"c", down}});
  set_databases(internal, {{"a", down}, {"d", down}});
  const auto page = [&](const std::string& query) {
    return internal.admin().get("/internal/external-db-sync/status?scope=all" + query);
  };
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const auto status = page("&limit=2" + cursor).body;
    EXPECT_LE(status.at("destinations").as_array().size(), 2U);
    for (const auto& destination : status.at("destinations").as_array())
      seen.push_back(json::serialize(json::array{destination.at("project_id"), destination.at("id")}));
    const auto& next = status.at("pagination").at("next_cursor");
    cursor = next.is_null() ? "" : "&cursor=" + std::string(next.as_string());
  } while (!cursor.empty());
  EXPECT_THAT(seen, ::testing::UnorderedElementsAre(R"(["acme","a_1"])", R"(["acme","b"])", R"(["acme","c"])",
                                                    R"(["internal","a"])", R"(["internal","d"])"));
  EXPECT_TRUE(page("").body.at("pagination").at("next_cursor").is_null());
  for (const auto* query : {"&cursor=x", "&limit=0", "&limit=201"}) expect_refusal(page(query), 400, "SCHEMA_ERROR");
}

TEST_F(ApiDatabases, WhatADestinationThatIsNotReachedHasIsNotMadeUp) {
  set_databases(acme_, {{"down", "postgresql://nobody:secret@127.0.0.1:1/nothing"}});
  add_user(server_, {{"display_name", "Ada"}});
  const auto status = acme_.admin().get("/internal/external-db-sync/status").body;
  const auto& destination = status.at("destinations").at(0);
  EXPECT_EQ(destination.at("status"), "error");
  EXPECT_EQ(destination.at("connection"), "postgresql://nobody@127.0.0.1:1/nothing");
  EXPECT_FALSE(destination.at("reached").as_bool());
  EXPECT_FALSE(destination.at("error").as_string().empty());
  EXPECT_TRUE(destination.at("mappings").at(0).at("watermark").is_null());
  EXPECT_TRUE(destination.at("mappings").at(0).at("backlog").is_null());
}

}  // namespace
}  // namespace tributary::test
