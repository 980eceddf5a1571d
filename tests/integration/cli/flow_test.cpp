#include "fixture.hpp"
#include "terminal.hpp"

/// What an operator does, from an empty database to one in step.
namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class CliFlow : public Cli {
 protected:
  void SetUp() override { migrate(); }
  Database warehouse_{"cli_warehouse"};
};

// One is held up by a lock on its table, so that it is seen on its way.
TEST_F(CliFlow, ADrainShowsOnATerminalHowFarEachDestinationIs) {
  Database archive("cli_archive");
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  done({"destination", "add", "acme", "archive", "--url", archive.uri()});
  done({"sync", "--once"});
  insert_teams(tenancy, "acme", 200);
  auto session = archive.session();
  session.run("BEGIN; LOCK TABLE teams IN ACCESS EXCLUSIVE MODE");
  auto variables = environment();
  variables["TRIBUTARY_DESTINATIONS_ALLOW_NETWORKS"] = "127.0.0.0/8";
  OnTerminal sync({"sync", "--once"}, variables, 120);
  sync.wait_for("acme/archive    [------------------------] 0 %");
  sync.wait_for("acme/warehouse  [########################] 100 %");
  session.run("COMMIT");
  sync.wait_for("acme/archive    [########################] 100 %");
  sync.wait_for("Every destination has every change.");
  EXPECT_EQ(sync.wait(), 0);
}

TEST_F(CliFlow, FromNothingToOneInStep) {
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  insert_teams(tenancy, "acme", 1'000);

  const auto before = json_of(tributary({"status", "--json", "--backlog"}));
  EXPECT_FALSE(before.at("drained").as_bool());
  EXPECT_EQ(before.at("destinations").at(0).at("backlog").as_int64(), 1'000);

  EXPECT_THAT(done({"sync", "--once"}).out, HasSubstr("Every destination has every change."));
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 1'000);

  const auto after = json_of(done({"status", "--json", "--backlog"}));
  EXPECT_TRUE(after.at("healthy").as_bool());
  EXPECT_TRUE(after.at("drained").as_bool());
  EXPECT_EQ(after.at("queue").at("pending").as_int64(), 0);
  const auto& destination = after.at("destinations").at(0);
  EXPECT_EQ(destination.at("state").as_string(), "ok");
  EXPECT_EQ(destination.at("backlog").as_int64(), 0);
  EXPECT_TRUE(destination.as_object().contains("complete_until"));
  EXPECT_THAT(done({"status", "--all"}).out, AllOf(HasSubstr("acme"), HasSubstr("warehouse"), HasSubstr("none on their way")));
}

TEST_F(CliFlow, MigratingAgainChangesNothing) {
  const auto tenancy = create_project("acme");
  insert_teams(tenancy, "acme", 3);
  done({"sync", "--once"});
  EXPECT_THAT(done({"migrate"}).out, HasSubstr("The source is ready."));
  EXPECT_TRUE(json_of(done({"status", "--json"})).at("drained").as_bool());
}

TEST_F(CliFlow, AProjectIsCreatedOnceForEachBranch) {
  create_project("acme");
  const auto again = tributary({"project", "create", "acme"});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("already"));
  done({"project", "create", "acme", "--branch", "dev"});
  const auto projects = json_of(done({"project", "list", "--json"})).as_array();
  ASSERT_EQ(projects.size(), 2U);
  EXPECT_EQ(projects[0].at("branch").as_string(), "dev");
  EXPECT_EQ(projects[1].at("branch").as_string(), "main");
  EXPECT_THAT(done({"project", "list"}).out, HasSubstr("acme"));
}

TEST_F(CliFlow, ADestinationOfABranchGetsThatBranchOnly) {
  const auto main_tenancy = create_project("acme");
  const auto created = json_of(done({"project", "create", "acme", "--branch", "dev", "--json"}));
  const std::string dev_tenancy(created.at("tenancy").as_string());
  done({"destination", "add", "acme", "warehouse", "--branch", "dev", "--url", warehouse_.uri()});
  insert_teams(main_tenancy, "acme", 3);
  insert_teams(dev_tenancy, "acme", 2);
  done({"sync", "--once"});
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 2);
}

