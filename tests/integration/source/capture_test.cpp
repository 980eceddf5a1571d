#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "postgres/connection.hpp"
#include "support/source.hpp"

using namespace tributary;
using namespace tributary::test;

namespace {

/// Two tenancies; users 11 and 12 in the first with a channel (21, 22) each, a team 31 with both.
class Capture : public testing::Test {
 protected:
  Capture() : session(database.session()) {
    session.run(insert_project("p") + insert_tenancy(t1, "p") + insert_tenancy(t2, "p", "other") + insert_user(t1, u1) +
                insert_user(t1, u2) + insert_channel(t1, u1, c1, "one@example.com") +
                insert_channel(t1, u2, c2, "two@example.com") + insert_team(t1, team) + insert_member(t1, u1, team) +
                insert_member(t1, u2, team));
    number_everything();
  }

  /// As the sequencer would, but in the simplest way.
  void number_everything() {
    for (const auto* table : {"ProjectUser", "ContactChannel", "Team", "TeamMember"}) {
      session.run(std::string("UPDATE \"") + table +
                  "\" SET \"sequenceId\" = nextval('global_seq_id'), \"shouldUpdateSequenceId\" = false");
    }
    session.run("DELETE FROM tributary.marker; DELETE FROM \"DeletedRow\"");
  }

  std::vector<std::string> tombstones() {
    std::vector<std::string> all;
    for (const auto& row :
         session.rows(R"(SELECT "tableName" || ' ' || "tenancyId" || ' ' || "primaryKey"::text FROM "DeletedRow")")) {
      all.push_back(row[0].value());
    }
    return all;
  }

  static std::string user_tombstone(const std::string& tenancy, const std::string& user) {
    return "ProjectUser " + tenancy + R"( {"tenancyId": ")" + tenancy + R"(", "projectUserId": ")" + user + "\"}";
  }
  static std::string channel_tombstone(const std::string& tenancy, const std::string& user, const std::string& channel) {
    return "ContactChannel " + tenancy + R"( {"id": ")" + channel + R"(", "tenancyId": ")" + tenancy +
           R"(", "projectUserId": ")" + user + "\"}";
  }
  static std::string member_tombstone(const std::string& tenancy, const std::string& user, const std::string& team) {
    return "TeamMember " + tenancy + R"( {"teamId": ")" + team + R"(", "tenancyId": ")" + tenancy + R"(", "projectUserId": ")" +
           user + "\"}";
  }

  SourceDatabase database;
  Session session;
  const std::string t1 = uuid(1), t2 = uuid(2), u1 = uuid(11), u2 = uuid(12), c1 = uuid(21), c2 = uuid(22), team = uuid(31);
};

constexpr auto kFlagged =
    R"(SELECT string_agg("projectUserId"::text, ',' ORDER BY "projectUserId") FROM "ProjectUser" WHERE "shouldUpdateSequenceId")";

/// Tenancies that the sequencer is asked to enqueue though no row of theirs changed.
constexpr auto kDue =
    R"(SELECT string_agg("tenancyId"::text, ' ' ORDER BY "tenancyId") FROM tributary.marker WHERE "tableName" = '')";

}  // namespace

TEST_F(Capture, FlagsNewRowsWhateverTheClientSays) {
  session.run(
      R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "sequenceId", "shouldUpdateSequenceId")
                 VALUES (')" +
      t1 + "', '" + uuid(13) + "', 'p', 1, false)");
  EXPECT_EQ(session.value(kFlagged), uuid(13));
  EXPECT_EQ(session.value(R"(SELECT count("sequenceId") FROM "ProjectUser")"), "2");
}

TEST_F(Capture, FlagsChangedRowsAndKeepsTheirId) {
  session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'x', "shouldUpdateSequenceId" = false WHERE "projectUserId" = ')" + u1 +
              "'");
  EXPECT_EQ(session.value(kFlagged), u1);
  EXPECT_EQ(session.value(R"(SELECT count("sequenceId") FROM "ProjectUser")"), "2");
}

TEST_F(Capture, DoesNotFlagWhatTheSequencerWrites) {
  session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'x')");
  session.run(insert_user(t1, uuid(13)));
  session.run(R"(UPDATE "ProjectUser" SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false)");
  EXPECT_EQ(session.value(kFlagged), "");
}

TEST_F(Capture, FlagsARowWhoseIdIsTakenAway) {
  session.run(R"(UPDATE "ProjectUser" SET "sequenceId" = NULL WHERE "projectUserId" = ')" + u1 + "'");
  EXPECT_EQ(session.value(kFlagged), u1);
  EXPECT_EQ(session.value(R"(SELECT count("sequenceId") FROM "ProjectUser")"), "2");
}

