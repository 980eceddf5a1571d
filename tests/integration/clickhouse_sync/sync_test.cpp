#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/clickhouse_compare.hpp"
#include "support/compare.hpp"
#include "support/service.hpp"

namespace tributary::sync {
namespace {

using test::TenantName;
using test::uuid;
using test::wait_until;
using test::wait_until_equal;

/// A source, the real engine, and a service that keeps both in step. Tenancies have no database of their own unless a test gives them one.
class ClickHouseSync : public ::testing::Test {
 protected:
  ClickHouseSync() : session_(source_.session()) {}

  TenantName add_tenancy(unsigned number, std::string_view config = "{}") {
    TenantName tenant{.tenancy = uuid(number), .project = fmt::format("project-{}", number)};
    session_.run(test::insert_project(tenant.project, config) + test::insert_tenancy(tenant.tenancy, tenant.project));
    return tenant;
  }
  test::Service::Params params() const {
    test::Service::Params params;
    params.clickhouse = clickhouse_.options();
    return params;
  }
  long long number(const std::string& sql) { return session_.number(sql); }
  /// Nothing is on its way to ClickHouse.
  void wait_until_idle() {
    wait_until([&] { return number(R"(SELECT count(*) FROM "OutgoingRequest")") == 0; }, "the queue is empty");
  }

  test::SourceDatabase source_;
  test::ClickHouse clickhouse_;
  test::Session session_;
};

TEST_F(ClickHouseSync, CreateChangeDeleteAndCascadeShowInTheViews) {
  const auto tenant = add_tenancy(1);
  const auto other = add_tenancy(2);
  test::Service service(source_, params());
  const auto user = uuid(10);
  const auto channel = uuid(20);
  const auto second = uuid(21);
  const auto team = uuid(30);
  const auto expect_equal = [&] {
    wait_until_equal(session_, tenant, clickhouse_);
    wait_until_equal(session_, other, clickhouse_);
  };
  session_.run(test::insert_user(tenant.tenancy, user) + test::insert_user(other.tenancy, user));
  session_.run(test::insert_channel(tenant.tenancy, user, channel, "ada@example.com"));
  session_.run(test::insert_team(tenant.tenancy, team) + test::insert_member(tenant.tenancy, user, team));
  expect_equal();
  EXPECT_EQ(clickhouse_.strings("SELECT assumeNotNull(primary_email) FROM default.users WHERE project_id = 'project-1'"),
            std::vector<std::string>{"ada@example.com"});

  session_.run(fmt::format(R"(UPDATE "ProjectUser" SET "displayName" = 'Ädä ''\" 🙂', "restrictedByAdmin" = true,
                                     "restrictedByAdminPrivateDetails" = 'secret' WHERE "tenancyId" = '{}')",
                           tenant.tenancy));
  session_.run(fmt::format(R"(UPDATE "ContactChannel" SET "isVerified" = true WHERE id = '{}')", channel));
  session_.run(fmt::format(R"(UPDATE "Team" SET "displayName" = 'renamed' WHERE "teamId" = '{}')", team));
  session_.run(fmt::format(R"(UPDATE "TeamMember" SET "displayName" = 'boss' WHERE "teamId" = '{}')", team));
  expect_equal();

  session_.run(test::insert_channel(tenant.tenancy, user, second, "second@example.com", false));
  expect_equal();
  session_.run(fmt::format(R"(DELETE FROM "ContactChannel" WHERE id = '{}')", second));
  expect_equal();

