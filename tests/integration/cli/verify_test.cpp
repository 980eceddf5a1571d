#include <csignal>

#include "fixture.hpp"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class CliVerify : public Cli {
 protected:
  void SetUp() override {
    migrate();
    tenancy_ = create_project("acme");
    done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
    insert_teams(tenancy_, "acme", 500);
    done({"sync", "--once"});
  }
  /// By a lock on the warehouse's table.
  void wait_until_held_up(Binary& verify) {
    auto source = source_.session();
    verify.wait_until([&] {
      return source.number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = '" +
                           warehouse_.name() + "'") > 0;
    });
  }

  Database warehouse_{"cli_warehouse"};
  std::string tenancy_;
};

TEST_F(CliVerify, WhatDiffersIsShownAndMended) {
  EXPECT_THAT(done({"verify"}).out, HasSubstr("acme/warehouse teams: 500 rows compared, equal"));
  auto warehouse = warehouse_.session();
  warehouse.run("UPDATE teams SET display_name = 'other' WHERE id = (SELECT min(id::text)::uuid FROM teams)");
  warehouse.run("DELETE FROM teams WHERE id = (SELECT max(id::text)::uuid FROM teams)");
  warehouse.run("INSERT INTO teams VALUES (gen_random_uuid(), 'ghost', NULL, now(), '{}', '{}', '{}')");

  const auto found = tributary({"verify", "--project", "acme"});
  EXPECT_EQ(found.status, 1) << found.err;
  EXPECT_THAT(found.out, AllOf(HasSubstr("3 differences"), HasSubstr("missing  id "), HasSubstr("extra  id "),
                               HasSubstr(": display_name"), HasSubstr("--repair")));
  source_.session().run("ANALYZE \"Team\"");
  const auto repaired = tributary({"verify", "--mapping", "teams", "--repair", "--json"});
  EXPECT_EQ(repaired.status, 1);
  const auto result = json_of(repaired);
  EXPECT_FALSE(result.at("equal").as_bool());
  ASSERT_EQ(result.at("results").as_array().size(), 1U);
  EXPECT_EQ(result.at("results").at(0).at("differences").as_int64(), 3);
  EXPECT_EQ(result.at("results").at(0).at("shown").as_array().size(), 3U);
  EXPECT_EQ(result.at("results").at(0).at("about_rows").as_int64(), 500);  // how much there is to do

  done({"sync", "--once"});
  EXPECT_TRUE(json_of(done({"verify", "--json"})).at("equal").as_bool());
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM teams"), 500);
}

TEST_F(CliVerify, WhatCannotBeComparedIsNotProved) {
  done({"destination", "add", "acme", "broken", "--url", nowhere(), "--no-test"});
  const auto broken = tributary({"verify", "--mapping", "teams"});
  EXPECT_EQ(broken.status, 2);
  EXPECT_THAT(broken.out, AllOf(HasSubstr("acme/broken teams"), HasSubstr("failed: "),
                                HasSubstr("acme/warehouse teams: 500 rows compared, equal")));
  // Tables of another shape than the mapping's, a column of another type first: it could be compared, row by row, for nothing.
  warehouse_.session().run("ALTER TABLE teams ALTER COLUMN display_name TYPE varchar(30)");
  const auto other_type = tributary({"verify", "--destination", "warehouse", "--mapping", "teams"});
  EXPECT_EQ(other_type.status, 2);
  EXPECT_THAT(other_type.out, AllOf(HasSubstr("0 rows compared"), HasSubstr("public.teams"), HasSubstr("display_name"),
                                    HasSubstr("character varying(30)"), HasSubstr("--resume")));
  warehouse_.session().run("ALTER TABLE teams DROP COLUMN display_name");
  const auto other_shape = tributary({"verify", "--destination", "warehouse", "--mapping", "teams"});
  EXPECT_EQ(other_shape.status, 2);
  EXPECT_THAT(other_shape.out, HasSubstr("display_name"));
  EXPECT_EQ(tributary({"verify", "--source", nowhere()}).status, 2);
}

