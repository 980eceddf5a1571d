#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "sequencer/sql.hpp"
#include "sequencing.hpp"

using namespace tributary;
using namespace tributary::test;

namespace {

class Sequencing : public testing::Test {
 protected:
  Sequencing() : session(database.session()) {
    session.run(insert_project("p") + insert_tenancy(t1, "p") + insert_tenancy(t2, "p", "other"));
  }

  std::string flagged_users() { return session.value(R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")"); }
  std::string users(const std::string& tenancy, int count) {
    return R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId") SELECT ')" + tenancy +
           "', gen_random_uuid(), 'p' FROM generate_series(1, " + std::to_string(count) + "); ";
  }

  SourceDatabase database;
  Session session;
  const std::string t1 = uuid(1), t2 = uuid(2), u1 = uuid(11), u2 = uuid(12);
};

}  // namespace

TEST_F(Sequencing, NumbersRowsAndTombstonesAndEnqueuesTheirTenancies) {
  session.run(insert_user(t1, u1) + insert_channel(t1, u1, uuid(21), "x@example.com") + insert_user(t2, u2));
  session.run(R"(DELETE FROM "ProjectUser" WHERE "projectUserId" = ')" + u2 + "'");
  const auto pass = sequence_all(database);
  EXPECT_EQ(pass.rows, 3U);
  EXPECT_EQ(pass.tenancies, 2U);
  EXPECT_EQ(session.value(R"(SELECT count("sequenceId") FROM "DeletedRow" WHERE NOT "shouldUpdateSequenceId")"), "1");
  EXPECT_EQ(session.value(
                R"(SELECT string_agg("qstashOptions" #>> '{body,tenancyId}', ' ' ORDER BY "tenancyId") FROM "OutgoingRequest")"),
            t1 + " " + t2);
}

TEST_F(Sequencing, LagBeginsWithTheApplicationsCommitWhereTheSourceKeepsItsTime) {
  session.run(insert_user(t1, u1) + insert_user(t2, u2));
  const auto age = session.number(
      R"(SELECT sum(extract(epoch FROM clock_timestamp() - pg_xact_commit_timestamp(xmin)) * 1000000)::bigint FROM "ProjectUser")");
  RunningSequencer sequencer(database);
  wait_for(session, R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")", "0");
  sequencer.stop();
  const auto& lag = sequencer.metrics().histogram("tributary_sequencing_lag_seconds");
  EXPECT_EQ(lag.count(), 2U);
  EXPECT_GE(lag.sum(), std::chrono::microseconds(age));
}

TEST_F(Sequencing, DoesNotFlagWhatItNumbers) {
  session.run(insert_user(t1, u1) + insert_channel(t1, u1, uuid(21), "x@example.com") + insert_team(t1, uuid(31)) +
              insert_member(t1, u1, uuid(31)));
  EXPECT_GE(sequence_all(database).rows, 4U);
  EXPECT_EQ(sequence_all(database).rows, 0U);
  EXPECT_EQ(session.value("SELECT count(*) FROM tributary.marker"), "0");
}

TEST_F(Sequencing, NumbersButDoesNotEnqueueATenancyThatIsNotSynced) {
  session.run(R"(UPDATE "Tenancy" SET "hasNoOrganization" = NULL, "organizationId" = gen_random_uuid() WHERE id = ')" + t1 +
              "';" + insert_user(t1, u1));
  const auto pass = sequence_all(database);
  EXPECT_EQ(pass.rows, 1U);
  EXPECT_EQ(pass.tenancies, 0U);
}

TEST_F(Sequencing, EnqueuesATenancyThatIsGone) {
  session.run(insert_user(t1, u1) + R"(DELETE FROM "Tenancy" WHERE id = ')" + t1 + R"('; DELETE FROM "OutgoingRequest")");
  EXPECT_EQ(sequence_all(database).tenancies, 1U);
}

TEST_F(Sequencing, EnqueuesTheTenanciesOfAProjectWhoseConfigChanged) {
  sequence_all(database);
  session.run(R"(DELETE FROM "OutgoingRequest"; UPDATE "Project" SET "configOverride" = '{"x": 1}')");
  EXPECT_EQ(sequence_all(database).tenancies, 2U);
  EXPECT_EQ(session.value(R"(SELECT string_agg("tenancyId"::text, ' ' ORDER BY "tenancyId") FROM "OutgoingRequest")"),
            t1 + " " + t2);
}

TEST_F(Sequencing, IdsAndRequestComeTogetherOrNotAtAll) {
  session.run(R"(CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';
                 CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON "OutgoingRequest" DEFERRABLE INITIALLY DEFERRED
                 FOR EACH ROW EXECUTE FUNCTION public.refuse())");
  session.run(insert_user(t1, u1));
  EXPECT_THROW(sequence_once(database), postgres::Error);
  EXPECT_EQ(flagged_users(), "1");
  EXPECT_EQ(session.value(R"(SELECT count("sequenceId") FROM "ProjectUser")"), "0");
}

