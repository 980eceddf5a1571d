#include <functional>
#include <set>

#include "sync_fixture.hpp"

// From a request to where the rows go: the same for databases of customers and for the shared ClickHouse.

namespace tributary::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

enum class Kind { postgres, clickhouse };

/// What is synced, and how the API makes and changes one. It is deleted where its path says.
struct Entity {
  std::string table;
  std::string column;  ///< of its name
  std::function<std::string(const std::string& name)> create;  ///< gives its path
  std::function<void(const std::string& path, const std::string& name)> rename;
};

class ApiSync : public ApiSyncTest, public ::testing::WithParamInterface<Kind> {
 protected:
  ApiSync() {
    if (GetParam() == Kind::clickhouse) clickhouse_.emplace();
    add_destination(acme_);
  }
  /// A project has the shared ClickHouse without more ado.
  void add_destination(const ApiProject& project) {
    if (!clickhouse_) connect(project, databases_.try_emplace(project.id, "customer").first->second);
  }
  void start() {
    auto params = ApiSyncTest::params();
    if (clickhouse_) params.clickhouse = clickhouse_->options();
    ApiSyncTest::start(params);
  }
  void wait_until_equal(const ApiProject& project) {
    if (clickhouse_)
      test::wait_until_equal(session_, {.tenancy = project.tenancy, .project = project.id}, *clickhouse_);
    else
      ApiSyncTest::wait_until_equal(project, databases_.at(project.id));
  }
  void wait_until_equal() { wait_until_equal(acme_); }

  /// A column, without NULLs, as the project's owner sees it.
  std::vector<std::string> column(const std::string& table, const std::string& name, const ApiProject& project) {
    if (clickhouse_)
      return clickhouse_->strings(
          fmt::format("SELECT toString(assumeNotNull({})) FROM default.{} WHERE project_id = '{}'", name, table, project.id));
    std::vector<std::string> texts;
    for (const auto& row : databases_.at(project.id).session().rows(fmt::format("SELECT {} FROM {}", name, table)))
      texts.push_back(row.at(0).value());
    return texts;
  }
  std::vector<std::string> column(const std::string& table, const std::string& name) { return column(table, name, acme_); }

  void remove(const std::string& path) { expect_ok(server_.remove(path)); }

  /// One of each kind. Memberships and channels are those of one user and one team, who are there already.
  std::vector<Entity> entities() {
    const auto user = add_user(server_, {{"display_name", kHost}});
    const auto team = add_team(server_, kHost);
    const auto patch = [this](const std::string& path, const char* field, const std::string& name) {
      expect_ok(server_.patch(path, {{field, name}}));
    };
    const auto rename = [=](const std::string& path, const std::string& name) { patch(path, "display_name", name); };
    const auto rename_member = [=](const std::string&, const std::string& name) {
      patch("/team-member-profiles/" + team + '/' + user, "display_name", name);
    };
    const auto join = [=, this](const std::string& name) {
      const auto path = "/team-memberships/" + team + '/' + user;
      expect_ok(server_.post(path));
      rename_member(path, name);
      return path;
    };
    const auto add_channel = [=, this](const std::string& name) {
      const auto made =
          server_.post("/contact-channels", {{"user_id", user}, {"type", "email"}, {"value", name}, {"used_for_auth", false}});
      expect_ok(made);
      return "/contact-channels/" + user + '/' + made.text("id");
    };
    return {
        {"users", "display_name", [this](auto& name) { return "/users/" + add_user(server_, {{"display_name", name}}); }, rename},
        {"teams", "display_name", [this](auto& name) { return "/teams/" + add_team(server_, name); }, rename},
        {"team_member_profiles", "display_name", join, rename_member},
        {"contact_channels", "value", add_channel,
         [=](const std::string& path, const std::string& name) { patch(path, "value", name); }}};
  }
  std::vector<std::string> names(const Entity& entity) {
    auto names = column(entity.table, entity.column);
    std::erase(names, kHost);
    return names;
  }

