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

}  // namespace
}  // namespace tributary::test
