#include <gmock/gmock.h>

#include "directory/configuration.hpp"
#include "fixture.hpp"

namespace tributary::directory {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

class ProjectsTest : public DirectoryTest {
 protected:
  Credentials credentials(const std::string& project) const {
    return get([&](auto& connection) { return read_credentials(connection, project, "main", deadline()); }).value();
  }
  NewProject add_project(const std::string& id) const {
    return get([&](auto& connection) { return create_project(connection, id, "", "main", deadline()); });
  }
};

TEST_F(ProjectsTest, KeysOpenTheirOwnProjectAndAreKeptAsHashesOnly) {
  const auto made = add_project("new");
  const auto server = made.keys.at(0).secret;
  const auto admin = made.keys.at(1).secret;
  EXPECT_TRUE(credentials("new").admit(KeyKind::server, server));
  EXPECT_TRUE(credentials("new").admit(KeyKind::admin, admin));
  EXPECT_TRUE(credentials("new").admit(KeyKind::server, admin)) << "administrators may do what servers may";
  EXPECT_FALSE(credentials("new").admit(KeyKind::admin, server));
  EXPECT_FALSE(credentials("acme").admit(KeyKind::server, server));
  EXPECT_FALSE(credentials("new").admit(KeyKind::server, ""));
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.project_key AS k WHERE k::text LIKE '%" + server.substr(4) + "%'"),
            0);
}

TEST_F(ProjectsTest, ARotatedKeyEndsAfterItsOverlapAndARevokedOneAtOnce) {
  const auto first = add_project("new").keys.at(0);
  const auto second = get([&](auto& connection) { return create_key(connection, "new", KeyKind::server, 1h, deadline()); });
  EXPECT_TRUE(credentials("new").admit(KeyKind::server, first.secret));
  EXPECT_TRUE(credentials("new").admit(KeyKind::server, second.secret));
  const auto third = get([&](auto& connection) { return create_key(connection, "new", KeyKind::server, 0s, deadline()); });
  EXPECT_FALSE(credentials("new").admit(KeyKind::server, first.secret));
  EXPECT_FALSE(credentials("new").admit(KeyKind::server, second.secret));
  EXPECT_TRUE(credentials("new").admit(KeyKind::server, third.secret));
  call([&](auto& connection) { return revoke_key(connection, "new", third.id, deadline()); });
  EXPECT_FALSE(credentials("new").admit(KeyKind::server, third.secret));
  EXPECT_EQ(refusal([&](auto& connection) { return revoke_key(connection, "acme", third.id, deadline()); }),
            Refusal::key_not_found);
}

TEST_F(ProjectsTest, AProjectOfTheSameIdIsRefusedAndAnotherBranchIsNot) {
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await create_project(connection, "acme", "", "main", deadline());
            }),
            Refusal::project_already_exists);
  const auto branch = get([&](auto& connection) { return create_project(connection, "acme", "", "dev", deadline()); });
  EXPECT_TRUE(branch.keys.empty());
  EXPECT_NE(branch.tenancy.id, tenancy_.id);
}

TEST_F(ProjectsTest, AProjectsDeletionTakesEveryRowWithATombstone) {
  const auto ada = add_user_with_email("ada@example.com");
  add_team("t", ada.id);
  call([&](auto& connection) { return delete_project(connection, "acme", "main", deadline()); });
  EXPECT_THAT(tombstones(), ElementsAre("ContactChannel", "ProjectUser", "Team", "TeamMember"));
  call([&](auto& connection) { return delete_project(connection, "acme", std::nullopt, deadline()); });
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.project_key"), 0);
  EXPECT_EQ(refusal([&](auto& connection) { return delete_project(connection, "acme", std::nullopt, deadline()); }),
            Refusal::project_not_found);
}

