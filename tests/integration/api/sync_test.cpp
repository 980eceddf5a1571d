#include "fixture.hpp"

// From a request to the customers' databases and the shared ClickHouse.

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

/// A project with one database, kept in step as `serve` does.
class ApiSync : public ApiTest {
 protected:
  ApiSync() : ApiTest({.secrets = Secrets(kKey)}) {}

  static Service::Params params() {
    Service::Params params;
    params.sync.secrets = Secrets(kKey);
    return params;
  }
  void start() { service_.emplace(source_, params()); }
  void connect(const ApiProject& project, const Database& database) { set_databases(project, {{"main", database.uri()}}); }
  void wait_until_equal(const ApiProject& project, const Database& database) {
    auto customer = database.session();
    test::wait_until_equal(session_, project.tenancy, customer);
  }
  void wait_until_idle() {
    wait_until([&] { return session_.number(R"(SELECT count(*) FROM "OutgoingRequest")") == 0; }, "the queue is empty");
  }
  void set_sequencer(bool on) { expect_ok(cron_.post("/internal/external-db-sync/fusebox", {{"sequencer_enabled", on}})); }

  static inline const std::string kKey = Secrets::generate_key();
  const ApiProject acme_ = add_project("acme");
  ApiClient server_ = acme_.server();
  const Database customer_{"customer"};
  std::optional<Service> service_;
};

TEST_F(ApiSync, EveryEntityIsCreatedChangedAndDeletedAtTheDestination) {
  connect(acme_, customer_);
  start();
  const auto user = add_user(server_, {{"display_name", "Ada"}, {"primary_email", "ada@example.com"}});
  const auto team = add_team(server_, "Engines");
  expect_ok(server_.post("/team-memberships/" + team + "/" + user));
  const auto second = server_.post(
      "/contact-channels", {{"user_id", user}, {"type", "email"}, {"value", "second@example.com"}, {"used_for_auth", false}});
  wait_until_equal(acme_, customer_);
  auto customer = customer_.session();
  EXPECT_EQ(customer.value("SELECT primary_email FROM users"), "ada@example.com");
  EXPECT_EQ(customer.number("SELECT count(*) FROM contact_channels"), 2);

  expect_ok(server_.patch("/users/" + user, {{"display_name", "Countess"}, {"client_metadata", {{"k", "v"}}}}));
  expect_ok(server_.patch("/teams/" + team, {{"display_name", "Looms"}}));
  expect_ok(server_.patch("/team-member-profiles/" + team + "/" + user, {{"display_name", "Lady"}}));
  expect_ok(server_.patch("/contact-channels/" + user + "/" + second.text("id"), {{"is_primary", true}, {"is_verified", true}}));
  wait_until_equal(acme_, customer_);
  EXPECT_EQ(customer.value("SELECT display_name || primary_email FROM users"), "Countesssecond@example.com");
  EXPECT_EQ(customer.value("SELECT display_name FROM team_member_profiles"), "Lady");

  expect_ok(server_.remove("/contact-channels/" + user + "/" + second.text("id")));
  expect_ok(server_.remove("/team-memberships/" + team + "/" + user));
  wait_until_equal(acme_, customer_);
  EXPECT_EQ(customer.number("SELECT count(*) FROM contact_channels"), 1);
  EXPECT_EQ(customer.number("SELECT count(*) FROM team_member_profiles"), 0);
  expect_ok(server_.remove("/teams/" + team));
  expect_ok(server_.remove("/users/" + user));
  wait_until_equal(acme_, customer_);
  EXPECT_EQ(customer.number("SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM teams)"), 0);
}

TEST_F(ApiSync, OfSeveralUpdatesBeforeASyncTheLastWins) {
  connect(acme_, customer_);
  set_sequencer(false);
  start();
  const auto user = add_user(server_, {{"display_name", "0"}});
  for (int i = 1; i <= 5; ++i) expect_ok(server_.patch("/users/" + user, {{"display_name", std::to_string(i)}}));
  set_sequencer(true);
  wait_until_equal(acme_, customer_);
  EXPECT_EQ(customer_.session().value("SELECT display_name FROM users"), "5");
}

TEST_F(ApiSync, WhatIsDeletedBeforeItsFirstSyncIsNeverExported) {
  connect(acme_, customer_);
  start();
  const auto first = add_user(server_, {{"display_name", "first"}});
  wait_until_equal(acme_, customer_);
  auto customer = customer_.session();
  customer.run(
      "CREATE TABLE seen (id uuid);"
      "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (NEW.id); RETURN NULL; "
      "END $$;"
      "CREATE TRIGGER note AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION note()");
  set_sequencer(false);
  const auto never = add_user(server_, {{"display_name", "never"}});
  expect_ok(server_.remove("/users/" + never));
  const auto later = add_user(server_, {{"display_name", "later"}});
  set_sequencer(true);
  wait_until_equal(acme_, customer_);
  EXPECT_EQ(customer.value("SELECT string_agg(id::text, ',') FROM seen"), later);
}