// An ORM that writes every column back as it has read it, while the row was numbered anew. It was taken for the sequencer.
TEST_F(Capture, FlagsARowThatIsWrittenWithTheIdItHadBefore) {
  const auto ids = R"(SELECT string_agg("sequenceId"::text, ',' ORDER BY "projectUserId") FROM "ProjectUser")";
  const auto read = session.value(R"(SELECT "sequenceId" FROM "ProjectUser" WHERE "projectUserId" = ')" + u1 + "'");
  number_everything();
  const auto numbered = session.value(ids);
  session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'x', "shouldUpdateSequenceId" = false, "sequenceId" = )" + read +
              R"( WHERE "projectUserId" = ')" + u1 + "'");
  EXPECT_EQ(session.value(kFlagged), u1);
  EXPECT_EQ(session.value(ids), numbered);
}

TEST_F(Capture, LeavesNothingOfARolledBackTransaction) {
  session.run(
      R"(BEGIN; UPDATE "ProjectUser" SET "displayName" = 'x'; DELETE FROM "ContactChannel"; TRUNCATE "TeamMember"; ROLLBACK)");
  EXPECT_EQ(session.value(kFlagged), "");
  EXPECT_THAT(tombstones(), testing::IsEmpty());
  EXPECT_EQ(session.value("SELECT count(*) FROM tributary.marker"), "0");
}

TEST_F(Capture, EveryDeleteLeavesATombstone) {
  session.run(R"(DELETE FROM "ContactChannel" WHERE id = ')" + c1 + "'");
  EXPECT_THAT(tombstones(), testing::ElementsAre(channel_tombstone(t1, u1, c1)));
}

TEST_F(Capture, ATombstoneHoldsTheRowsOwnTimestamps) {
  session.run(R"(UPDATE "ContactChannel" SET "createdAt" = '2001-02-03 04:05:06.789')");
  session.run(R"(DELETE FROM "ContactChannel" WHERE id = ')" + c1 + "'");
  EXPECT_EQ(session.value(R"(SELECT data::text FROM "DeletedRow")"), R"({"createdAt": "2001-02-03T04:05:06.789"})");
}

TEST_F(Capture, ACascadeLeavesATombstoneOfEachRow) {
  session.run(R"(DELETE FROM "ProjectUser" WHERE "projectUserId" = ')" + u1 + "'");
  EXPECT_THAT(tombstones(), testing::UnorderedElementsAre(user_tombstone(t1, u1), channel_tombstone(t1, u1, c1),
                                                          member_tombstone(t1, u1, team)));
}

TEST_F(Capture, ACascadeOfAHundredThousandRowsIsOneInsert) {
  session.run(R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId")
                 SELECT ')" +
              t2 + R"(', gen_random_uuid(), 'p' FROM generate_series(1, 100000))");
  session.run(R"(INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", value)
                 SELECT "tenancyId", "projectUserId", 'x' FROM "ProjectUser" WHERE "tenancyId" = ')" +
              t2 + "' LIMIT 10000");
  session.run(R"(CREATE TABLE public.inserts (at timestamptz DEFAULT clock_timestamp());
                 CREATE FUNCTION count_insert() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.inserts DEFAULT VALUES; RETURN NULL; END';
                 CREATE TRIGGER count_insert AFTER INSERT ON "DeletedRow" FOR EACH STATEMENT EXECUTE FUNCTION count_insert())");
  session.run(R"(DELETE FROM "Tenancy" WHERE id = ')" + t2 + "'");
  EXPECT_EQ(session.value(R"(SELECT count(*) FROM "DeletedRow")"), "110000");
  EXPECT_LE(session.number("SELECT count(*) FROM public.inserts"), 4);  // one of each table
}

TEST_F(Capture, TruncateLeavesATombstoneOfEachRow) {
  session.run(R"(TRUNCATE "ContactChannel")");
  EXPECT_THAT(tombstones(), testing::UnorderedElementsAre(channel_tombstone(t1, u1, c1), channel_tombstone(t1, u2, c2)));
}

TEST_F(Capture, TruncateIsRefusedWhereItsSnapshotMayBeTooOld) {
  session.run("BEGIN ISOLATION LEVEL REPEATABLE READ");
  EXPECT_THAT(session.failure(R"(TRUNCATE "ContactChannel")"), testing::HasSubstr("must run at READ COMMITTED"));
  session.run("ROLLBACK");
}