TEST_F(Sequencing, NobodyCanClaimARequestWhoseIdsAreNotVisibleYet) {
  session.run(insert_user(t1, u1));
  sequence_all(database);
  session.run(
      R"(CREATE FUNCTION public.hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(42); RETURN NULL; END';
                 CREATE CONSTRAINT TRIGGER hold AFTER UPDATE ON "ProjectUser" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
                 WHEN (OLD."sequenceId" IS DISTINCT FROM NEW."sequenceId") EXECUTE FUNCTION public.hold())");
  session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'x'; SELECT pg_advisory_lock(42))");
  std::jthread sequencing([&] { sequence_all(database); });
  wait_for(session, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'", "1");
  const auto claim = R"(UPDATE "OutgoingRequest" SET "startedFulfillingAt" = now()
                        WHERE id IN (SELECT id FROM "OutgoingRequest" FOR UPDATE SKIP LOCKED) RETURNING id)";
  EXPECT_EQ(session.rows(claim).size(), 0U) << "a poller would read without the new ids, and nobody would come again";
  session.run("SELECT pg_advisory_unlock(42)");
  sequencing.join();
  EXPECT_EQ(session.rows(claim).size(), 1U);
}

TEST_F(Sequencing, ATenancyWithALotLeavesRoomForTheOthers) {
  session.run(users(t1, 500) + users(t2, 1));
  sequencer::Params params;
  params.rows_per_batch = 100;
  params.rows_per_tenancy = 10;
  EXPECT_EQ(sequence_once(database, params).rows, 11U);
  EXPECT_EQ(session.value(R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId" AND "tenancyId" = ')" + t2 + "'"),
            "0");
  EXPECT_EQ(sequence_once(database, params).rows, 100U) << "alone, it gets all the room";
}

TEST_F(Sequencing, EveryTenancyHasItsTurnThoughTheFirstOnesNeverEnd) {
  // More tenancies of one shard than one look returns, each with more rows than its share.
  for (unsigned i = 100; i < 140; ++i) {
    session.run(insert_tenancy(uuid(i), "p", std::to_string(i)) + users(uuid(i), 20));
  }
  sequencer::Params params;
  params.rows_per_batch = 40;
  sequence_times(2, database, params);
  EXPECT_EQ(session.value(R"(SELECT count(DISTINCT "tenancyId") FROM "ProjectUser" WHERE NOT "shouldUpdateSequenceId")"), "40");
}

TEST_F(Sequencing, ARowInAnOpenTransactionIsSkippedAndFoundLater) {
  session.run(insert_user(t1, u1) + insert_user(t1, u2));
  auto other = database.session();
  other.run(R"(BEGIN; UPDATE "ProjectUser" SET "displayName" = 'x' WHERE "projectUserId" = ')" + u1 + "'");
  const auto pass = sequence_once(database);
  EXPECT_EQ(pass.rows, 1U);
  EXPECT_TRUE(pass.more);
  other.run("COMMIT");
  EXPECT_EQ(sequence_all(database).rows, 1U);
}

TEST_F(Sequencing, AnInsertThatRefersToARowDoesNotHideIt) {
  session.run(insert_user(t1, u1));
  auto other = database.session();
  other.run("BEGIN; " + insert_channel(t1, u1, uuid(21), "x@example.com"));
  EXPECT_EQ(sequence_once(database).rows, 1U);
  session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'x')");
  EXPECT_EQ(sequence_once(database).rows, 1U) << "an update of the sequence id is not one of a key";
}

TEST_F(Sequencing, ARowThatIsAlwaysLockedIsWaitedFor) {
  session.run(users(t1, 20) + insert_user(t1, u1));
  const auto hold = R"(BEGIN; UPDATE "ProjectUser" SET "displayName" = 'x' WHERE "projectUserId" = ')" + u1 + "'";
  const auto waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  auto first = database.session();
  auto second = database.session();
  first.run(hold);
  sequencer::Params params;
  params.lock_timeout = std::chrono::seconds(20);
  RunningSequencer running(database, params);
  wait_for(session, waiting, "1");
  EXPECT_GT(running.metrics().counter("tributary_sequencer_waits_total").value(), 0U);
  // The next holder queues behind the sequencer before the first lets go: the row is free at no time.
  std::jthread next([&] { second.run(hold); });
  wait_for(session, waiting, "2");
  first.run("COMMIT");
  next.join();
  EXPECT_EQ(session.value(R"(SELECT count("sequenceId") FROM "ProjectUser" WHERE "projectUserId" = ')" + u1 + "'"), "1");
}

