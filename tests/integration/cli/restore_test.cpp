#include <fmt/format.h>

#include <csignal>

#include "fixture.hpp"

namespace tributary::test {
namespace {

class CliRestore : public Cli {
 protected:
  void SetUp() override {
    migrate();
    tenancy_ = create_project("acme");
    done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
    insert_teams(tenancy_, "acme", 100);
    done({"sync", "--once"});
  }
  std::string names(Session session, const std::string& table, const std::string& name) {
    return session.value("SELECT count(*) || ' ' || md5(string_agg(" + name + ", '' ORDER BY " + name + ")) FROM " + table);
  }
  bool is_equal() {
    return names(source_.session(), "\"Team\" WHERE \"tenancyId\" = '" + tenancy_ + "'", "\"displayName\"") ==
           names(warehouse_.session(), "teams", "display_name");
  }
  static void back_up_teams(Session& source) {
    source.run(
        "CREATE TABLE backup AS SELECT * FROM \"Team\" WHERE \"tenancyId\" = (SELECT id FROM \"Tenancy\" WHERE \"projectId\" = "
        "'acme')");
  }
  /// Past every trigger, as a server that never saw what came after the backup.
  static void restore_teams(Session& source) {
    source.run("BEGIN; SET LOCAL session_replication_role = replica; ALTER TABLE \"Team\" DISABLE TRIGGER ALL");
    source.run(
        R"(DELETE FROM "Team" WHERE "tenancyId" IN (SELECT "tenancyId" FROM backup); INSERT INTO "Team" SELECT * FROM backup)");
    source.run(R"(DELETE FROM "DeletedRow"; DELETE FROM "OutgoingRequest")");
    source.run(R"(DO $$ DECLARE t record; BEGIN
                    FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = '"Team"'::regclass AND tgname LIKE 'tributary%' LOOP
                      EXECUTE format('ALTER TABLE "Team" ENABLE ALWAYS TRIGGER %I', t.tgname);
                    END LOOP; END $$)");
    source.run("COMMIT");
  }
  /// By itself, once the tenancy is reached.
  void expect_mended_after_restart() {
    source_.session().run(kAnotherStart);
    ASSERT_FALSE(is_equal());
    Binary service({"serve"}, environment());
    insert_teams(tenancy_, "acme", 1);
    service.wait_until([&] { return is_equal(); });
  }
  static constexpr const char* kAnotherStart =
      "UPDATE tributary.installation SET postmaster_started_at = postmaster_started_at - interval '1 day'";

