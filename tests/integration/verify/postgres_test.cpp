#include <thread>

#include "fixture.hpp"

namespace tributary::verify {
namespace {

using Kind = Difference::Kind;

TEST_F(VerifyTest, WhatIsEqualIsEqualInEveryMappingAndHoweverItIsDivided) {
  test::Service service(source_);
  add_users(1, 500);
  for (unsigned i = 1; i <= 5; ++i) {
    session_.run(test::insert_team(tenancy_, uuid(i)));
    session_.run(fmt::format(R"(INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId", "displayName")
                                SELECT '{}', "projectUserId", '{}', nullif("displayName", '') FROM "ProjectUser")",
                             tenancy_, uuid(i)));
  }
  wait_until_synced();
  for (const auto* mapping : {"users", "contact_channels", "teams", "team_member_profiles"}) {
    const auto finding = compare(mapping, {.range_rows = 7, .ranges_at_once = 5});
    EXPECT_EQ(finding.progress.differences, 0) << mapping;
    EXPECT_EQ(finding.progress.rows, customer_session_.number(fmt::format("SELECT count(*) FROM {}", mapping))) << mapping;
    EXPECT_EQ(finding.steps, finding.progress.rows / 35 + 1) << mapping;
    EXPECT_FALSE(finding.progress.next) << mapping;
  }
}