TEST_F(Sequencing, AParentThatChangesWhileItsDependantIsInsertedIsNumberedAgain) {
  session.run(insert_user(t1, u1));
  sequence_all(database);
  const auto id = R"(SELECT "sequenceId" FROM "ProjectUser" WHERE "projectUserId" = ')" + u1 + "'";
  auto other = database.session();
  other.run("BEGIN; " + insert_channel(t1, u1, uuid(21), "x@example.com"));
  session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'x')");
  sequence_all(database);
  const auto without_channel = session.number(id);
  other.run("COMMIT");
  sequence_all(database);
  EXPECT_GT(session.number(id), without_channel);
  EXPECT_EQ(session.value("SELECT count(*) FROM tributary.marker"), "0");
}

TEST_F(Sequencing, AMarkerWaitsForAParentThatIsLocked) {
  session.run(insert_user(t1, u1));
  sequence_all(database);
  session.run(insert_channel(t1, u1, uuid(21), "x@example.com"));
  auto other = database.session();
  other.run(R"(BEGIN; UPDATE "ProjectUser" SET "displayName" = 'x')");
  EXPECT_EQ(sequence_once(database).rows, 1U);  // the channel
  EXPECT_EQ(session.value("SELECT count(*) FROM tributary.marker"), "1");
  other.run("ROLLBACK");
  EXPECT_EQ(sequence_all(database).rows, 1U);
  EXPECT_EQ(session.value("SELECT count(*) FROM tributary.marker"), "0");
}

TEST_F(Sequencing, MarkersOfParentsThatAreGoneAreRemoved) {
  session.run(insert_user(t1, u1) + insert_channel(t1, u1, uuid(21), "x@example.com"));
  session.run(R"(DELETE FROM "ProjectUser")");
  EXPECT_GE(session.number("SELECT count(*) FROM tributary.marker"), 1);
  sequence_all(database);
  EXPECT_EQ(session.value("SELECT count(*) FROM tributary.marker"), "0");
}

// In a rolling restart: who does not know the table as a parent would take the marker for done with, and number nothing.
TEST_F(Sequencing, MarkersAreLeftToTheVersionThatKnowsTheirTable) {
  const auto tables = [&] { return session.value(R"(SELECT string_agg("tableName", ',') FROM tributary.marker)"); };
  session.run(
      "UPDATE tributary.installation SET marked_tables = marked_tables || ARRAY['Order'];"
      "INSERT INTO tributary.marker (\"tenancyId\", \"tableName\", \"primaryKey\") VALUES ('" +
      t1 + "', 'Order', '{}'), ('" + t1 + "', 'Nobody''s', '{}')");
  EXPECT_FALSE(sequence_once(database).more) << "others' markers are nothing to do";
  EXPECT_EQ(tables(), "Order");
  migrate(database, builtin_mappings());
  sequence_once(database);
  EXPECT_EQ(tables(), "") << "migrated without that table";
}

TEST_F(Sequencing, TheFuseboxStopsIt) {
  session.run(insert_user(t1, u1) + R"(UPDATE "ExternalDbSyncMetadata" SET "sequencerEnabled" = false)");
  EXPECT_EQ(sequence_once(database).rows, 0U);
  session.run(R"(UPDATE "ExternalDbSyncMetadata" SET "sequencerEnabled" = true)");
  EXPECT_EQ(sequence_once(database).rows, 1U);
}

TEST_F(Sequencing, IsWokenByAChange) {
  sequencer::Params params;
  params.longest_pause = std::chrono::minutes(10);
  RunningSequencer running(database, params);
  wait_for(session, "SELECT pg_sequence_last_value('tributary.sequencer_state')", "2");
  // Until its pauses have grown past what this test would wait for, a poll may find the row.
  const auto& looks = running.metrics().counter("tributary_sequencer_looks_total");
  for (auto last = looks.value() + 1; last != looks.value();) {
    last = looks.value();
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  }
  session.run(insert_user(t1, u1));
  wait_for(session, R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")", "0");
}

TEST_F(Sequencing, ATenancyThatIsNamedIsNumberedOnlyWhileTheFuseboxAllowsIt) {
  session.run(insert_user(t1, u1) + R"(UPDATE "ExternalDbSyncMetadata" SET "sequencerEnabled" = false)");
  RunningSequencer running(database);
  wait_for(session, "SELECT pg_sequence_last_value('tributary.sequencer_state')", "2");
  const auto& looks = running.metrics().counter("tributary_sequencer_looks_total");
  const auto before = looks.value();
  session.run("NOTIFY tributary_change, '" + t1 + "'");
  while (looks.value() < before + 2) std::this_thread::yield();
  EXPECT_EQ(flagged_users(), "1");
  session.run(R"(UPDATE "ExternalDbSyncMetadata" SET "sequencerEnabled" = true; NOTIFY tributary_change, ')" + t1 + "'");
  wait_for(session, R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")", "0");
}