  /// From now on remembers what came, also what goes again. In ClickHouse nothing is lost anyway: an older version of a row stays for a while.
  void note(const std::vector<Entity>& entities) {
    if (clickhouse_) return;
    auto customer = databases_.at(acme_.id).session();
    customer.run(R"sql(
      CREATE TABLE noted (entity text, name text);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO public.noted VALUES (TG_TABLE_NAME, to_jsonb(NEW) ->> TG_ARGV[0]); RETURN NULL; END $$)sql");
    for (const auto& entity : entities)
      customer.run(fmt::format("CREATE TRIGGER note AFTER INSERT OR UPDATE ON {} FOR EACH ROW EXECUTE FUNCTION note('{}')",
                               entity.table, entity.column));
  }
  std::set<std::string> noted(const Entity& entity) {
    std::vector<std::string> names;
    if (clickhouse_) {
      names = clickhouse_->strings(fmt::format("SELECT assumeNotNull({}) FROM analytics_internal.{} WHERE NOT sync_is_deleted",
                                               entity.column, entity.table));
    } else {
      for (const auto& row :
           databases_.at(acme_.id).session().rows("SELECT name FROM noted WHERE entity = '" + entity.table + "'"))
        names.push_back(row.at(0).value());
    }
    std::set<std::string> others(names.begin(), names.end());
    others.erase(kHost);
    return others;
  }

  static inline const std::string kHost = "host";
  std::map<std::string, Database> databases_;  ///< by project
  std::optional<ClickHouse> clickhouse_;
};

TEST_P(ApiSync, EveryEntityIsCreatedChangedAndDeleted) {
  start();
  const auto user = add_user(server_, {{"display_name", "Ada"}, {"primary_email", "ada@example.com"}});
  const auto team = add_team(server_, "Engines");
  expect_ok(server_.post("/team-memberships/" + team + "/" + user));
  const auto second = server_.post(
      "/contact-channels", {{"user_id", user}, {"type", "email"}, {"value", "second@example.com"}, {"used_for_auth", false}});
  wait_until_equal();
  EXPECT_THAT(column("users", "primary_email"), ElementsAre("ada@example.com"));
  EXPECT_THAT(column("contact_channels", "value"), UnorderedElementsAre("ada@example.com", "second@example.com"));

  expect_ok(server_.patch("/users/" + user, {{"display_name", "Countess"}, {"client_metadata", {{"k", "v"}}}}));
  expect_ok(server_.patch("/teams/" + team, {{"display_name", "Looms"}}));
  expect_ok(server_.patch("/team-member-profiles/" + team + "/" + user, {{"display_name", "Lady"}}));
  expect_ok(server_.patch("/contact-channels/" + user + "/" + second.text("id"), {{"is_primary", true}, {"is_verified", true}}));
  wait_until_equal();
  EXPECT_THAT(column("users", "display_name"), ElementsAre("Countess"));
  EXPECT_THAT(column("users", "primary_email"), ElementsAre("second@example.com"));
  EXPECT_THAT(column("teams", "display_name"), ElementsAre("Looms"));
  EXPECT_THAT(column("team_member_profiles", "display_name"), ElementsAre("Lady"));

  expect_ok(server_.remove("/contact-channels/" + user + "/" + second.text("id")));
  expect_ok(server_.remove("/team-memberships/" + team + "/" + user));
  wait_until_equal();
  EXPECT_THAT(column("contact_channels", "value"), ElementsAre("ada@example.com"));
  EXPECT_THAT(column("team_member_profiles", "display_name"), IsEmpty());
  expect_ok(server_.remove("/teams/" + team));
  expect_ok(server_.remove("/users/" + user));
  wait_until_equal();
  EXPECT_THAT(column("users", "display_name"), IsEmpty());
  EXPECT_THAT(column("teams", "display_name"), IsEmpty());
}

// Names are such as every entity may have.