TEST_F(Capture, TruncateSeesRowsCommittedWhileItWaited) {
  auto other = database.session();
  other.run("BEGIN; " + insert_channel(t1, u1, uuid(23), "three@example.com", false));
  std::jthread truncating([&] { session.run(R"(TRUNCATE "ContactChannel")"); });
  auto watcher = database.session();
  while (watcher.waiting_for_locks() == 0) std::this_thread::yield();
  other.run("COMMIT");
  truncating.join();
  EXPECT_THAT(tombstones(), testing::Contains(channel_tombstone(t1, u1, uuid(23))));
}

TEST_F(Capture, AKeyChangeLeavesATombstoneOfTheOldKeyAndTakesTheIdAway) {
  session.run(R"(UPDATE "ContactChannel" SET "projectUserId" = ')" + u2 + R"(', "isPrimary" = NULL WHERE id = ')" + c1 + "'");
  EXPECT_THAT(tombstones(), testing::ElementsAre(channel_tombstone(t1, u1, c1)));
  EXPECT_EQ(
      session.value(R"(SELECT "sequenceId" IS NULL AND "shouldUpdateSequenceId" FROM "ContactChannel" WHERE id = ')" + c1 + "'"),
      "t");
}

// Two that delete at once do not see each other's deletion: the row that stays must be named all the same, or the destination keeps a deleted one's content.
TEST_F(Capture, OfRowsThatShareATargetKeyTheOneThatStaysIsMarkedThoughTwoAreDeletedAtOnce) {
  const auto u3 = uuid(13);
  session.run(insert_user(t1, u3) + insert_channel(t1, u2, c1, "second@example.com", false) +
              insert_channel(t1, u3, c1, "third@example.com", false));
  number_everything();
  const auto delete_of = [&](const std::string& user) {
    return R"(DELETE FROM "ContactChannel" WHERE "projectUserId" = ')" + user + "' AND id = '" + c1 + "'";
  };
  const auto marks_of = [&](const std::string& user) {
    return session.number(R"(SELECT count(*) FROM tributary.marker WHERE "primaryKey" ->> 'projectUserId' = ')" + user + "'");
  };
  auto first = database.session();
  auto second = database.session();
  first.run("BEGIN; " + delete_of(u1));
  std::atomic<bool> deleted = false;
  std::jthread deleting([&] {
    second.run("BEGIN; " + delete_of(u2));
    deleted = true;
  });
  auto watcher = database.session();
  while (!deleted && watcher.waiting_for_locks() == 0) std::this_thread::yield();
  first.run("COMMIT");
  deleting.join();
  second.run("COMMIT");
  EXPECT_GT(marks_of(u3), 0);
}

// No other is left, and who has locked it to delete it may leave it.
TEST_F(Capture, ARowThatIsAboutToBeDeletedIsMarkedToo) {
  session.run(insert_channel(t1, u2, c1, "second@example.com", false));
  number_everything();
  auto other = database.session();
  other.run(R"(BEGIN; SELECT FROM "ContactChannel" WHERE "projectUserId" = ')" + u2 + "' FOR UPDATE");
  session.run(R"(DELETE FROM "ContactChannel" WHERE "projectUserId" = ')" + u1 + "'");
  other.run("ROLLBACK");
  EXPECT_GT(session.number(R"(SELECT count(*) FROM tributary.marker WHERE "primaryKey" ->> 'projectUserId' = ')" + u2 + "'"), 0);
}

// The destination shows the newer of two rows that share a target key. When that goes, the other must be looked at again.
TEST_F(Capture, ARowThatSharesItsTargetKeyWithADeletedOneIsMarked) {
  const auto marked =
      R"(SELECT coalesce(string_agg("tableName" || ' ' || "primaryKey"::text, ','), '') FROM tributary.marker WHERE "tableName" = 'ContactChannel')";
  const auto heir = R"(ContactChannel {"id": ")" + c1 + R"(", "tenancyId": ")" + t1 + R"(", "projectUserId": ")" + u1 + "\"}";
  const auto share = [&] {
    session.run(insert_channel(t1, u2, c1, "copy@example.com", false));
    number_everything();
  };
  const auto of_the_copy = R"( WHERE "projectUserId" = ')" + u2 + "' AND id = '" + c1 + "'";
  share();
  session.run(R"(DELETE FROM "ContactChannel")" + of_the_copy);
  EXPECT_EQ(session.value(marked), heir);
  share();
  session.run(R"(UPDATE "ContactChannel" SET id = ')" + uuid(29) + "'" + of_the_copy);
  EXPECT_EQ(session.value(marked), heir);
  // One that is flagged is due already.
  session.run(R"(UPDATE "ContactChannel" SET id = ')" + c1 + R"(' WHERE id = ')" + uuid(29) + "'");
  number_everything();
  session.run(R"(UPDATE "ContactChannel" SET value = 'x' WHERE "projectUserId" = ')" + u1 + R"('; DELETE FROM "ContactChannel")" +
              of_the_copy);
  EXPECT_EQ(session.value(marked), "");
}