TEST_F(ApiSync, AUserWhoIsDeletedAndMadeAgainWithTheSameEmailIsAnotherOne) {
  connect(acme_, customer_);
  start();
  const json::object ada{{"primary_email", "ada@example.com"}, {"primary_email_auth_enabled", true}};
  const auto first = add_user(server_, ada);
  wait_until_equal(acme_, customer_);
  expect_ok(server_.remove("/users/" + first));
  const auto second = add_user(server_, ada);
  wait_until_equal(acme_, customer_);
  EXPECT_EQ(customer_.session().value("SELECT string_agg(id::text, ',') FROM users"), second);
}

TEST_F(ApiSync, CascadesByUserAndByTeam) {
  connect(acme_, customer_);
  start();
  const auto ada = add_user(server_, {{"primary_email", "ada@example.com"}});
  const auto bob = add_user(server_, {{"primary_email", "bob@example.com"}});
  const auto team = add_team(server_, "Engines");
  const auto other = add_team(server_, "Looms");
  for (const auto& user : {ada, bob}) {
    for (const auto& of : {team, other}) expect_ok(server_.post("/team-memberships/" + of + "/" + user));
  }
  wait_until_equal(acme_, customer_);
  auto customer = customer_.session();
  EXPECT_EQ(customer.number("SELECT count(*) FROM team_member_profiles"), 4);
  expect_ok(server_.remove("/teams/" + team));
  wait_until_equal(acme_, customer_);
  EXPECT_EQ(customer.number("SELECT count(*) FROM team_member_profiles"), 2);
  expect_ok(server_.remove("/users/" + ada));
  wait_until_equal(acme_, customer_);
  EXPECT_EQ(customer.number("SELECT count(*) FROM team_member_profiles"), 1);
  EXPECT_EQ(customer.number("SELECT count(*) FROM contact_channels"), 1);
}

TEST_F(ApiSync, ThreeHundredUsersAndThenOneOfTheFirstIsDeleted) {
  connect(acme_, customer_);
  start();
  std::vector<std::string> users;
  for (int i = 0; i < 300; ++i) users.push_back(add_user(server_, {{"display_name", fmt::format("user {}", i)}}));
  wait_until_equal(acme_, customer_);
  expect_ok(server_.remove("/users/" + users.at(2)));
  wait_until_equal(acme_, customer_);
  EXPECT_EQ(customer_.session().number("SELECT count(*) FROM users"), 299);
}

TEST_F(ApiSync, SpecialCharactersArriveAsTheyAre) {
  connect(acme_, customer_);
  start();
  const std::string name =
      "O'Neil \"quoted\" \\ \t\n $1 ; DROP TABLE users; -- \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB \xE4\xBD\xA0\xE5\xA5\xBD "
      "\xD9\x85\xD8\xB1\xD8\xAD\xD8\xA8\xD8\xA7";
  add_user(server_, {{"display_name", name}, {"client_metadata", {{name, {name}}}}, {"primary_email", "ada+x'y@exämple.com"}});
  wait_until_equal(acme_, customer_);
  EXPECT_EQ(customer_.session().value("SELECT display_name FROM users"), name);
}

TEST_F(ApiSync, TwoProjectsNeverMix) {
  const auto other = add_project("acme2");
  const Database customer("customer2");
  connect(acme_, customer_);
  connect(other, customer);
  start();
  auto server = other.server();
  for (auto* client : {&server_, &server}) {
    const auto user =
        add_user(*client, {{"display_name", "Ada"}, {"primary_email", "ada@example.com"}, {"primary_email_auth_enabled", true}});
    const auto team = add_team(*client, "Engines");
    expect_ok(client->post("/team-memberships/" + team + "/" + user));
  }
  const auto only_here = add_user(server_, {{"display_name", "Bob"}});
  wait_until_equal(acme_, customer_);
  wait_until_equal(other, customer);
  expect_refusal(server.get("/users/" + only_here), 404, "USER_NOT_FOUND");
  EXPECT_EQ(customer.session().number("SELECT count(*) FROM users"), 1);
}