TEST_F(CliFlow, ADestinationIsAddedOnceAndShownWithoutItsPassword) {
  create_project("acme");
  EXPECT_EQ(tributary({"destination", "add", "nobody", "warehouse", "--url", warehouse_.uri()}).status, 1);
  EXPECT_EQ(tributary({"destination", "add", "acme", "a/b", "--url", warehouse_.uri()}).status, 2);
  EXPECT_EQ(tributary({"destination", "add", "acme", "warehouse", "--url", "nonsense"}).status, 2);
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});

  const auto again = tributary({"destination", "add", "acme", "warehouse", "--url", nowhere(), "--no-test"});
  EXPECT_EQ(again.status, 1);
  EXPECT_THAT(again.err, HasSubstr("--replace"));
  done({"destination", "add", "acme", "warehouse", "--url", nowhere(), "--no-test", "--replace"});

  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"destination", "list"}, {"destination", "list", "--json"}, {"status", "--json"}}) {
    const auto shown = tributary(arguments);
    EXPECT_THAT(shown.out, AllOf(HasSubstr("127.0.0.1"), Not(HasSubstr("secret"))));
  }
}

TEST_F(CliFlow, ADestinationIsTestedBeforeItIsAdded) {
  create_project("acme");
  const auto refused = tributary({"destination", "add", "acme", "warehouse", "--url", nowhere()});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("--no-test"), Not(HasSubstr("secret"))));
  EXPECT_EQ(json_of(done({"destination", "list", "--json"})).as_array().size(), 0U);

  EXPECT_THAT(done({"destination", "test", "--url", warehouse_.uri()}).out, HasSubstr("PostgreSQL"));
  EXPECT_EQ(tributary({"destination", "test", "--url", nowhere()}).status, 1);
  EXPECT_EQ(tributary({"destination", "test"}).status, 2);
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  EXPECT_TRUE(json_of(done({"destination", "test", "acme", "warehouse", "--json"})).at("ok").as_bool());
}

TEST_F(CliFlow, OneDestinationThatIsDownIsNamedAndTheOtherOneIsDone) {
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  done({"destination", "add", "acme", "broken", "--url", nowhere(), "--no-test"});
  insert_teams(tenancy, "acme", 10);

  const auto synced = tributary({"sync", "--once"});
  EXPECT_EQ(synced.status, 3) << synced.err;
  EXPECT_THAT(synced.err, AllOf(HasSubstr("broken"), HasSubstr("tributary retry"), Not(HasSubstr("secret"))));
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 10);

  const auto status = tributary({"status", "--json"});
  EXPECT_EQ(status.status, 3);
  const auto destinations = json_of(status).at("destinations").as_array();
  EXPECT_EQ(destinations[0].at("destination").as_string(), "broken");
  EXPECT_EQ(destinations[0].at("state").as_string(), "failing");
  EXPECT_FALSE(destinations[0].at("troubles").at(0).at("error").as_string().empty());
  EXPECT_EQ(destinations[1].at("state").as_string(), "ok");
  EXPECT_THAT(tributary({"status"}).out, AllOf(HasSubstr("broken"), HasSubstr("failing"), HasSubstr("next try in")));

  Database mended("cli_mended");
  done({"destination", "add", "acme", "broken", "--url", mended.uri(), "--replace"});
  done({"retry", "--project", "acme", "--destination", "broken"});
  done({"sync", "--once"});
  EXPECT_EQ(mended.session().number("SELECT count(*) FROM teams"), 10);
  EXPECT_EQ(tributary({"status"}).status, 0);
}

TEST_F(CliFlow, ARetryDoesNotWaitForTheNextTry) {
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  insert_teams(tenancy, "acme", 10);
  auto patient = environment();
  patient["TRIBUTARY_SYNC_RETRY_FIRST"] = patient["TRIBUTARY_SYNC_RETRY_LONGEST"] = "1h";
  const auto allow_connections = [&](const char* allowed) {
    source_.session().run("ALTER DATABASE \"" + warehouse_.name() + "\" ALLOW_CONNECTIONS " + allowed);
  };
  allow_connections("false");
  EXPECT_EQ(run_binary({"sync", "--once"}, patient).status, 3);
  allow_connections("true");
  EXPECT_EQ(run_binary({"sync", "--once"}, patient).status, 3) << "its next try is in an hour";
  done({"retry"});
  EXPECT_EQ(run_binary({"sync", "--once"}, patient).status, 0);
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 10);
}

