#include <csignal>

#include "base/uuid.hpp"
#include "fixture.hpp"

/// `tributary migrate` owns the schema; everything else runs as a role that owns nothing.
namespace tributary::test {
namespace {

using testing::HasSubstr;

class LeastPrivilege : public Cli {
 public:
  ~LeastPrivilege() override {
    try {
      source_.session().run("DROP OWNED BY " + role_ + "; DROP ROLE " + role_);
    } catch (const std::exception&) {
      // The whole cluster is thrown away after the run.
    }
  }

 protected:
  LeastPrivilege() {
    migrate();
    source_.session().run(done({"migrate", "--print-grants", "--role", role_}).out);
  }
  /// The fixture's, as the role.
  Environment as_role() const {
    auto variables = environment();
    auto& url = variables["TRIBUTARY_SOURCE_URL"];
    url.replace(url.find("//") + 2, url.find('@') - url.find("//") - 2, role_);
    return variables;
  }
  Finished run(std::vector<std::string> arguments) {
    auto finished = run_binary(std::move(arguments), as_role());
    EXPECT_EQ(finished.status, 0) << finished.err << finished.out;
    return finished;
  }

  const std::string role_ = "least_" + Uuid::random().to_string().substr(0, 8);
  Database warehouse_{"cli_warehouse"};
};

TEST_F(LeastPrivilege, EverythingButMigrateRunsAsTheRole) {
  run({"project", "create", "acme"});
  run({"project", "list"});
  run({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  run({"destination", "list"});
  run({"destination", "test", "acme", "warehouse"});
  const auto tenancy = source_.session().value(R"(SELECT id FROM "Tenancy")");
  insert_teams(tenancy, "acme", 5);
  source_.session().run(R"(DELETE FROM "Team" WHERE "displayName" = 'team 5')");
  run({"sync", "--once"});
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 4);
  run({"status"});
  run({"retry"});
  run({"mapping", "check"});

  Binary serve({"serve"}, as_role());
  source_.session().run(
      R"(UPDATE "Team" SET "displayName" = 'changed'; DELETE FROM "Team" WHERE "teamId" = (SELECT min("teamId"::text)::uuid FROM "Team"))");
  serve.wait_until([&] { return warehouse_.session().number("SELECT count(*) FROM teams WHERE display_name = 'changed'") == 3; });
  // A failed destination, quarantine and a deleted project reach every statement that the service has.
  warehouse_.session().run("ALTER TABLE teams ADD CHECK (display_name <> 'refused')");
  source_.session().run(
      R"(UPDATE "Team" SET "displayName" = 'refused' WHERE "teamId" = (SELECT min("teamId"::text)::uuid FROM "Team"))");
  serve.wait_until([&] { return source_.session().number("SELECT count(*) FROM tributary.quarantine") == 1; });
  run({"destination", "add", "acme", "nowhere", "--no-test", "--url", nowhere()});
  serve.wait_until([&] {
    return source_.session().number("SELECT count(*) FROM tributary.destination_state WHERE destination_id = 'nowhere'") > 0;
  });
  run({"destination", "remove", "acme", "nowhere"});
  source_.session().run(  // as by one who was still at it
      fmt::format("INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, next_try_at) VALUES ('{}', "
                  "'nowhere', '', now()) ON CONFLICT DO NOTHING",
                  tenancy));
  serve.wait_until([&] {
    return source_.session().number("SELECT count(*) FROM tributary.destination_state WHERE destination_id = 'nowhere'") == 0;
  });
  source_.session().run(R"(DELETE FROM "Project")");
  serve.wait_until([&] { return warehouse_.session().number("SELECT count(*) FROM teams") == 0; });
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(), 0) << serve.err();
  EXPECT_THAT(serve.err(), testing::Not(HasSubstr("permission denied")));
}

TEST_F(LeastPrivilege, TheRoleChangesNothingOfTheApplications) {
  Session session(as_role().at("TRIBUTARY_SOURCE_URL"));
  for (const auto* sql :
       {R"(UPDATE "ProjectUser" SET "displayName" = '')", R"(DELETE FROM "Team")", R"(INSERT INTO "Team" DEFAULT VALUES)",
        R"(DELETE FROM "Project")", R"(UPDATE "Tenancy" SET "branchId" = 'x')", R"(TRUNCATE "OutgoingRequest")",
        R"(ALTER TABLE "Team" ADD COLUMN x int)", "CREATE TABLE public.x ()",
        "CREATE FUNCTION tributary.x() RETURNS int LANGUAGE sql AS 'SELECT 1'", R"(ALTER TABLE "Team" DISABLE TRIGGER ALL)",
        "SELECT * FROM pg_authid"}) {
    EXPECT_EQ(session.attempt(sql), "42501") << sql;
  }
}

TEST_F(LeastPrivilege, TheScriptRunsAgain) {
  source_.session().run(done({"migrate", "--print-grants", "--role", role_}).out);
  EXPECT_EQ(tributary({"migrate", "--role", "x"}).status, 2) << "a role without --print-grants is a mistake";
}

// They run as their owner and believe the rows of whatever table they are put on.
TEST_F(LeastPrivilege, NobodyPutsATriggerFunctionOnATableOfHisOwn) {
  Session session(as_role().at("TRIBUTARY_SOURCE_URL"));
  session.run(R"(CREATE TEMP TABLE mine (id uuid, "projectId" text, "branchId" text))");
  const auto functions = source_.session().rows(
      "SELECT format('tributary.%I()', proname) FROM pg_proc WHERE pronamespace = 'tributary'::regnamespace AND prorettype = "
      "'trigger'::regtype "
      "AND prosecdef");
  EXPECT_GT(functions.size(), 10U);
  for (const auto& row : functions) {
    const auto& function = row.at(0).value();
    EXPECT_EQ(session.attempt("CREATE TRIGGER t AFTER UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION " + function), "42501")
        << function;
  }
}

// Nothing would be found, and nothing would fail.
TEST_F(LeastPrivilege, RowsThatAPolicyHidesAreNotTakenForNone) {
  source_.session().run(R"(ALTER TABLE "Team" ENABLE ROW LEVEL SECURITY)");
  const auto status = run_binary({"status"}, as_role());
  EXPECT_EQ(status.status, 1);
  EXPECT_THAT(status.err, HasSubstr("row level security hides rows of \"Team\" from role \"" + role_ + "\""));
  source_.session().run("ALTER ROLE " + role_ + " BYPASSRLS");
  run({"status"});
}

}  // namespace
}  // namespace tributary::test