TEST_F(CliVerify, ATableThatChangesShapeMeanwhileIsSaidAndThereIsAWayOn) {
  auto warehouse = warehouse_.session();
  warehouse.run("BEGIN; LOCK TABLE teams IN ACCESS EXCLUSIVE MODE");
  Binary verify({"verify", "--mapping", "teams"}, environment());
  wait_until_held_up(verify);
  warehouse.run("ALTER TABLE teams RENAME COLUMN display_name TO other; COMMIT");
  EXPECT_EQ(verify.wait(), 2);
  EXPECT_THAT(verify.out(), AllOf(HasSubstr("display_name"), HasSubstr("was altered meanwhile"), HasSubstr("--resume")));
  warehouse.run("ALTER TABLE teams RENAME COLUMN other TO display_name");
  EXPECT_THAT(done({"verify", "--mapping", "teams", "--resume"}).out, HasSubstr("500 rows compared, equal"));
}

TEST_F(CliVerify, ASourceThatRestartsMeanwhileIsSaidAndThereIsAWayOn) {
  auto warehouse = warehouse_.session();
  warehouse.run("BEGIN; LOCK TABLE teams IN ACCESS EXCLUSIVE MODE");
  Binary verify({"verify", "--mapping", "teams"}, environment());
  wait_until_held_up(verify);
  source_.session().run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
  warehouse.run("COMMIT");
  EXPECT_EQ(verify.wait(), 2);
  EXPECT_THAT(verify.out(), AllOf(HasSubstr("The source does not answer any more: "), HasSubstr("--resume")));
  EXPECT_THAT(done({"verify", "--mapping", "teams", "--resume"}).out, HasSubstr("500 rows compared, equal"));
}

// By Ctrl-C, in the third mapping, which a lock holds up: it may still come to its end.
TEST_F(CliVerify, OneThatWasInterruptedByASignalDoesNotBeginAnew) {
  auto warehouse = warehouse_.session();
  warehouse.run("BEGIN; LOCK TABLE teams IN ACCESS EXCLUSIVE MODE");
  Binary verify({"verify"}, environment());
  wait_until_held_up(verify);
  verify.signal(SIGINT);
  warehouse.run("COMMIT");
  EXPECT_EQ(verify.wait(), 2);
  EXPECT_THAT(verify.out(), AllOf(HasSubstr("acme/warehouse contact_channels: 0 rows compared, equal"),
                                  testing::Not(HasSubstr("users: ")), HasSubstr("--resume")));
  // Whoever looked at the one that is done would wait for ever.
  warehouse.run("BEGIN; LOCK TABLE contact_channels IN ACCESS EXCLUSIVE MODE");
  EXPECT_THAT(done({"verify", "--resume"}).out, AllOf(HasSubstr("acme/warehouse contact_channels: 0 rows compared, equal"),
                                                      HasSubstr("acme/warehouse teams: 500 rows compared, equal"),
                                                      HasSubstr("acme/warehouse users: 0 rows compared, equal")));
  warehouse.run("COMMIT");
}

TEST_F(CliVerify, AnInterruptedComparisonGoesOn) {
  source_.session().run(
      "INSERT INTO tributary.verification (tenancy_id, destination_id, mapping, next_key, rows, differences, undecided) VALUES "
      "('" +
      tenancy_ + "', 'warehouse', 'teams', ARRAY['80000000-0000-0000-0000-000000000000'], 1000, 0, 0)");
  const auto rest =
      source_.session().number("SELECT count(*) FROM \"Team\" WHERE \"teamId\" >= '80000000-0000-0000-0000-000000000000'");
  const auto resumed = json_of(done({"verify", "--mapping", "teams", "--resume", "--json"}));
  EXPECT_EQ(resumed.at("results").at(0).at("rows").as_int64(), 1'000 + rest);
  EXPECT_TRUE(resumed.at("results").at(0).at("finished").as_bool());
  EXPECT_EQ(json_of(done({"verify", "--mapping", "teams", "--json"})).at("results").at(0).at("rows").as_int64(), 500);
}

}  // namespace
}  // namespace tributary::test