  Database warehouse_{"cli_warehouse"};
  std::string tenancy_;
};

// A backup from before the last changes: no trigger saw these go, and the sequence would give their ids once more.
TEST_F(CliRestore, ADestinationThatHasSeenWhatTheSourceHasForgottenIsMendedByItself) {
  auto source = source_.session();
  const auto backed_up = source.value("SELECT last_value FROM global_seq_id");
  back_up_teams(source);
  source.run(R"(UPDATE "Team" SET "displayName" = 'forgotten ' || "displayName" WHERE "teamId"::text < '4')");
  source.run(R"(DELETE FROM "Team" WHERE "teamId"::text > 'c')");
  insert_teams(tenancy_, "acme", 5);
  done({"sync", "--once"});
  ASSERT_TRUE(is_equal());

  restore_teams(source);
  source.run("SELECT setval('global_seq_id', " + backed_up + ")");
  source.run(kAnotherStart);
  ASSERT_FALSE(is_equal());

  Binary service({"serve"}, environment());
  insert_teams(tenancy_, "acme", 1);  // it is reached once more
  service.wait_until([&] { return is_equal(); });
  EXPECT_EQ(source.value("SELECT string_agg(DISTINCT reason, ',') FROM tributary.mend"), "ahead");
  // Once is enough.
  service.wait_until([&] { return source.number("SELECT count(*) FROM tributary.mend WHERE finished_at IS NULL") == 0; });
  const auto requested = source.value("SELECT max(requested_at) FROM tributary.mend");
  insert_teams(tenancy_, "acme", 1);
  service.wait_until([&] { return is_equal(); });
  EXPECT_EQ(source.value("SELECT max(requested_at) FROM tributary.mend"), requested);
}

// A replica that was cut off may know ids above one whose transaction it lacks: shards commit when they like.
TEST_F(CliRestore, AnIdThatWasLostBelowOthersThatWereNotIsRecognised) {
  auto source = source_.session();
  back_up_teams(source);
  source.run(R"(UPDATE "Team" SET "displayName" = 'forgotten ' || "displayName" WHERE "teamId"::text < '4')");
  source.run(R"(DELETE FROM "Team" WHERE "teamId"::text > 'c')");
  done({"sync", "--once"});
  insert_teams(create_project("other"), "other", 40);
  done({"sync", "--once"});
  restore_teams(source);
  expect_mended_after_restart();
}

// What was read shows all that was committed, that which had no id yet, too: rows that were gone were passed by, and names were read that the watermark does not tell.
TEST_F(CliRestore, WhatWasSeenBeforeItHadAnIdIsRecognised) {
  auto source = source_.session();
  insert_teams(tenancy_, "acme", 20);
  source.run(
      R"(UPDATE "Team" SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false WHERE "shouldUpdateSequenceId")");
  back_up_teams(source);
  const auto latest = R"(SELECT "teamId" FROM "Team" ORDER BY "sequenceId" DESC OFFSET {} LIMIT {})";
  const auto of_latest = [&](int from, int count) { return fmt::format(fmt::runtime(latest), from, count); };
  source.run(R"(DELETE FROM "Team" WHERE "teamId" IN ()" + of_latest(1, 5) + ")");
  source.run(R"(UPDATE "Team" SET "displayName" = 'forgotten ' || "displayName" WHERE "teamId" IN ()" + of_latest(1, 5) + ")");
  source.run(fmt::format("SELECT tributary.enqueue_for(ARRAY['{}'::uuid], 'postgres')", tenancy_));
  {
    Binary reader({"serve", "--roles", "sync"}, environment());
    auto warehouse = warehouse_.session();
    reader.wait_until([&] { return warehouse.number("SELECT count(*) FROM teams WHERE display_name LIKE 'forgotten%'") == 5; });
  }
  restore_teams(source);
  expect_mended_after_restart();
}

// A worker of before the fail-over, and a slow destination.
TEST_F(CliRestore, WhatIsStillAppliedAfterTheComparisonIsComparedOnceMore) {
  auto source = source_.session();
  auto warehouse = warehouse_.session();
  const auto known = source.number("SELECT last_value FROM global_seq_id");
  const auto apply_forgotten = [&](std::string_view which, long long id) {
    warehouse.run(fmt::format("UPDATE teams SET display_name = 'forgotten ' || display_name WHERE id::text {}", which));
    warehouse.run(fmt::format("UPDATE _stack_sync_metadata SET last_synced_sequence_id = {} WHERE mapping_name = 'teams'", id));
  };
  apply_forgotten("< '4'", known + 10);
  source.run(kAnotherStart);
  Binary service({"serve"}, environment());
  insert_teams(tenancy_, "acme", 1);
  service.wait_until([&] { return is_equal(); });
  service.wait_until([&] { return source.number("SELECT count(*) FROM tributary.mend WHERE finished_at IS NULL") == 0; });
  apply_forgotten("> 'c'", known + 20);  // those that were mended come again in any case
  insert_teams(tenancy_, "acme", 1);
  service.wait_until([&] { return is_equal(); });
}

// Its tombstones move the watermark past the jump; one that is locked keeps the database from being given up before it is back. Found by the fault test.
TEST_F(CliRestore, ADeletedTenancyThatComesBackIsComparedToo) {
  auto source = source_.session();
  auto warehouse = warehouse_.session();
  warehouse.run("UPDATE teams SET id = gen_random_uuid() WHERE id::text > 'c'");
  warehouse.run(fmt::format("UPDATE _stack_sync_metadata SET last_synced_sequence_id = {} WHERE mapping_name = 'teams'",
                            source.number("SELECT last_value FROM global_seq_id") + 10));
  source.run(kAnotherStart);
  source.run("DELETE FROM \"Tenancy\" WHERE id = '" + tenancy_ + "'");
  auto holder = source_.session();
  holder.run(R"(BEGIN; SELECT FROM "DeletedRow" LIMIT 1 FOR UPDATE)");

  Binary service({"serve"}, environment());
  service.wait_until(
      [&] { return warehouse.value("SELECT max(last_synced_sequence_id) > 4294967296 FROM _stack_sync_metadata") == "t"; });
  source.run(R"(INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization") VALUES (')" + tenancy_ + "', 'acme', 'TRUE')");
  insert_teams(tenancy_, "acme", 3);
  holder.run("COMMIT");
  service.wait_until([&] { return is_equal(); });
}

// It was made, and had this database, before the source lost its last commits: nobody is left to hand it over.
TEST_F(CliRestore, ADatabaseOfATenancyThatTheSourceHasForgottenIsTakenOver) {
  auto warehouse = warehouse_.session();
  warehouse.run("UPDATE _stack_sync_metadata SET tenancy_id = '99999999-0000-4000-8000-000000000000'");
  warehouse.run("UPDATE teams SET display_name = 'forgotten' WHERE id::text < '4'");
  warehouse.run("UPDATE teams SET id = gen_random_uuid() WHERE id::text > 'c'");
  source_.session().run(kAnotherStart);
  Binary service({"serve"}, environment());
  insert_teams(tenancy_, "acme", 1);
  service.wait_until([&] { return is_equal(); });
}

// By a number of ids alone, its jump would land among those that were given after the other one's.
TEST_F(CliRestore, ACopyFromBeforeAnEarlierJumpJumpsAboveIt) {
  auto source = source_.session();
  const auto copied = source.value("SELECT last_value FROM global_seq_id");
  const auto jump = [&] {
    source.run(kAnotherStart);
    insert_teams(tenancy_, "acme", 10);
    done({"sync", "--once"});
    return source.number("SELECT max(\"sequenceId\") FROM \"Team\"");
  };
  const auto given_after_the_first = jump();
  source.run("SELECT setval('global_seq_id', " + copied + ")");
  source.run("DELETE FROM tributary.sequence_jump");
  source.run(R"(UPDATE "Team" SET "sequenceId" = NULL, "shouldUpdateSequenceId" = true)");
  jump();
  EXPECT_GT(source.number("SELECT min(\"sequenceId\") FROM \"Team\""), given_after_the_first);
}

TEST_F(CliRestore, ARestartOfTheSourceAloneMendsNothing) {
  insert_teams(tenancy_, "acme", 40);
  done({"sync", "--once"});
  const auto other = create_project("other");  // the last ids are another tenancy's
  insert_teams(other, "other", 40);
  done({"sync", "--once"});
  auto source = source_.session();
  source.run(kAnotherStart);
  insert_teams(tenancy_, "acme", 1);
  done({"sync", "--once"});
  EXPECT_TRUE(is_equal());
  EXPECT_EQ(source.number("SELECT count(*) FROM tributary.sequence_jump"), 1);
  EXPECT_EQ(source.number("SELECT count(*) FROM tributary.mend"), 0);
}

}  // namespace
}  // namespace tributary::test