TEST_F(Capture, AMoveToAnotherTenancyLeavesATombstoneInTheOldOne) {
  session.run(R"(DELETE FROM "TeamMember"; DELETE FROM "DeletedRow"; UPDATE "ProjectUser" SET "tenancyId" = ')" + t2 +
              R"(' WHERE "projectUserId" = ')" + u1 + "'");
  EXPECT_THAT(tombstones(), testing::UnorderedElementsAre(user_tombstone(t1, u1), channel_tombstone(t1, u1, c1)));
  EXPECT_EQ(session.value(R"(SELECT count(*) FROM "ProjectUser" WHERE "tenancyId" = ')" + t2 + R"(' AND "sequenceId" IS NULL)"),
            "1");
}

TEST_F(Capture, ATenancyThatGoesIsRememberedWithItsDestinations) {
  session.run(
      R"(UPDATE "Project" SET "configOverride" = '{"dbSync.externalDatabases": {"a": {"type": "postgres"}, "b": {"branch": "other"}}}')");
  session.run(R"(DELETE FROM tributary.marker; DELETE FROM "Tenancy" WHERE id = ')" + t1 + "'");
  EXPECT_EQ(session.value(R"(SELECT "projectId" || "branchId" || destinations::text FROM tributary.deleted_tenancy)"),
            R"(pmain{"a": {"type": "postgres"}})");
  EXPECT_EQ(session.value(kDue), t1);
  EXPECT_EQ(tombstones().size(), 7U);  // 2 users, 2 channels, 1 team, 2 members
}

TEST_F(Capture, TenanciesOfAProjectThatGoesAreRememberedWithTheirDestinations) {
  session.run(R"(UPDATE "Project" SET "configOverride" = '{"dbSync.externalDatabases": {"a": {}, "b": {"branch": "other"}}}')");
  session.run(R"(DELETE FROM "Project")");
  EXPECT_EQ(session.value(
                R"(SELECT string_agg("branchId" || destinations::text, ' ' ORDER BY "branchId") FROM tributary.deleted_tenancy)"),
            R"(main{"a": {}} other{"b": {"branch": "other"}})");
  EXPECT_EQ(tombstones().size(), 7U);
}

TEST_F(Capture, TruncatedTenanciesAreRemembered) {
  session.run(R"(TRUNCATE "Project" CASCADE)");
  EXPECT_EQ(session.value("SELECT count(*) FROM tributary.deleted_tenancy"), "2");
  EXPECT_EQ(tombstones().size(), 7U);
}

TEST_F(Capture, AChangedConfigMakesTheProjectsTenanciesDue) {
  session.run(R"(UPDATE "Project" SET "displayName" = 'x')");
  EXPECT_EQ(session.value(kDue), "");
  session.run(R"(UPDATE "Project" SET "configOverride" = '{"x": 1}')");
  EXPECT_EQ(session.value(kDue), t1 + " " + t2);
}

TEST_F(Capture, ATenancyThatIsNoLongerSyncedLeavesItsPlace) {
  const auto left = [&] { return session.number("SELECT count(*) FROM tributary.left_place"); };
  session.run(R"(UPDATE "Tenancy" SET "hasNoOrganization" = 'TRUE')");
  EXPECT_EQ(left(), 0);
  const auto tenancies = session.number(R"(SELECT count(*) FROM "Tenancy" WHERE "hasNoOrganization" = 'TRUE')");
  session.run(R"(UPDATE "Tenancy" SET "hasNoOrganization" = NULL)");
  EXPECT_EQ(left(), tenancies);
}

