#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "source/check.hpp"
#include "support/source.hpp"

using namespace tributary;
using namespace tributary::test;

namespace {

/// An application's database that knows nothing of sync yet, with a row.
constexpr auto kReferenceTables = R"(
  SET search_path = public;
  CREATE TYPE "BooleanTrue" AS ENUM ('TRUE');
  CREATE TABLE "Project" (id text PRIMARY KEY);
  CREATE TABLE "Tenancy" (id uuid PRIMARY KEY, "projectId" text NOT NULL REFERENCES "Project" ON DELETE CASCADE, "branchId" text NOT NULL,
    "organizationId" uuid, "hasNoOrganization" "BooleanTrue");
  CREATE TABLE "ProjectUser" ("tenancyId" uuid NOT NULL REFERENCES "Tenancy" ON DELETE CASCADE, "projectUserId" uuid NOT NULL, "displayName" text,
    "profileImageUrl" text, "signedUpAt" timestamp(3) NOT NULL DEFAULT now(), "clientMetadata" jsonb, "clientReadOnlyMetadata" jsonb, "serverMetadata" jsonb,
    "isAnonymous" boolean NOT NULL DEFAULT false, "restrictedByAdmin" boolean NOT NULL DEFAULT false, "restrictedByAdminReason" text,
    "restrictedByAdminPrivateDetails" text, PRIMARY KEY ("tenancyId", "projectUserId"));
  CREATE TABLE "Team" ("tenancyId" uuid NOT NULL REFERENCES "Tenancy" ON DELETE CASCADE, "teamId" uuid NOT NULL, "displayName" text NOT NULL,
    "profileImageUrl" text, "clientMetadata" jsonb, "clientReadOnlyMetadata" jsonb, "serverMetadata" jsonb, "createdAt" timestamp(3) NOT NULL DEFAULT now(),
    PRIMARY KEY ("tenancyId", "teamId"));
  INSERT INTO "Project" VALUES ('p');
  INSERT INTO "Tenancy" VALUES ('00000001-0000-4000-8000-000000000000', 'p', 'main', NULL, 'TRUE');
  INSERT INTO "ProjectUser" ("tenancyId", "projectUserId")
  VALUES ('00000001-0000-4000-8000-000000000000', '00000011-0000-4000-8000-000000000000'))";

}  // namespace

TEST(Migrate, MakesAnEmptyDatabaseReady) {
  Database database("migrate");
  migrate(database, builtin_mappings());
  EXPECT_EQ(attach_failure(database, builtin_mappings()), "");
}

TEST(Migrate, DoesNothingTheSecondTime) {
  SourceDatabase database;
  std::vector<std::string> again;
  source::MigrateOptions options;
  options.progress = [&](const source::Step& step) {
    if (!step.done.empty()) again.push_back(step.name);
  };
  migrate(database, builtin_mappings(), options);
  EXPECT_THAT(again, testing::IsEmpty());
}

// Whoever changes something in the middle of a migration meets what an interrupted one would leave behind.
TEST(Migrate, PutsNoFunctionOfAnEarlierVersionInPlaceOnItsWay) {
  SourceDatabase database;
  auto session = database.session();
  session.run("CREATE TEMP TABLE before AS SELECT oid, prosrc FROM pg_proc WHERE pronamespace = 'tributary'::regnamespace");
  const auto changed = [&] {
    return session.value(
        "SELECT coalesce(string_agg(proname, ', '), '') FROM before JOIN pg_proc USING (oid) WHERE pg_proc.prosrc <> "
        "before.prosrc");
  };
  source::MigrateOptions options;
  options.progress = [&](const source::Step& step) { EXPECT_EQ(changed(), "") << "before " << step.name; };
  migrate(database, builtin_mappings(), options);
}

TEST(Migrate, TwoAtOnceTakeTurns) {
  Database database("migrate");
  std::vector<std::jthread> both;
  for (int i = 0; i < 2; ++i) both.emplace_back([&] { migrate(database, builtin_mappings()); });
  both.clear();
  EXPECT_EQ(attach_failure(database, builtin_mappings()), "");
}

TEST(Migrate, AttachesTablesThatHaveRowsAndNumbersThem) {
  Database database("attach");
  auto session = database.session();
  session.run(kReferenceTables);
  const auto file = session.value(R"(SELECT pg_relation_filenode('"ProjectUser"'))");
  migrate(database, builtin_mappings());
  EXPECT_EQ(attach_failure(database, builtin_mappings()), "");
  EXPECT_EQ(session.value(R"(SELECT pg_relation_filenode('"ProjectUser"'))"), file) << "the table was rewritten";
  EXPECT_EQ(session.value(R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId" AND "sequenceId" IS NULL)"), "1");
}