TEST_F(VerifyTest, EachKindOfDifferenceIsFoundAndMended) {
  add_users(1, 5'000);
  {
    test::Service service(source_);
    wait_until_synced();
    session_.run("ANALYZE");  // as autovacuum does on a table that has been there for a while
    // A tombstone that is lost: nobody tells the customer that this one is gone.
    const auto tombstones =
        [&](std::string_view change) {  // table by table: both locks at once may be a deadlock with the sequencer
          for (const auto* table : {"ProjectUser", "ContactChannel"})
            session_.run(fmt::format(R"(ALTER TABLE "{}" {} TRIGGER tributary_tombstone_delete)", table, change));
        };
    tombstones("DISABLE");
    session_.run(fmt::format(R"(DELETE FROM "ProjectUser" WHERE "projectUserId" = {})", user(1)));
    tombstones("ENABLE ALWAYS");
    customer_session_.run(
        fmt::format("UPDATE users SET display_name = '', is_anonymous = NOT is_anonymous WHERE id = {}", user(7)));
    customer_session_.run(fmt::format("DELETE FROM users WHERE id = {}", user(3)));
    customer_session_.run(
        "INSERT INTO users SELECT md5('added')::uuid, display_name, profile_image_url, primary_email, primary_email_verified, "
        "signed_up_at, client_metadata, client_read_only_metadata, server_metadata, is_anonymous FROM users LIMIT 1");
    wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
    const auto last_id = session_.value("SELECT last_value FROM global_seq_id");

    const auto finding = compare("users", {}, true);
    EXPECT_EQ(finding.progress.rows, 4'999);
    ASSERT_EQ(finding.differences.size(), 4U);
    const auto kind_of = [&](const Key& key) {
      const auto found = std::ranges::find(finding.differences, key, &Difference::key);
      return found == finding.differences.end() ? -1 : static_cast<int>(found->kind);
    };
    EXPECT_EQ(kind_of(key_of_user(1)), static_cast<int>(Kind::extra));
    EXPECT_EQ(kind_of(key_of_user(7)), static_cast<int>(Kind::changed));
    EXPECT_EQ(kind_of(key_of_user(3)), static_cast<int>(Kind::missing));
    EXPECT_EQ(kind_of({session_.value("SELECT md5('added')::uuid")}), static_cast<int>(Kind::extra));
    // NULL became '': the columns are display_name and is_anonymous.
    EXPECT_EQ(std::ranges::find(finding.differences, key_of_user(7), &Difference::key)->columns,
              (std::vector<std::size_t>{1, 9}));

    // The contact channel of the lost user is a ghost, too.
    EXPECT_EQ(compare("contact_channels", {}, true).progress.differences, 1);
    wait_until_synced();
    EXPECT_EQ(compare("users").progress.differences, 0);
    EXPECT_EQ(compare("contact_channels").progress.differences, 0);
    // These, and no other row of 5,000, were sent again.
    const auto again = [&](const std::string& keys, const std::string& table) {
      return session_.value(
          fmt::format(R"(SELECT string_agg({0}, ' ' ORDER BY {0}) FROM "{1}" WHERE "sequenceId" > {2})", keys, table, last_id));
    };
    EXPECT_EQ(again(R"("projectUserId"::text)", "ProjectUser"),
              session_.value(fmt::format("SELECT string_agg(id::text, ' ' ORDER BY id::text) FROM (VALUES ({}), ({})) AS v (id)",
                                         user(3), user(7))));
    EXPECT_EQ(again(R"("tableName")", "DeletedRow"), "ContactChannel ProjectUser ProjectUser");
    EXPECT_EQ(again("id::text", "ContactChannel"), "");
  }
}

// A key that is alive when its tombstone is read is not deleted: between the comparison and the repair the application may have made the row again.
TEST_F(VerifyTest, ARowThatWasMadeAgainSurvivesTheTombstoneOfItsRepair) {
  add_users(1, 10);
  test::Service service(source_);
  wait_until_synced();
  customer_session_.run("INSERT INTO teams VALUES (md5('ghost')::uuid, 'ghost', NULL, now(), '{}', '{}', '{}')");
  const auto finding = compare("teams");
  ASSERT_EQ(finding.differences.size(), 1U);
  session_.run(test::insert_team(tenancy_, session_.value("SELECT md5('ghost')::uuid")));
  test::run([&]() -> asio::awaitable<void> {
    const auto deadline = Deadline::after(std::chrono::seconds(50));
    const auto mappings = test::builtin_mappings();
    auto source = co_await postgres::Connection::open(source_.options(), deadline);
    co_await prepare_session(source, deadline);
    const auto side = make_source_side({.connection = source,
                                        .mapping = *std::ranges::find(mappings, "teams", &mapping::Mapping::name),
                                        .tenancy = *Uuid::parse(tenancy_)});
    co_await repair(*side, finding.differences);
  });
  test::wait_until_numbered(session_);
  wait_until_synced();
  EXPECT_EQ(customer_session_.number("SELECT count(*) FROM teams"), 1);
}

TEST_F(VerifyTest, ManyMoreRowsOnOneSideAreNarrowedDownInBoundedPieces) {
  add_users(1, 10);
  test::Service service(source_);
  wait_until_synced();
  customer_session_.run(
      "INSERT INTO teams SELECT md5(i::text)::uuid, 'ghost', NULL, now(), '{}', '{}', '{}' FROM generate_series(1, 3000) AS i");
  const auto finding = compare("teams", {.range_rows = 50, .ranges_at_once = 4}, true);
  EXPECT_EQ(finding.differences.size(), 3'000U);
  EXPECT_EQ(finding.progress.rows, 0);
  wait_until_synced();
}

TEST_F(VerifyTest, BesideAStreamOfChangesNothingFalseIsFound) {
  add_users(1, 3'000);
  test::Service service(source_);
  wait_until_synced();
  std::jthread application([&](std::stop_token stop) {
    auto session = source_.session();
    for (int i = 0; !stop.stop_requested(); ++i) {
      const auto number = 1 + i * 7 % 3'000;
      session.run(
          fmt::format(R"(UPDATE "ProjectUser" SET "displayName" = 'changed {}' WHERE "projectUserId" = {})", i, user(number)));
      session.run(fmt::format(R"(UPDATE "ContactChannel" SET value = 'v{}' WHERE "projectUserId" = {})", i, user(number + 1)));
      if (i % 10 == 0) session.run(fmt::format(R"(DELETE FROM "ProjectUser" WHERE "projectUserId" = {})", user(number + 2)));
      if (i % 10 == 5) session.run(test::insert_user(tenancy_, session.value("SELECT " + user(10'000 + i))));
    }
  });
  for (int run = 0; run < 10; ++run) {
    for (const auto* mapping : {"users", "contact_channels"}) {
      const auto finding = compare(mapping, {.range_rows = 100});
      EXPECT_EQ(finding.progress.differences, 0) << mapping;
      EXPECT_EQ(finding.progress.undecided, 0) << mapping;
      EXPECT_GT(finding.progress.rows, 2'000) << mapping;
    }
  }
  application.request_stop();
  application.join();
  wait_until_synced();
}

// What has not arrived is no difference, but it is not proved either.
TEST_F(VerifyTest, WhatIsStillOnItsWayIsUndecided) {
  add_users(1, 10);
  {
    test::Service service(source_);
    wait_until_synced();
    wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
  }
  add_users(11, 2);
  session_.run(fmt::format(R"(DELETE FROM "ProjectUser" WHERE "projectUserId" = {})", user(1)));
  session_.run(fmt::format(R"(UPDATE "ContactChannel" SET value = 'other' WHERE "projectUserId" = {})", user(2)));
  const auto finding = compare("users", {.patience = std::chrono::milliseconds(0)});
  EXPECT_EQ(finding.progress.differences, 0);
  EXPECT_EQ(finding.progress.undecided, 4);
}

TEST_F(VerifyTest, AComparisonThatWasStoppedInTheMiddleGoesOnWhereItWas) {
  add_users(1, 1'000);
  test::Service service(source_);
  wait_until_synced();
  customer_session_.run(
      "UPDATE users SET is_anonymous = NOT is_anonymous WHERE id IN (SELECT id FROM users ORDER BY id LIMIT 3)");
  const ComparisonParams params{.range_rows = 10, .ranges_at_once = 10};
  std::stop_source stop;
  stop_after(2, stop);
  const auto begun = compare("users", params, false, {}, stop.get_token());
  EXPECT_EQ(begun.steps, 2);
  EXPECT_EQ(begun.progress.rows, 200);
  EXPECT_EQ(begun.progress.differences, 3);
  ASSERT_TRUE(begun.progress.next);
  // What lies behind is not looked at any more.
  customer_session_.run("UPDATE users SET is_anonymous = NOT is_anonymous WHERE id < '" + begun.progress.next->at(0) + "'");
  const auto rest = compare("users", params, false, begun.progress);
  EXPECT_EQ(rest.steps, 8);
  EXPECT_EQ(rest.progress.rows, 1'000);
  EXPECT_EQ(rest.progress.differences, 3);
  EXPECT_FALSE(rest.progress.next);
}

}  // namespace
}  // namespace tributary::verify