class ConfigurationTest : public ProjectsTest {
 protected:
  void update(const std::string& text) const {
    call([&](auto& connection) { return update_configuration(connection, "acme", text, secrets_, guard_, deadline()); });
  }
  std::string read() const {
    return get([&](auto& connection) { return read_configuration(connection, "acme", secrets_, deadline()); });
  }
  std::string stored(const std::string& id) {
    return session_.value(R"(SELECT "configOverride" -> 'dbSync.externalDatabases' -> ')" + id +
                          R"(' ->> 'connectionString' FROM "Project" WHERE id = 'acme')");
  }
  std::string mistake(const std::string& text) const {
    std::string message;
    EXPECT_EQ(
        refusal([&](auto& connection) { return update_configuration(connection, "acme", text, secrets_, guard_, deadline()); },
                &message),
        Refusal::invalid);
    return message;
  }
  Secrets secrets_{Secrets::generate_key()};
  postgres::Guard guard_;
};

constexpr auto kMain =
    R"({"dbSync.externalDatabases": {"main": {"type": "postgres", "connectionString": "postgresql://u:s3cret@db.example.com/d"}}})";

TEST_F(ConfigurationTest, ConnectionStringsAreSealedWhereTheyLieAndRedactedWhereTheyAreShown) {
  update(kMain);
  EXPECT_THAT(session_.value(R"(SELECT "configOverride"::text FROM "Project")"), Not(HasSubstr("s3cret")));
  EXPECT_EQ(secrets_.open(stored("main")), "postgresql://u:s3cret@db.example.com/d");
  EXPECT_THAT(read(), HasSubstr("db.example.com"));
  EXPECT_THAT(read(), Not(HasSubstr("s3cret")));
}

TEST_F(ConfigurationTest, AProjectHasNoMoreDatabasesThanItMay) {
  const auto database = [](int number) {
    return fmt::format(
        R"("dbSync.externalDatabases.d{}": {{"type": "postgres", "connectionString": "postgresql://u@d{}.example/d"}})", number,
        number);
  };
  guard_.most_destinations = 2;
  update('{' + database(1) + '}');
  EXPECT_THAT(mistake('{' + database(2) + ',' + database(3) + '}'),
              AllOf(HasSubstr("holds 3 databases"), HasSubstr("destinations.most_per_project")));
  EXPECT_EQ(stored("d2"), "");
  update('{' + database(2) + '}');

  // Of too many, as SQL or a lower limit may leave them, each can be changed and removed.
  guard_.most_destinations = 1;
  update('{' + database(3) + R"(, "dbSync.externalDatabases.d1": null})");
  EXPECT_THAT(mistake('{' + database(1) + '}'), HasSubstr("holds 3 databases"));
  update(R"({"dbSync.externalDatabases.d3": null})");
}

TEST_F(ConfigurationTest, WhatIsReadMayBeWrittenBackAndKeepsThePassword) {
  update(kMain);
  const auto before = stored("main");
  update(read());
  EXPECT_EQ(stored("main"), before);
}