// An ORM keeps its defaults to itself. Every DELETE of the application failed.
TEST(Migrate, AttachesTablesOfItsOwnThatHaveNoDefaults) {
  Database database("attach");
  auto session = database.session();
  session.run(kReferenceTables);
  session.run(R"(
    CREATE TABLE "DeletedRow" (id uuid PRIMARY KEY, "tenancyId" uuid NOT NULL, "tableName" text NOT NULL, "sequenceId" bigint, "primaryKey" jsonb NOT NULL,
      data jsonb, "deletedAt" timestamp(3) NOT NULL, "startedFulfillingAt" timestamp(3), "shouldUpdateSequenceId" boolean NOT NULL);
    CREATE TABLE "OutgoingRequest" (id uuid PRIMARY KEY, "createdAt" timestamp(3) NOT NULL, "qstashOptions" jsonb NOT NULL,
      "startedFulfillingAt" timestamp(3), "deduplicationKey" text);
    CREATE TABLE "ExternalDbSyncMetadata" (singleton "BooleanTrue" PRIMARY KEY, "sequencerEnabled" boolean NOT NULL, "pollerEnabled" boolean NOT NULL,
      "createdAt" timestamp(3) NOT NULL, "updatedAt" timestamp(3) NOT NULL))");
  migrate(database, builtin_mappings());
  EXPECT_EQ(attach_failure(database, builtin_mappings()), "");
  EXPECT_EQ(session.value(R"(SELECT "sequencerEnabled" AND "pollerEnabled" FROM "ExternalDbSyncMetadata")"), "t");

  session.run("SET TimeZone = 'Asia/Tokyo'");
  session.run(R"(UPDATE "ProjectUser" SET "projectUserId" = '00000012-0000-4000-8000-000000000000'; DELETE FROM "ProjectUser")");
  session.run(
      R"(INSERT INTO "Team" ("tenancyId", "teamId", "displayName") SELECT id, gen_random_uuid(), 'team' FROM "Tenancy"; TRUNCATE "Team" CASCADE)");
  EXPECT_EQ(session.value(R"(SELECT count(*) FROM "DeletedRow" WHERE "shouldUpdateSequenceId"
                              AND abs(extract(epoch FROM "deletedAt" - (now() AT TIME ZONE 'UTC'))) < 3600)"),
            "3");
  session.run("SELECT tributary.enqueue(ARRAY[gen_random_uuid()])");
  EXPECT_EQ(session.value(R"(SELECT count(*) FROM "OutgoingRequest")"), "1");
}

TEST(Migrate, ReplacesAPlainUniqueIndexOnTheSequenceId) {
  Database database("attach");
  auto session = database.session();
  session.run(kReferenceTables);
  session.run(
      R"(ALTER TABLE "ProjectUser" ADD COLUMN "sequenceId" bigint UNIQUE; ALTER TABLE "Team" ADD COLUMN "sequenceId" bigint;
                 CREATE UNIQUE INDEX "Team_sequenceId_key" ON "Team" ("sequenceId"))");
  migrate(database, builtin_mappings());
  EXPECT_EQ(session.value(R"(SELECT count(*) FROM pg_indexes WHERE indexdef ~ 'UNIQUE .*\("sequenceId"\)$')"), "0");
  EXPECT_EQ(session.value(R"(SELECT count(*) FROM pg_indexes WHERE indexdef ~ 'UNIQUE .*\("sequenceId"\) WHERE')"), "5");
}

TEST(Migrate, BuildsAnInvalidIndexAnew) {
  SourceDatabase database("invalid");
  auto session = database.session();
  session.run(R"(UPDATE pg_index SET indisvalid = false WHERE indexrelid IN ('public."ProjectUser_tributary_flagged"'::regclass,
                                                                               'public."DeletedRow_tributary_flagged"'::regclass))");
  EXPECT_THAT(attach_failure(database, builtin_mappings()), testing::HasSubstr("run `tributary migrate`"));
  migrate(database, builtin_mappings());
  EXPECT_EQ(session.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
  EXPECT_EQ(attach_failure(database, builtin_mappings()), "");
}