  session_.run(fmt::format(R"(DELETE FROM "TeamMember" WHERE "teamId" = '{}')", team));
  expect_equal();
  session_.run(test::insert_member(tenant.tenancy, user, team));
  expect_equal();
  session_.run(fmt::format(R"(DELETE FROM "Team" WHERE "teamId" = '{}')", team));
  expect_equal();
  session_.run(fmt::format(R"(DELETE FROM "ProjectUser" WHERE "tenancyId" = '{}')", tenant.tenancy));
  expect_equal();
  for (const auto* table : {"users", "contact_channels", "teams", "team_member_profiles"}) {
    const auto rows = fmt::format("SELECT toString(count()) FROM default.{} WHERE project_id = 'project-1'", table);
    EXPECT_EQ(clickhouse_.strings(rows).at(0), "0") << table;
    clickhouse_.run(fmt::format("OPTIMIZE TABLE analytics_internal.{} FINAL CLEANUP", table));
    EXPECT_EQ(clickhouse_.strings(rows).at(0), "0") << table;
  }
  expect_equal();
}

// Nothing fences an INSERT: what a failed-over source has forgotten may arrive behind a watermark that tells nothing of it.
TEST_F(ClickHouseSync, AWriteThatOutlivesItsSourceIsComparedOnceMore) {
  const auto tenant = add_tenancy(1);
  session_.run(test::insert_team(tenant.tenancy, uuid(30)));
  test::Service service(source_, params());
  wait_until_equal(session_, tenant, clickhouse_);
  wait_until_idle();
  const auto mends =
      "SELECT count(*) FROM tributary.mend WHERE destination_id = '@clickhouse' AND mapping = 'teams' AND reason = 'late'";

  session_.run(
      R"(UPDATE "Team" SET "displayName" = 'late', "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false)");
  auto reading = source_.session();  // not before the request cannot be finished
  reading.run(R"(BEGIN; LOCK TABLE "Team" IN ACCESS EXCLUSIVE MODE)");
  session_.run(fmt::format("SELECT tributary.enqueue_for(ARRAY['{}'::uuid], 'clickhouse'), pg_notify('tributary_queue', '')",
                           tenant.tenancy));
  wait_until([&] { return number(R"(SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NOT NULL)") == 1; },
             "the request is claimed");
  auto finishing = source_.session();
  finishing.run(R"(BEGIN; SELECT FROM "OutgoingRequest" FOR UPDATE)");
  reading.run("COMMIT");
  wait_until_equal(session_, tenant, clickhouse_);
  EXPECT_EQ(number(mends), 0);
  session_.run("UPDATE tributary.installation SET postmaster_started_at = postmaster_started_at - interval '1 day'");
  finishing.run("COMMIT");
  wait_until([&] { return number(mends) == 1; }, "it is asked to be compared");
}

TEST_F(ClickHouseSync, WhatWasThereBeforeIsLoaded) {
  const auto tenant = add_tenancy(1);
  session_.run(fmt::format(R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName")
                              SELECT '{}', gen_random_uuid(), 'p', 'User ' || i FROM generate_series(1, 3000) AS i)",
                           tenant.tenancy));
  auto before = params();
  before.clickhouse.reset();
  {
    test::Service without(source_, before);
    wait_until([&] { return number(R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")") == 0; },
               "all have ids");
    wait_until_idle();
  }
  test::Service service(source_, params());
  wait_until_equal(session_, tenant, clickhouse_);
}

TEST_F(ClickHouseSync, AnEmptyStoreIsFilledAgainAndAKnownOneIsNot) {
  const auto tenant = add_tenancy(1);
  session_.run(test::insert_user(tenant.tenancy, uuid(10)));
  {
    test::Service service(source_, params());
    wait_until_equal(session_, tenant, clickhouse_);
    wait_until_idle();
  }
  clickhouse_.restart();
  {
    test::Service service(source_, params());
    session_.run(test::insert_user(tenant.tenancy, uuid(11)));
    wait_until_equal(session_, tenant, clickhouse_);
    EXPECT_EQ(number("SELECT cardinality(clickhouse_stores) FROM tributary.installation"), 1);
    clickhouse_.run("DROP TABLE analytics_internal.users");
    session_.run(test::insert_team(tenant.tenancy, uuid(30)));  // somebody has to write before anybody notices
    session_.run(test::insert_user(tenant.tenancy, uuid(12)));
    wait_until_equal(session_, tenant, clickhouse_);
    EXPECT_EQ(number("SELECT cardinality(clickhouse_stores) FROM tributary.installation"), 2);
  }
}

TEST_F(ClickHouseSync, ABadDestinationIsAloneAlsoWhereItIsTheSharedClickHouse) {
  const test::Database customer("customer");
  const auto tenant =
      add_tenancy(1, fmt::format(R"({{"dbSync.externalDatabases": {{"d": {{"type": "postgres", "connectionString": "{}"}}}}}})",
                                 customer.uri()));
  auto customer_session = customer.session();
  test::Service service(source_, params());
  session_.run(test::insert_user(tenant.tenancy, uuid(10)));
  wait_until_equal(session_, tenant, clickhouse_);

  clickhouse_.kill();
  for (unsigned i = 11; i < 31; ++i) {
    session_.run(test::insert_user(tenant.tenancy, uuid(i)));
    test::wait_until_equal(session_, tenant.tenancy, customer_session);
  }
  wait_until(
      [&] {
        return number("SELECT count(*) FROM tributary.destination_state WHERE destination_id = '@clickhouse' AND error <> ''") ==
               1;
      },
      "the failure is on record");
  EXPECT_EQ(number("SELECT count(*) FROM tributary.destination_state WHERE destination_id <> '@clickhouse' AND error <> ''"), 0);

  clickhouse_.start();
  service.connect_clickhouse(clickhouse_.options());
  wait_until_equal(session_, tenant, clickhouse_);
  wait_until([&] { return number("SELECT count(*) FROM tributary.destination_state") == 0; }, "the failure is forgotten");
}