TEST_F(CliFlow, AChangedDestinationDoesNotWaitForTheNextTryOfTheOneBefore) {
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", nowhere(), "--no-test"});
  insert_teams(tenancy, "acme", 10);
  auto patient = environment();
  patient["TRIBUTARY_SYNC_RETRY_FIRST"] = patient["TRIBUTARY_SYNC_RETRY_LONGEST"] = "1h";
  EXPECT_EQ(run_binary({"sync", "--once"}, patient).status, 3);
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri(), "--replace"});
  EXPECT_EQ(run_binary({"sync", "--once"}, patient).status, 0);
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 10);
}

TEST_F(CliFlow, ConnectionStringsAreEncryptedWhereThereIsAKeyAndKeysCanBeChanged) {
  const auto stored = [&] { return source_.session().value(R"(SELECT "configOverride"::text FROM "Project")"); };
  const auto with_keys = [&](const std::string& keys) {
    auto environment = this->environment();
    environment["TRIBUTARY_SECRETS_KEY"] = keys;
    return environment;
  };
  const auto key = [&] { return tributary({"secrets", "generate"}).out.substr(0, 64); };
  const auto first = key();
  const auto second = key();
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  insert_teams(tenancy, "acme", 3);
  EXPECT_THAT(stored(), HasSubstr(warehouse_.name()));
  EXPECT_EQ(tributary({"secrets", "rotate"}).status, 2);
  EXPECT_EQ(run_binary({"secrets", "rotate"}, with_keys(first)).status, 0);
  EXPECT_THAT(stored(), testing::Not(HasSubstr(warehouse_.name())));
  EXPECT_EQ(tributary({"sync", "--once"}).status, 3) << "without its key";
  {
    Binary serve({"serve", "--threads", "1"}, with_keys(second + "," + first));
    const auto teams = [&] { return warehouse_.session().number("SELECT count(*) FROM teams"); };
    serve.wait_for("\"started\"");
    serve.wait_until(
        [&] { return warehouse_.session().value("SELECT to_regclass('teams') IS NOT NULL") == "t" && teams() == 3; });
    insert_teams(tenancy, "acme", 200);  // on their way
    EXPECT_EQ(run_binary({"secrets", "rotate"}, with_keys(second + "," + first)).status, 0);
    insert_teams(tenancy, "acme", 1);
    serve.wait_until([&] { return teams() == 204; });
    serve.signal(SIGTERM);
    EXPECT_EQ(serve.wait(), 0) << serve.err();
    EXPECT_THAT(serve.err(), Not(HasSubstr("it is encrypted")));
  }
  insert_teams(tenancy, "acme", 1);
  EXPECT_EQ(run_binary({"sync", "--once"}, with_keys(second)).status, 0) << "without the older key";
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 205);
  EXPECT_THAT(run_binary({"destination", "list"}, with_keys(second)).out, HasSubstr(warehouse_.name()));

  // A deleted project's database, which has not applied the tombstones yet, too.
  done({"project", "delete", "acme", "--whole"});
  const auto keys = with_keys(first + "," + second);
  EXPECT_EQ(json_of(run_binary({"secrets", "rotate", "--json"}, keys)).at("projects").as_int64(), 1);
  EXPECT_EQ(json_of(run_binary({"secrets", "rotate", "--json"}, keys)).at("projects").as_int64(), 0) << "nothing is left";
  EXPECT_EQ(run_binary({"sync", "--once"}, with_keys(first)).status, 0);
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 0);
}

TEST_F(CliFlow, KeysAreShownOnceRotatedAndRevoked) {
  const auto made = json_of(tributary({"project", "create", "acme", "--json"}));
  EXPECT_EQ(made.at("keys").as_array().size(), 2U);
  const auto rotated = json_of(tributary({"project", "rotate", "acme", "--kind", "admin", "--overlap", "0s", "--json"}));
  const auto keys = json_of(tributary({"project", "keys", "acme", "--json"}));
  EXPECT_EQ(keys.as_array().size(), 3U);
  const auto secret = std::string(rotated.at("key").as_string());
  EXPECT_EQ(std::string(keys.at(2).at("ends_with").as_string()), secret.substr(secret.size() - 4));
  EXPECT_THAT(tributary({"project", "keys", "acme"}).out, testing::Not(HasSubstr(secret)));
  done({"project", "revoke", "acme", std::string(rotated.at("id").as_string())});
  EXPECT_EQ(tributary({"project", "revoke", "acme", "nonsense"}).status, 2);
  EXPECT_EQ(tributary({"project", "keys", "nobody"}).status, 1);
  done({"project", "delete", "acme", "--whole"});
  EXPECT_EQ(source_.session().number("SELECT count(*) FROM tributary.project_key"), 0);
}