TEST_F(ConfigurationTest, DottedKeysReachInsideAndNullRemoves) {
  update(kMain);
  update(R"({"dbSync.externalDatabases.second": {"type": "postgres", "connectionString": "postgresql://u@two.example.com/d"}})");
  update(R"({"dbSync.externalDatabases.main.connectionString": "postgresql://u@moved.example.com/d"})");
  EXPECT_THAT(secrets_.open(stored("main")), HasSubstr("moved"));
  EXPECT_THAT(secrets_.open(stored("second")), HasSubstr("two"));
  update(R"({"dbSync.externalDatabases.main": null, "auth.x": {"y": 1}})");
  update(R"({"auth.x.y": 2})");
  EXPECT_THAT(read(), HasSubstr(R"("auth.x":{"y":2})"));
  EXPECT_THAT(read(), Not(HasSubstr("moved")));
}

TEST_F(ConfigurationTest, WhatIsRememberedOfADestinationGoesWithItWhoeverRemovesIt) {
  const auto by_api = [&] { update(R"({"dbSync.externalDatabases.main": null})"); };
  const auto by_sql = [&] {
    session_.run(R"(UPDATE "Project" SET "configOverride" = "configOverride" #- '{dbSync.externalDatabases,main}')");
  };
  for (const std::function<void()>& remove : {std::function<void()>(by_api), std::function<void()>(by_sql)}) {
    update(kMain);
    update(
        R"({"dbSync.externalDatabases.second": {"type": "postgres", "connectionString": "postgresql://u@two.example.com/d"}})");
    session_.run(fmt::format(R"sql(
      INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, error)
      SELECT '{0}', id, '', 'down' FROM unnest(ARRAY['main', 'second']) AS id;
      INSERT INTO tributary.quarantine (tenancy_id, destination_id, mapping, key)
      SELECT '{0}', id, 'users', '{{}}' FROM unnest(ARRAY['main', 'second']) AS id;
      INSERT INTO tributary.mend (tenancy_id, destination_id, mapping, reason, reads_everything)
      SELECT '{0}', id, 'users', 'asked', false FROM unnest(ARRAY['main', 'second']) AS id)sql",
                             tenancy_.id.to_string()));
    remove();
    for (const auto* table : {"destination_state", "quarantine", "mend"}) {
      EXPECT_EQ(session_.value(fmt::format("SELECT string_agg(destination_id, ',') FROM tributary.{}", table)), "second")
          << table;
      session_.run(fmt::format("TRUNCATE tributary.{}", table));
    }
  }
}

TEST_F(ConfigurationTest, AChangedDestinationIsTriedAtOnceAndOthersWaitAsBefore) {
  update(kMain);
  update(R"({"dbSync.externalDatabases.second": {"type": "postgres", "connectionString": "postgresql://u@two.example.com/d"}})");
  for (const auto* id : {"main", "second"}) {
    session_.run(
        fmt::format("INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, error, attempts, next_try_at) "
                    "VALUES ('{}', '{}', '', 'down', 9, now() + interval '1 hour')",
                    tenancy_.id.to_string(), id));
  }
  session_.run("DELETE FROM tributary.marker");
  update(R"({"dbSync.externalDatabases.main.connectionString": "postgresql://u@moved.example.com/d"})");
  EXPECT_EQ(session_.value("SELECT destination_id FROM tributary.destination_state WHERE next_try_at <= clock_timestamp()"),
            "main");
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.marker"), 1) << "its tenancy is enqueued";
}

TEST_F(ConfigurationTest, AMistakeIsNamedAndNothingOfItIsDone) {
  const auto with = [&](const std::string& url) {
    return mistake(R"({"other": 1, "dbSync.externalDatabases.main": {"type": "postgres", "connectionString": ")" + url +
                   R"("}})");
  };
  EXPECT_THAT(with("postgresql://u@h/d?nonsense=1"), HasSubstr("dbSync.externalDatabases.main.connectionString"));
  EXPECT_THAT(with("postgresql://h/d"), HasSubstr("\"user\" is missing"));
  EXPECT_THAT(with("postgresql://u@h/d?passfile=/etc/passwd"), HasSubstr("passfile"));
  EXPECT_THAT(with("host=/tmp user=u dbname=d"), HasSubstr("socket"));
  EXPECT_THAT(mistake(R"({"dbSync.externalDatabases.main": {"type": "mysql"}})"), HasSubstr("type"));
  EXPECT_THAT(mistake(R"({"dbSync.externalDatabases.main": {"type": "postgres"}})"), HasSubstr("is missing"));
  EXPECT_THAT(mistake(R"({"dbSync.x": 1})"), HasSubstr("dbSync.x"));
  EXPECT_THAT(mistake("{"), HasSubstr("is not JSON"));
  EXPECT_THAT(mistake("[]"), HasSubstr("object"));
  EXPECT_EQ(read(), "{}");
}

TEST_F(ConfigurationTest, SecretsAreSealedAnewWithTheFirstKey) {
  session_.run(fmt::format(R"(UPDATE "Project" SET "configOverride" = '{}')", kMain));
  EXPECT_EQ(get([&](auto& connection) { return reseal(connection, secrets_, deadline()); }), 1U) << "a plain one";
  const auto before = stored("main");
  EXPECT_TRUE(Secrets::is_sealed(before));
  EXPECT_EQ(get([&](auto& connection) { return reseal(connection, secrets_, deadline()); }), 0U);
  const auto old_key = Secrets::generate_key();
  const Secrets old(old_key);
  const auto new_key = Secrets::generate_key();
  EXPECT_THROW(get([&](auto& connection) { return reseal(connection, Secrets(new_key), deadline()); }), SecretError);
  EXPECT_EQ(stored("main"), before);
}

}  // namespace
}  // namespace tributary::directory