TEST_F(Sequencing, WhatANotificationNamesIsNumberedByItselfAndWithoutALook) {
  session.run(insert_team(t1, uuid(31)));
  sequencer::Params params;
  params.longest_pause = std::chrono::minutes(10);
  RunningSequencer running(database, params);
  wait_for(session, R"(SELECT count(*) FROM "Team" WHERE "shouldUpdateSequenceId")", "0");
  // A batch of all tables, as a look leads to, waits for this lock. A look may find the change before the notification is heard: then it is tried again.
  auto other = database.session();
  std::string seen;
  for (int tries = 0; tries < 20 && seen != "numbered"; ++tries) {
    wait_for(session, "SELECT pg_sequence_last_value('tributary.sequencer_state')", "2");
    other.run(R"(BEGIN; LOCK TABLE "DeletedRow" IN SHARE MODE)");
    session.run(R"(UPDATE "Team" SET "displayName" = ')" + std::to_string(tries) + "'");
    const auto deadline = Deadline::after(std::chrono::seconds(20));
    do {
      seen = session.value(R"(SELECT CASE WHEN NOT EXISTS (SELECT FROM "Team" WHERE "shouldUpdateSequenceId") THEN 'numbered'
                                          WHEN EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = '"DeletedRow"'::regclass
                                                       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())) THEN 'waits' END)");
    } while (seen != "numbered" && seen != "waits" && !deadline.expired());
    other.run("ROLLBACK");
    wait_for(session, R"(SELECT count(*) FROM "Team" WHERE "shouldUpdateSequenceId")", "0");
  }
  EXPECT_EQ(seen, "numbered");
}

TEST_F(Sequencing, FindsWhatNotificationsDoNotName) {
  session.run(
      R"(INSERT INTO "Tenancy" (id, "projectId", "branchId", "hasNoOrganization") SELECT gen_random_uuid(), 'p', 'b' || i, 'TRUE' FROM generate_series(1, 60) AS i;
                 INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId") SELECT id, gen_random_uuid(), 'p' FROM "Tenancy")");
  sequencer::Params params;
  params.longest_pause = std::chrono::minutes(10);
  RunningSequencer running(database, params);
  for (const auto* changed :
       {R"(UPDATE "ProjectUser" SET "displayName" = 'more than are kept by name')",
        R"(UPDATE "ProjectUser" SET "displayName" = 'and one that means nothing'; NOTIFY tributary_change, 'nobody')"}) {
    wait_for(session, "SELECT pg_sequence_last_value('tributary.sequencer_state')", "2");
    session.run(changed);
    wait_for(session, R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")", "0");
  }
}

TEST_F(Sequencing, AChangeWhoseTriggerRanBeforeTheAnnouncementIsFound) {
  auto early = database.session();
  early.run("SELECT setval('tributary.sequencer_state', 1); BEGIN; " + insert_user(t1, u1));
  RunningSequencer running(database);
  wait_for(session, "SELECT pg_sequence_last_value('tributary.sequencer_state')", "2");
  early.run("COMMIT");
  wait_for(session, R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")", "0");
}

TEST_F(Sequencing, IdleCostsNothingHoweverManyTenancies) {
  session.run(R"(INSERT INTO "Project" (id) SELECT 'p' || i FROM generate_series(1, 5000) AS i;
                 INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization") SELECT gen_random_uuid(), 'p' || i, 'TRUE' FROM generate_series(1, 5000) AS i;
                 INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId") SELECT id, gen_random_uuid(), 'p' FROM "Tenancy")");
  sequence_all(database);
  // A server's process tells its counts before it leaves this list.
  wait_for(session, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()", "0");
  session.run("VACUUM");
  RunningSequencer running(database);
  wait_for(session, "SELECT pg_sequence_last_value('tributary.sequencer_state')", "2");
  auto& looks = running.metrics().counter("tributary_sequencer_looks_total");
  while (looks.value() < 12) std::this_thread::yield();  // its pauses have grown
  const auto state = [&] {
    session.run("SELECT pg_stat_force_next_flush()");
    return session.rows(
        R"(SELECT (SELECT sum(idx_tup_read + idx_tup_fetch) FROM pg_stat_user_indexes WHERE schemaname = 'public'),
                                  (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = 'public' AND relname <> 'ExternalDbSyncMetadata'))");
  };
  const auto read = state();
  const auto first = looks.value();
  while (looks.value() < first + 8) std::this_thread::yield();
  EXPECT_EQ(state(), read) << "a look read rows of tenancies that have nothing to do";
  EXPECT_EQ(session.value("SELECT count(*) FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() AND "
                          "datname = current_database() AND backend_type = 'client backend'"),
            "0");
}