TEST_P(ApiSync, OfSeveralUpdatesBeforeASyncTheLastWins) {
  set_sequencer(false);
  start();
  const auto all = entities();
  for (const auto& entity : all) {
    const auto path = entity.create("0@example.com");
    for (int i = 1; i <= 5; ++i) entity.rename(path, std::to_string(i) + "@example.com");
  }
  set_sequencer(true);
  wait_until_equal();
  for (const auto& entity : all) EXPECT_THAT(names(entity), ElementsAre("5@example.com")) << entity.table;
}

TEST_P(ApiSync, WhatIsDeletedBeforeItsFirstSyncIsNeverExported) {
  start();
  const auto all = entities();
  wait_until_equal();
  note(all);
  set_sequencer(false);
  for (const auto& entity : all) {
    remove(entity.create("never@example.com"));
    entity.create("later@example.com");
  }
  set_sequencer(true);
  wait_until_equal();
  for (const auto& entity : all) EXPECT_THAT(noted(entity), ElementsAre("later@example.com")) << entity.table;
}

TEST_P(ApiSync, WhatIsDeletedAndMadeAgainIsAnotherOne) {
  start();
  const auto all = entities();
  json::object ada{{"display_name", "Ada"}, {"primary_email", "ada@example.com"}, {"primary_email_auth_enabled", true}};
  std::vector<std::string> paths;
  for (const auto& entity : all) paths.push_back(entity.create("same@example.com"));
  const auto first = add_user(server_, ada);
  wait_until_equal();
  for (const auto& path : paths) remove(path);
  remove("/users/" + first);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool has_an_id = all[i].table != "team_member_profiles";
    EXPECT_EQ(all[i].create("same@example.com") != paths[i], has_an_id) << all[i].table;
  }
  const auto second = add_user(server_, ada);
  EXPECT_NE(second, first) << "with the same e-mail";
  wait_until_equal();
  for (const auto& entity : all) EXPECT_THAT(names(entity), ::testing::Contains("same@example.com").Times(1)) << entity.table;
  EXPECT_THAT(column("users", "id"), ::testing::Contains(second));
  EXPECT_THAT(column("contact_channels", "value"), UnorderedElementsAre("ada@example.com", "same@example.com"));
}

TEST_P(ApiSync, CascadesByUserAndByTeam) {
  start();
  const auto ada = add_user(server_, {{"primary_email", "ada@example.com"}});
  const auto bob = add_user(server_, {{"primary_email", "bob@example.com"}});
  const auto team = add_team(server_, "Engines");
  const auto other = add_team(server_, "Looms");
  for (const auto& user : {ada, bob}) {
    for (const auto& of : {team, other}) expect_ok(server_.post("/team-memberships/" + of + "/" + user));
  }
  wait_until_equal();
  EXPECT_THAT(column("team_member_profiles", "user_id"), UnorderedElementsAre(ada, ada, bob, bob));
  expect_ok(server_.remove("/teams/" + team));
  wait_until_equal();
  EXPECT_THAT(column("team_member_profiles", "user_id"), UnorderedElementsAre(ada, bob));
  expect_ok(server_.remove("/users/" + ada));
  wait_until_equal();
  EXPECT_THAT(column("team_member_profiles", "user_id"), ElementsAre(bob));
  EXPECT_THAT(column("contact_channels", "value"), ElementsAre("bob@example.com"));
}

TEST_P(ApiSync, ThreeHundredUsersAndThenOneOfTheFirstIsDeleted) {
  start();
  std::vector<std::string> users;
  for (int i = 0; i < 300; ++i) users.push_back(add_user(server_, {{"display_name", fmt::format("user {}", i)}}));
  wait_until_equal();
  expect_ok(server_.remove("/users/" + users.at(2)));
  wait_until_equal();
  const auto left = column("users", "display_name");
  EXPECT_EQ(left.size(), 299U);
  EXPECT_THAT(left, ::testing::Not(::testing::Contains("user 2")));
}