TEST(Migrate, WaitsForALockWithoutHoldingOthersUp) {
  Database database("locks");
  auto session = database.session();
  session.run(kReferenceTables);
  auto reader = database.session();
  reader.run(R"(BEGIN; SELECT * FROM "ProjectUser")");
  std::jthread migrating([&] {
    source::MigrateOptions options;
    options.lock_timeout = std::chrono::milliseconds(50);
    migrate(database, builtin_mappings(), options);
  });
  // While ALTER TABLE wants its lock, others queue behind it: no longer than one try.
  auto watcher = database.session();
  while (watcher.waiting_for_locks() == 0) std::this_thread::yield();
  session.run("SET statement_timeout = '5s'");
  for (int i = 0; i < 20; ++i) session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'x')");
  EXPECT_EQ(
      watcher.value(R"(SELECT count(*) FROM pg_attribute WHERE attrelid = '"ProjectUser"'::regclass AND attname = 'sequenceId')"),
      "0");
  reader.run("COMMIT");
  migrating.join();
  EXPECT_EQ(attach_failure(database, builtin_mappings()), "");
}

TEST(Migrate, GivesUpWithWhatItWaitedFor) {
  Database database("locks");
  auto session = database.session();
  session.run(kReferenceTables);
  session.run(R"(BEGIN; SELECT * FROM "ProjectUser")");
  source::MigrateOptions options;
  options.lock_timeout = std::chrono::seconds(3);
  options.give_up_after = std::chrono::seconds(6);  // in the middle of the second try
  try {
    migrate(database, builtin_mappings(), options);
    FAIL() << "migrated";
  } catch (const postgres::Error& error) {
    EXPECT_EQ(error.sqlstate(), "55P03") << error.what();
  }
}

// CREATE INDEX CONCURRENTLY would refuse it half-way.
TEST(Migrate, APartitionedTableIsRefusedBeforeAnythingIsDoneToIt) {
  Database database("partitioned");
  auto session = database.session();
  session.run(kReferenceTables);
  session.run(R"(
    ALTER TABLE "Team" RENAME TO "Team of before";
    CREATE TABLE "Team" (LIKE "Team of before", PRIMARY KEY ("tenancyId", "teamId")) PARTITION BY HASH ("tenancyId"))");
  try {
    migrate(database, builtin_mappings());
    FAIL() << "migrated";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), testing::ContainsRegex("teams.yaml:[0-9]+:[0-9]+: table \"Team\" is partitioned"));
  }
  EXPECT_EQ(
      session.value(R"(SELECT count(*) FROM pg_attribute WHERE attname = 'sequenceId' AND attrelid = '"ProjectUser"'::regclass)"),
      "0");
  EXPECT_EQ(session.value("SELECT count(*) FROM pg_indexes WHERE indexname LIKE '%tributary%'"), "0");
}

TEST(Migrate, AnOldServerIsRefused) {
  EXPECT_THROW(source::check_server_version(140011), std::runtime_error);
  EXPECT_NO_THROW(source::check_server_version(150000));
}

TEST(Migrate, AttachNamesWhatIsMissing) {
  Database empty("empty");
  EXPECT_THAT(attach_failure(empty, builtin_mappings()), testing::HasSubstr("run `tributary migrate`"));
  SourceDatabase database("attach");
  auto session = database.session();
  session.run(R"(ALTER TABLE "Team" DISABLE TRIGGER tributary_flag_update)");
  EXPECT_THAT(attach_failure(database, builtin_mappings()), testing::HasSubstr("Team: trigger tributary_flag_update"));
  migrate(database, builtin_mappings());
  EXPECT_EQ(attach_failure(database, builtin_mappings()), "");
  session.run("UPDATE tributary.installation SET schema_version = schema_version + 1");
  EXPECT_THAT(attach_failure(database, builtin_mappings()), testing::HasSubstr("use a newer program"));
  EXPECT_THROW(migrate(database, builtin_mappings()), std::runtime_error);
}

TEST(Migrate, AMappingOfAnotherSetOfColumnsIsInstalledAnew) {
  SourceDatabase database("mappings");
  auto mappings = builtin_mappings();
  auto& teams = *std::ranges::find(mappings, "teams", &mapping::Mapping::name);
  auto updated = teams.column("created_at");
  updated.name = "updated_at";
  updated.from = "updatedAt";
  teams.columns.push_back(updated);
  EXPECT_THAT(attach_failure(database, mappings), testing::HasSubstr("Team_tombstone_delete"));
  migrate(database, mappings);
  auto session = database.session();
  session.run(insert_project("p") + insert_tenancy(uuid(1), "p") + insert_team(uuid(1), uuid(31)) + R"(DELETE FROM "Team")");
  EXPECT_EQ(session.value(R"(SELECT data ? 'updatedAt' FROM "DeletedRow")"), "t");
}