TEST_F(Capture, ADependantsChangeMarksItsParent) {
  const auto markers =
      R"(SELECT coalesce(string_agg("tableName" || ' ' || ("primaryKey" ->> 'projectUserId'), ',' ORDER BY "primaryKey" ->> 'projectUserId'), '') FROM tributary.marker)";
  session.run(R"(UPDATE "ContactChannel" SET value = 'new@example.com' WHERE id = ')" + c1 + "'");
  EXPECT_EQ(session.value(markers), "ProjectUser " + u1);
  session.run(R"(DELETE FROM tributary.marker; DELETE FROM "ContactChannel" WHERE id = ')" + c2 + "'");
  EXPECT_EQ(session.value(markers), "ProjectUser " + u2);
  session.run("DELETE FROM tributary.marker; " + insert_channel(t1, u2, uuid(24), "x@example.com"));
  EXPECT_EQ(session.value(markers), "ProjectUser " + u2);
  session.run(R"(DELETE FROM tributary.marker; UPDATE "ContactChannel" SET "isPrimary" = NULL, "projectUserId" = ')" + u2 +
              R"(' WHERE id = ')" + c1 + "'");
  EXPECT_EQ(session.value(markers), "ProjectUser " + u1 + ",ProjectUser " + u2);
  session.run(R"(DELETE FROM tributary.marker; TRUNCATE "ContactChannel")");
  EXPECT_EQ(session.value(markers), "ProjectUser " + u2);
}

TEST_F(Capture, ASignUpNeedsNoMarker) {
  session.run("BEGIN; " + insert_user(t1, uuid(13)) + insert_channel(t1, uuid(13), uuid(23), "x@example.com") + "COMMIT");
  EXPECT_EQ(session.value("SELECT count(*) FROM tributary.marker"), "0");
}

TEST_F(Capture, AChangeOfEverybodysRowsNamesAFewOfThem) {
  std::vector<std::string> heard;
  run([&]() -> boost::asio::awaitable<void> {
    const auto deadline = Deadline::after(std::chrono::seconds(20));
    auto listener = co_await postgres::Connection::open(database.options(), deadline);
    for (unsigned i = 100; i < 140; ++i)
      session.run(insert_tenancy(uuid(i), "p", "branch " + std::to_string(i)) + insert_team(uuid(i), uuid(i)));
    number_everything();
    co_await listener.execute_script("LISTEN tributary_change", deadline);
    session.run("SELECT setval('tributary.sequencer_state', 2)");
    session.run(R"(UPDATE "Team" SET "displayName" = 'two'; UPDATE "Team" SET "displayName" = 'three')");
    session.run("NOTIFY tributary_change, 'the next one'");
    do {
      heard.push_back((co_await listener.wait_notification(deadline)).payload);
    } while (heard.back() != "the next one");
  });
  EXPECT_LT(heard.size(), 36U);
  EXPECT_EQ(std::ranges::count(heard, ""), 1) << "the others are to be looked for";
}

TEST_F(Capture, NotifiesOnlyWhileTheSequencerSleeps) {
  const auto heard = [&](int state, const std::string& change) {
    std::string first;
    run([&]() -> boost::asio::awaitable<void> {
      const auto deadline = Deadline::after(std::chrono::seconds(20));
      auto listener = co_await postgres::Connection::open(database.options(), deadline);
      co_await listener.execute_script("LISTEN tributary_change", deadline);
      session.run("SELECT setval('tributary.sequencer_state', " + std::to_string(state) + ")");
      session.run(change);
      session.run("NOTIFY tributary_change, 'the next one'");
      first = (co_await listener.wait_notification(deadline)).payload;
    });
    return first;
  };
  const std::string nothing = "the next one", unnamed;
  const auto update = R"(UPDATE "Team" SET "displayName" = 'x')";
  EXPECT_EQ(heard(2, update), t1 + " Team") << "whose it is, so that nobody has to look for it";
  EXPECT_EQ(heard(2, insert_team(t1, uuid(99))), t1 + " Team");
  EXPECT_EQ(heard(2, R"(UPDATE "ContactChannel" SET "isVerified" = NOT "isVerified")"), t1)
      << "a user's row is to be numbered with it";
  EXPECT_EQ(heard(1, update), nothing);
  EXPECT_EQ(heard(2, R"(DELETE FROM "TeamMember")"), unnamed);
  EXPECT_EQ(heard(1, R"(DELETE FROM "ContactChannel")"), nothing);
  EXPECT_EQ(heard(2, R"(UPDATE "Team" SET "displayName" = 'x' WHERE false)"), nothing);
  EXPECT_EQ(heard(2, R"(DELETE FROM "Team" WHERE false)"), nothing);
  EXPECT_EQ(heard(2, R"(UPDATE "Team" SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false)"), nothing);
  EXPECT_EQ(heard(2, R"(UPDATE "Project" SET "configOverride" = '{"a": 1}' WHERE id = 'p')"), unnamed)
      << "a changed destination begins at once";
  EXPECT_EQ(heard(1, R"(UPDATE "Project" SET "configOverride" = '{"a": 2}' WHERE id = 'p')"), nothing);
}