TEST_P(ApiSync, SpecialCharactersArriveAsTheyAre) {
  start();
  const std::string name =
      "O'Neil \"quoted\" \\ \t\n $1 ; DROP TABLE users; -- \xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x92\xBB \xE4\xBD\xA0\xE5\xA5\xBD "
      "\xD9\x85\xD8\xB1\xD8\xAD\xD8\xA8\xD8\xA7";
  const std::string address = "ada+'x\"y\\\xF0\x9F\x8E\x89@exämple.com";
  const auto all = entities();
  for (const auto& entity : all) entity.create(entity.table == "contact_channels" ? address : name);
  add_user(server_, {{"display_name", "Ada"}, {"client_metadata", {{name, {name}}}}, {"primary_email", "ada+x'y@exämple.com"}});
  wait_until_equal();
  EXPECT_THAT(names(all.at(0)), UnorderedElementsAre(name, "Ada"));
  EXPECT_THAT(names(all.at(1)), ElementsAre(name));
  EXPECT_THAT(names(all.at(2)), ElementsAre(name));
  EXPECT_THAT(names(all.at(3)), UnorderedElementsAre(address, "ada+x'y@exämple.com"));
}

TEST_P(ApiSync, TwoProjectsNeverMix) {
  const auto other = add_project("acme2");
  add_destination(other);
  start();
  auto server = other.server();
  for (auto* client : {&server_, &server}) {
    const auto user =
        add_user(*client, {{"display_name", "Ada"}, {"primary_email", "ada@example.com"}, {"primary_email_auth_enabled", true}});
    const auto team = add_team(*client, "Engines");
    expect_ok(client->post("/team-memberships/" + team + "/" + user));
  }
  const auto only_here = add_user(server_, {{"display_name", "Bob"}});
  wait_until_equal();
  wait_until_equal(other);
  expect_refusal(server.get("/users/" + only_here), 404, "USER_NOT_FOUND");
  EXPECT_THAT(column("users", "display_name"), UnorderedElementsAre("Ada", "Bob"));
  EXPECT_THAT(column("users", "display_name", other), ElementsAre("Ada"));
}

TEST_P(ApiSync, TheFuseboxStopsAndStartsItForEverybody) {
  start();
  add_user(server_, {{"display_name", "first"}});
  wait_until_equal();
  const auto off = cron_.post("/internal/external-db-sync/fusebox", {{"poller_enabled", false}});
  EXPECT_EQ(off.body, json::parse(R"({"sequencer_enabled": true, "poller_enabled": false})"));
  wait_until([&] { return session_.number(R"(SELECT count("startedFulfillingAt") FROM "OutgoingRequest")") == 0; },
             "what was taken before is done");
  add_user(server_, {{"display_name", "second"}});
  wait_until([&] { return session_.number(R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")") == 0; },
             "it is numbered");
  EXPECT_THAT(column("users", "display_name"), ElementsAre("first"));
  EXPECT_GE(acme_.admin().get("/internal/external-db-sync/status").body.at("queue").at("pending").to_number<int>(), 1);
  expect_ok(cron_.post("/internal/external-db-sync/fusebox", {{"poller_enabled", true}}));
  wait_until_equal();
}

TEST_P(ApiSync, ARequestOfATenancyThatIsNotThereAnyMoreIsDoneWith) {
  start();
  session_.run("SELECT tributary.enqueue(ARRAY[gen_random_uuid()])");
  wait_until_idle();
  EXPECT_EQ(cron_.post("/internal/external-db-sync/sync-engine", {{"tenancyId", Uuid::random().to_string()}}).status, 200U);
  add_user(server_, {{"display_name", "Ada"}});
  wait_until_equal();
}

INSTANTIATE_TEST_SUITE_P(Kinds, ApiSync, ::testing::Values(Kind::postgres, Kind::clickhouse),
                         [](const auto& kind) { return kind.param == Kind::clickhouse ? "clickhouse" : "postgres"; });

}  // namespace
}  // namespace tributary::test