TEST_F(ApiSync, ProjectsHaveAsManyDatabasesAsTheyLikeAndABadOneIsAlone) {
  const auto other = add_project("other");
  const Database second("second");
  const Database third("third");
  const Database fourth("fourth");
  set_databases(acme_, {{"a", customer_.uri()}, {"b", second.uri()}});
  set_databases(other, {{"a", third.uri()}, {"b", fourth.uri()}, {"bad", "postgresql://nobody:wrong@127.0.0.1:1/nothing"}});
  start();
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

TEST_F(ApiSync, AChangedDatabaseStartsAtOnceAndARemovedOneStopsAtOnce) {
  set_databases(acme_, {{"main", "postgresql://nobody@127.0.0.1:1/nothing"}});
  auto patient = params();
  patient.sync.retry = {1h, 1h};
  service_.emplace(source_, patient);
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

TEST_F(ApiSync, AReaderOfTheCustomersDatabaseMayReadAndNotWrite) {
  connect(acme_, customer_);
  start();
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

TEST_F(ApiSync, TheFuseboxStopsAndStartsItForEverybody) {
  connect(acme_, customer_);
  start();
  add_user(server_, {{"display_name", "first"}});
  wait_until_equal(acme_, customer_);
  const auto off = cron_.post("/internal/external-db-sync/fusebox", {{"poller_enabled", false}});
  EXPECT_EQ(off.body, json::parse(R"({"sequencer_enabled": true, "poller_enabled": false})"));
  add_user(server_, {{"display_name", "second"}});
  wait_until([&] { return session_.number(R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")") == 0; },
             "it is numbered");
  EXPECT_EQ(customer_.session().number("SELECT count(*) FROM users"), 1);
  EXPECT_EQ(acme_.admin().get("/internal/external-db-sync/status").body.at("queue").at("pending").to_number<int>(), 1);
  expect_ok(cron_.post("/internal/external-db-sync/fusebox", {{"poller_enabled", true}}));
  wait_until_equal(acme_, customer_);
}

TEST_F(ApiSync, ARequestOfATenancyThatIsNotThereAnyMoreIsDoneWith) {
  connect(acme_, customer_);
  start();
  session_.run("SELECT tributary.enqueue(ARRAY[gen_random_uuid()])");
  wait_until_idle();
  EXPECT_EQ(cron_.post("/internal/external-db-sync/sync-engine", {{"tenancyId", Uuid::random().to_string()}}).status, 200U);
  add_user(server_, {{"display_name", "Ada"}});
  wait_until_equal(acme_, customer_);
}

TEST_F(ApiSync, ItCanBeDrivenFromOutsideWithoutAService) {
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

/// The same with the shared ClickHouse.
class ApiClickHouse : public ApiTest {
 protected:
  ApiClickHouse() {
    Service::Params params;
    params.clickhouse = clickhouse_.options();
    service_.emplace(source_, params);
  }
  void wait_until_equal(const ApiProject& project) {
    test::wait_until_equal(session_, {.tenancy = project.tenancy, .project = project.id}, clickhouse_);
  }
  ClickHouse clickhouse_;
  std::optional<Service> service_;
};

TEST_F(ApiClickHouse, EveryEntityIsCreatedChangedAndDeletedInTheViews) {
  const auto acme = add_project("acme");
  const auto other = add_project("acme2");
  for (const auto* project : {&acme, &other}) {
    auto server = project->server();
    const auto user = add_user(server, {{"display_name", "Ada \xF0\x9F\x9A\x80"}, {"primary_email", "ada@example.com"}});
    const auto team = add_team(server, "Engines");
    expect_ok(server.post("/team-memberships/" + team + "/" + user));
    add_user(server, {{"display_name", "Bob"}, {"primary_email", "bob@example.com"}});
  }
  wait_until_equal(acme);
  wait_until_equal(other);
  auto server = acme.server();
  const auto users = server.get("/users").body.at("items").as_array();
  const auto ada = std::string(users.at(0).at("id").as_string());
  for (int i = 0; i < 5; ++i) expect_ok(server.patch("/users/" + ada, {{"display_name", std::to_string(i)}}));
  const auto second = server.post(
      "/contact-channels", {{"user_id", ada}, {"type", "email"}, {"value", "second@example.com"}, {"used_for_auth", false}});
  wait_until_equal(acme);
  EXPECT_EQ(clickhouse_.strings("SELECT assumeNotNull(display_name) FROM default.users WHERE project_id = 'acme' AND id = '" +
                                ada + "'"),
            std::vector<std::string>{"4"});
  expect_ok(server.remove("/contact-channels/" + ada + "/" + second.text("id")));
  wait_until_equal(acme);
  expect_ok(server.remove("/users/" + ada));
  add_user(server, {{"display_name", "Ada again"}, {"primary_email", "ada@example.com"}});
  wait_until_equal(acme);
  const auto teams = server.get("/teams").body;
  for (const auto& team : teams.at("items").as_array())
    expect_ok(server.remove("/teams/" + std::string(team.at("id").as_string())));
  wait_until_equal(acme);
  wait_until_equal(other);
}

}  // namespace
}  // namespace tributary::test