TEST_F(CliFlow, ARefusedRowIsNamedUntilItPasses) {
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  done({"sync", "--once"});
  warehouse_.session().run("ALTER TABLE teams ADD CONSTRAINT no_team_3 CHECK (display_name <> 'team 3')");
  insert_teams(tenancy, "acme", 5);

  const auto synced = tributary({"sync", "--once"});
  EXPECT_EQ(synced.status, 3) << synced.err;
  EXPECT_THAT(synced.err, AllOf(HasSubstr("1 refused row"), HasSubstr("no_team_3")));
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 4);
  const auto status = json_of(tributary({"status", "--json"}));
  EXPECT_EQ(status.at("destinations").at(0).at("state").as_string(), "quarantine");

  warehouse_.session().run("ALTER TABLE teams DROP CONSTRAINT no_team_3");
  done({"retry"});
  done({"sync", "--once"});
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 5);
  EXPECT_THAT(done({"retry"}).out, HasSubstr("Nothing waits"));
  EXPECT_EQ(json_of(done({"retry", "--json"})).at("tenancies").as_int64(), 0);
}

TEST_F(CliFlow, ARemovedDestinationKeepsItsTablesAndGetsNoMore) {
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  insert_teams(tenancy, "acme", 2);
  done({"sync", "--once"});
  done({"destination", "remove", "acme", "warehouse"});
  EXPECT_EQ(tributary({"destination", "remove", "acme", "warehouse"}).status, 1);
  insert_teams(tenancy, "acme", 2);
  done({"sync", "--once"});
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 2);
}

// Its database once failed for ever without anybody being told.
TEST_F(CliFlow, ADeletedProjectsDatabaseIsShownUntilItIsEmptiedOrGivenUp) {
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  insert_teams(tenancy, "acme", 2);
  done({"sync", "--once"});
  source_.session().run("ALTER DATABASE \"" + warehouse_.name() + "\" ALLOW_CONNECTIONS false");
  source_.session().run(R"(DELETE FROM "Project")");
  EXPECT_EQ(tributary({"sync", "--once"}).status, 3);

  const auto status = tributary({"status"});
  EXPECT_EQ(status.status, 3);
  EXPECT_THAT(status.out, AllOf(HasSubstr("acme (deleted)"), HasSubstr("failing"), HasSubstr("destination remove --deleted")));
  const auto destination = json_of(tributary({"status", "--json"})).at("destinations").at(0);
  EXPECT_TRUE(destination.at("deleted").as_bool());
  EXPECT_EQ(destination.at("state").as_string(), "failing");

  EXPECT_THAT(tributary({"destination", "remove", "acme", "warehouse"}).err, HasSubstr("--deleted"));
  EXPECT_EQ(tributary({"destination", "remove", "--deleted", "acme", "lakehouse"}).status, 1);
  done({"destination", "remove", "--deleted", "acme", "warehouse"});
  EXPECT_EQ(tributary({"status"}).status, 0);
  EXPECT_EQ(source_.session().number("SELECT count(*) FROM tributary.deleted_tenancy"), 0);
  EXPECT_EQ(source_.session().number("SELECT count(*) FROM tributary.destination_state"), 0);
}

TEST_F(CliFlow, TheFuseboxIsNotWaitedForWithoutAWord) {
  source_.session().run(R"(UPDATE "ExternalDbSyncMetadata" SET "sequencerEnabled" = false)");
  const auto synced = tributary({"sync", "--once"});
  EXPECT_EQ(synced.status, 1);
  EXPECT_THAT(synced.err, HasSubstr("fusebox"));
  EXPECT_EQ(tributary({"status"}).status, 3);
}

}  // namespace
}  // namespace tributary::test