TEST_F(ClickHouseSync, ADeletedTenancyLeavesNothingToItsSuccessor) {
  auto tenant = add_tenancy(1);
  test::Service service(source_, params());
  session_.run(test::insert_user(tenant.tenancy, uuid(10)) + test::insert_user(tenant.tenancy, uuid(11)));
  wait_until_equal(session_, tenant, clickhouse_);
  // Another tenancy takes its place, with a row of the same key.
  const auto successor = uuid(9);
  session_.run(fmt::format(R"(DELETE FROM "Tenancy" WHERE id = '{}')", tenant.tenancy) + ";" +
               test::insert_tenancy(successor, tenant.project) + test::insert_user(successor, uuid(11)));
  tenant.tenancy = successor;
  wait_until_equal(session_, tenant, clickhouse_);
  wait_until([&] { return number("SELECT count(*) FROM tributary.deleted_tenancy") == 0; }, "the tenancy is forgotten");
  EXPECT_EQ(test::clickhouse_difference(session_, tenant, clickhouse_), "");
}

// Neither it nor its successor would know of what ClickHouse has missed: its rows are taken out of their place (Mender).
TEST_F(ClickHouseSync, ADeletedTenancyWhoseTombstonesAreGoneLeavesItsPlace) {
  const auto tenant = add_tenancy(1);
  test::Service service(source_, params());
  session_.run(test::insert_user(tenant.tenancy, uuid(10)));
  wait_until_equal(session_, tenant, clickhouse_);
  wait_until_idle();
  const auto pause = [&](bool paused) {
    session_.run(
        fmt::format("INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, paused, next_try_at) "
                    "VALUES ('{}', '@clickhouse', '', {}, now()) "
                    "ON CONFLICT (tenancy_id, destination_id, mapping) DO UPDATE SET paused = EXCLUDED.paused",
                    tenant.tenancy, paused));
  };
  pause(true);
  session_.run(R"(DELETE FROM "Tenancy")");
  wait_until([&] { return number(R"(SELECT count(*) FROM "DeletedRow" WHERE "shouldUpdateSequenceId")") == 0; },
             "they are numbered");
  session_.run(R"(
    WITH gone AS (DELETE FROM "DeletedRow" RETURNING "tenancyId", "tableName", "sequenceId")
    INSERT INTO tributary.collected (tenancy_id, table_name, through)
    SELECT "tenancyId", "tableName", max("sequenceId") FROM gone GROUP BY 1, 2)");
  pause(false);
  session_.run(fmt::format("SELECT tributary.enqueue_later(ARRAY['{}'::uuid])", tenant.tenancy));
  wait_until([&] { return number("SELECT count(*) FROM tributary.deleted_tenancy") == 0; }, "the tenancy is forgotten");
  EXPECT_EQ(session_.value("SELECT project_id FROM tributary.left_place"), tenant.project);
}

// Where no foreign key takes them along, nobody delivers their tombstones once they go: they are taken out of their place (Mender).
TEST_F(ClickHouseSync, RowsThatOutliveTheirTenancyLeaveItsPlace) {
  const auto tenant = add_tenancy(1);
  test::Service service(source_, params());
  session_.run(test::insert_user(tenant.tenancy, uuid(10)));
  wait_until_equal(session_, tenant, clickhouse_);
  wait_until_idle();
  session_.run(R"(SET session_replication_role = replica; DELETE FROM "Tenancy"; RESET session_replication_role)");
  wait_until([&] { return number("SELECT count(*) FROM tributary.deleted_tenancy") == 0; }, "the tenancy is forgotten");
  EXPECT_EQ(session_.value("SELECT project_id FROM tributary.left_place"), tenant.project);
}

TEST_F(ClickHouseSync, ATenancyThatGetsAnotherIdKeepsItsRows) {
  auto tenant = add_tenancy(1);
  test::Service service(source_, params());
  for (unsigned i = 10; i < 20; ++i) session_.run(test::insert_user(tenant.tenancy, uuid(i)));
  wait_until_equal(session_, tenant, clickhouse_);
  // To and fro between shards: whichever of tombstone and row is numbered first.
  for (unsigned round = 0; round < 6; ++round) {
    const auto next = fmt::format("{:08x}-0000-4000-8000-000000000000", round % 2 == 0 ? 0xf0000000 + round : round + 2);
    session_.run(fmt::format(R"(UPDATE "Tenancy" SET id = '{}' WHERE id = '{}')", next, tenant.tenancy));
    tenant.tenancy = next;
    wait_until_equal(session_, tenant, clickhouse_);
    wait_until([&] { return number("SELECT count(*) FROM tributary.deleted_tenancy") == 0; }, "the old id is forgotten");
    EXPECT_EQ(test::clickhouse_difference(session_, tenant, clickhouse_), "");
  }
}

}  // namespace
}  // namespace tributary::sync
