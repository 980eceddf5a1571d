#include "fixture.hpp"

namespace tributary::mapping {
namespace {

using FetchTest = SourceTest;

constexpr std::size_t kSequenceId = 0, kIsDeleted = 1, kId = 2;
// Columns of users.yaml behind the two leading fields.
constexpr std::size_t kDisplayName = 3, kPrimaryEmail = 5, kPrimaryEmailVerified = 6, kSignedUpAt = 7, kClientMetadata = 8;

TEST_F(FetchTest, DeliversRowsAndTombstonesOfOneTenancyInTheOrderOfTheirIds) {
  add_user(1, 10, 5);
  add_user(1, 11, 2);
  add_user(2, 12, 3);  // another tenancy's
  add_tombstone(1, "ProjectUser", 4, user_key(1, 13));
  add_tombstone(2, "ProjectUser", 6, user_key(2, 14));
  add_tombstone(1, "Team", 7, R"({"teamId": ")" + id(1) + "\"}");  // another mapping's

  const auto rows = fetch(built_in_mapping("users"), 1);

  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0][kSequenceId], "2");
  EXPECT_EQ(rows[0][kIsDeleted], "f");
  EXPECT_EQ(rows[0][kId], id(11));
  EXPECT_EQ(rows[1][kSequenceId], "4");
  EXPECT_EQ(rows[1][kIsDeleted], "t");
  EXPECT_EQ(rows[1][kId], id(13));
  EXPECT_EQ(rows[2][kSequenceId], "5");
  EXPECT_EQ(rows[2][kId], id(10));
}

TEST_F(FetchTest, ReadsPastTheWatermarkUpToTheLimit) {
  for (int i = 1; i <= 6; ++i) add_user(1, i, 10 * i);
  add_tombstone(1, "ProjectUser", 25, user_key(1, 99));
  const auto users = built_in_mapping("users");

  const auto first = fetch(users, 1, 10, 3);
  ASSERT_EQ(first.size(), 3U);
  EXPECT_EQ(first[0][kSequenceId], "20");
  EXPECT_EQ(first[1][kSequenceId], "25");
  EXPECT_EQ(first[2][kSequenceId], "30");

  const auto next = fetch(users, 1, 30, 100);
  ASSERT_EQ(next.size(), 3U);
  EXPECT_EQ(next[0][kSequenceId], "40");
  EXPECT_TRUE(fetch(users, 1, 60).empty());
}

TEST_F(FetchTest, AWholeReadHasTheSameChanges) {
  for (int i = 1; i <= 6; ++i) add_user(1, i, 10 * i);
  add_user(2, 12, 3);
  add_tombstone(1, "ProjectUser", 25, user_key(1, 99));
  add_tombstone(1, "ProjectUser", 26, user_key(1, 1));  // alive
  add_tombstone(2, "ProjectUser", 6, user_key(2, 14));
  session_.run("INSERT INTO public.\"ProjectUser\" (\"tenancyId\", \"projectUserId\") VALUES ('" + id(1) + "', '" + id(10) +
               "')");  // without an id
  const auto users = built_in_mapping("users");
  for (const auto* after : {"-1", "30"}) {
    const FetchArguments range{.tenancy = "'" + id(1) + "'", .after = after, .limit = "4"};
    auto whole = session_.rows(fetch_whole_sql(users, range, DestinationKind::postgres));
    std::sort(whole.begin(), whole.end(),
              [](const auto& a, const auto& b) { return std::stoi(*a[kSequenceId]) < std::stoi(*b[kSequenceId]); });
    EXPECT_EQ(whole, fetch(users, 1, std::stoi(after), 100));
  }
  EXPECT_EQ(session_.value(count_changes_sql(users, {.tenancy = "'" + id(1) + "'", .after = "-1", .limit = "4"})), "6")
      << "two tombstones";
  EXPECT_EQ(session_.value(count_changes_sql(users, {.tenancy = "'" + id(1) + "'", .after = "-1", .limit = "9"})), "8");
}

TEST_F(FetchTest, DoesNotDeliverARowWithoutAnId) {
  session_.run("INSERT INTO public.\"ProjectUser\" (\"tenancyId\", \"projectUserId\") VALUES ('" + id(1) + "', '" + id(10) +
               "')");
  EXPECT_TRUE(fetch(built_in_mapping("users"), 1).empty());
}

TEST_F(FetchTest, ATombstoneHasTheKeyAndTheRowsOwnTimestampsOnly) {
  add_tombstone(1, "ProjectUser", 1, user_key(1, 10), R"({"signedUpAt": "2026-05-06T07:08:09.123", "displayName": "Ada"})");
  const auto rows = fetch(built_in_mapping("users"), 1);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0][kIsDeleted], "t");
  EXPECT_EQ(rows[0][kSignedUpAt], "2026-05-06 07:08:09.123");
  for (std::size_t column = kDisplayName; column < rows[0].size(); ++column) {
    if (column != kSignedUpAt) EXPECT_EQ(rows[0][column], std::nullopt) << column;
  }
}

TEST_F(FetchTest, ATombstoneOfAKeyThatIsAliveIsAStepWithoutARow) {
  add_user(1, 10, 3);
  add_tombstone(1, "ProjectUser", 7, user_key(1, 10), R"({"signedUpAt": "2026-05-06T07:08:09.123"})");
  const auto rows = fetch(built_in_mapping("users"), 1);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1][kSequenceId], "7");
  for (std::size_t column = kIsDeleted; column < rows[1].size(); ++column) EXPECT_EQ(rows[1][column], std::nullopt) << column;
}

TEST_F(FetchTest, AKeyThatIsAliveInAnotherTenancyIsDeletedInThisOne) {
  add_user(2, 10, 3);
  add_tombstone(1, "ProjectUser", 7, user_key(1, 10));
  const auto rows = fetch(built_in_mapping("users"), 1);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0][kIsDeleted], "t");
}

TEST_F(FetchTest, AliveIsTheTargetKeyNotTheSourceKey) {
  // A channel moved from user 10 to user 11: the old source key is gone for ever, the target key (its id) is not.
  add_channel(1, 11, 50, 4, "a@example.com", false, false);
  const auto key_of_user_10 = R"({"tenancyId": ")" + id(1) + R"(", "projectUserId": ")" + id(10) + R"(", "id": ")";
  add_tombstone(1, "ContactChannel", 5, key_of_user_10 + id(50) + "\"}");
  add_tombstone(1, "ContactChannel", 6, key_of_user_10 + id(51) + "\"}");
  const auto rows = fetch(built_in_mapping("contact_channels"), 1);
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1][kIsDeleted], std::nullopt);
  EXPECT_EQ(rows[2][kIsDeleted], "t");
  EXPECT_EQ(rows[2][kId], id(51));
}

TEST_F(FetchTest, TheTargetKeyMayHaveAnotherOrderThanTheSourceKey) {
  add_tombstone(1, "TeamMember", 5,
                R"({"tenancyId": ")" + id(1) + R"(", "projectUserId": ")" + id(10) + R"(", "teamId": ")" + id(20) + "\"}");
  const auto rows = fetch(built_in_mapping("team_member_profiles"), 1);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0][kId], id(20));
  EXPECT_EQ(rows[0][kId + 1], id(10));
}

TEST_F(FetchTest, DerivesTheAddressFromThePrimaryChannel) {
  add_user(1, 10, 1);
  add_user(1, 11, 2);
  add_channel(1, 10, 50, 3, "second@example.com", false, false);
  add_channel(1, 10, 51, 4, "first@example.com", true, true);
  add_channel(2, 11, 52, 5, "elsewhere@example.com", true, true);  // same user id in another tenancy
  const auto rows = fetch(built_in_mapping("users"), 1);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0][kPrimaryEmail], "first@example.com");
  EXPECT_EQ(rows[0][kPrimaryEmailVerified], "t");
  EXPECT_EQ(rows[1][kPrimaryEmail], std::nullopt);
  EXPECT_EQ(rows[1][kPrimaryEmailVerified], "f");
}

TEST_F(FetchTest, ReadsEnumsAsTextAndNullMetadataAsEmpty) {
  add_user(1, 10, 1, ", \"clientMetadata\"", ", '{\"plan\": \"pro\"}'");
  add_user(1, 11, 2);
  add_channel(1, 10, 50, 3, "a@example.com", true, false);
  const auto users = fetch(built_in_mapping("users"), 1);
  EXPECT_EQ(users[0][kClientMetadata], R"({"plan": "pro"})");
  EXPECT_EQ(users[1][kClientMetadata], "{}");
  const auto channels = fetch(built_in_mapping("contact_channels"), 1);
  ASSERT_EQ(channels.size(), 1U);
  const test::Session::Row expected{"3", "f", id(50), id(10), "EMAIL", "a@example.com", "t", "f", "f", "2026-01-02 03:04:05.678"};
  EXPECT_EQ(channels[0], expected);
}

TEST_F(FetchTest, AReadForClickHouseHasWhatIsForClickHouseOnlyToo) {
  add_user(1, 10, 1, ", \"displayName\", \"restrictedByAdmin\", \"restrictedByAdminPrivateDetails\"", ", 'Ada', TRUE, 'fraud'");
  add_tombstone(1, "ProjectUser", 2, user_key(1, 11), R"({"signedUpAt": "2026-05-06T07:08:09.123", "restrictedByAdmin": true})");
  const auto users = built_in_mapping("users");
  const auto for_postgres = fetch(users, 1);
  const auto for_clickhouse = fetch(users, 1, -1, 1000, DestinationKind::clickhouse);
  ASSERT_EQ(for_clickhouse.size(), for_postgres.size());
  for (std::size_t row = 0; row < for_clickhouse.size(); ++row) {
    ASSERT_EQ(for_clickhouse[row].size(), for_postgres[row].size() + 3);
    EXPECT_TRUE(std::equal(for_postgres[row].begin(), for_postgres[row].end(), for_clickhouse[row].begin())) << row;
  }
  const test::Session::Row of_row(for_clickhouse[0].end() - 3, for_clickhouse[0].end());
  EXPECT_EQ(of_row, (test::Session::Row{"t", std::nullopt, "fraud"}));
  const test::Session::Row of_tombstone(for_clickhouse[1].end() - 3, for_clickhouse[1].end());
  EXPECT_EQ(of_tombstone, (test::Session::Row{std::nullopt, std::nullopt, std::nullopt}));
}

TEST_F(FetchTest, FetchKeysGivesTheCurrentStateOfEachKey) {
  add_user(1, 10, 1, ", \"displayName\"", ", 'Ada'");
  add_channel(1, 10, 50, 2, "ada@example.com", true, true);
  add_user(2, 11, 3);  // alive, but elsewhere
  session_.run("PREPARE keys (uuid, uuid[]) AS " + fetch_keys_sql(built_in_mapping("users")));
  const auto rows =
      session_.rows("EXECUTE keys ('" + id(1) + "', ARRAY['" + id(10) + "', '" + id(11) + "', '" + id(12) + "']::uuid[])");
  ASSERT_EQ(rows.size(), 3U);
  for (const auto& row : rows) {
    EXPECT_EQ(row[kSequenceId], "0");
    if (row[kId] == id(10)) {
      EXPECT_EQ(row[kIsDeleted], "f");
      EXPECT_EQ(row[kDisplayName], "Ada");
      EXPECT_EQ(row[kPrimaryEmail], "ada@example.com");
    } else {
      EXPECT_EQ(row[kIsDeleted], "t");
      for (std::size_t column = kDisplayName; column < row.size(); ++column) EXPECT_EQ(row[column], std::nullopt) << column;
    }
  }
}

TEST_F(FetchTest, FetchKeysGivesTheNewestOfRowsThatShareAKey) {
  for (int user = 10; user < 13; ++user) add_user(1, user, user);
  add_channel(1, 10, 50, 3, "older@example.com", false, false);
  add_channel(1, 11, 50, 4, "newer@example.com", false, false);
  session_.run("PREPARE keys (uuid, uuid[]) AS " + fetch_keys_sql(built_in_mapping("contact_channels")));
  const auto keys = [&] { return session_.rows("EXECUTE keys ('" + id(1) + "', ARRAY['" + id(50) + "']::uuid[])"); };
  ASSERT_EQ(keys().size(), 1U);
  EXPECT_EQ(keys()[0].at(kId + 1), id(11));
  // One without an id will have the highest.
  add_channel(1, 12, 50, 5, "new@example.com", false, false);
  session_.run("UPDATE public.\"ContactChannel\" SET \"sequenceId\" = NULL WHERE \"sequenceId\" = 5");
  ASSERT_EQ(keys().size(), 1U);
  EXPECT_EQ(keys()[0].at(kId + 1), id(12));
}

TEST_F(FetchTest, FetchKeysTakesOneArrayPerColumnInTheKeysOrder) {
  session_.run("INSERT INTO public.\"TeamMember\" (\"tenancyId\", \"projectUserId\", \"teamId\") VALUES ('" + id(1) + "', '" +
               id(10) + "', '" + id(20) + "')");
  session_.run("PREPARE keys (uuid, uuid[], uuid[]) AS " + fetch_keys_sql(built_in_mapping("team_member_profiles")));
  const auto present =
      session_.rows("EXECUTE keys ('" + id(1) + "', ARRAY['" + id(20) + "']::uuid[], ARRAY['" + id(10) + "']::uuid[])");
  EXPECT_EQ(present.at(0)[kIsDeleted], "f");
  const auto absent =
      session_.rows("EXECUTE keys ('" + id(1) + "', ARRAY['" + id(10) + "']::uuid[], ARRAY['" + id(20) + "']::uuid[])");
  EXPECT_EQ(absent.at(0)[kIsDeleted], "t");
}

TEST_F(FetchTest, HasUnsequencedSeesFlagsTombstonesAndMarkersOfItsOwnTableAndTenancyOnly) {
  add_user(1, 10, 1);
  session_.run("PREPARE unsequenced (uuid) AS " + has_unsequenced_sql(built_in_mapping("users")));
  const auto unsequenced = [&] { return session_.value("EXECUTE unsequenced ('" + id(1) + "')"); };
  const auto in_transaction = [&](const std::string& sql) {
    session_.run("BEGIN; " + sql);
    const auto answer = unsequenced();
    session_.run("ROLLBACK");
    return answer;
  };
  const auto tombstone = [](int tenancy, const std::string& table) {
    return "INSERT INTO public.\"DeletedRow\" (\"tenancyId\", \"tableName\", \"primaryKey\", \"shouldUpdateSequenceId\") VALUES "
           "('" +
           id(tenancy) + "', '" + table + "', '{}', TRUE)";
  };
  const auto marker = [](int tenancy, const std::string& table) {
    return "INSERT INTO tributary.marker (\"tenancyId\", \"tableName\", \"primaryKey\") VALUES ('" + id(tenancy) + "', '" +
           table + "', '{}')";
  };
  EXPECT_EQ(unsequenced(), "f");
  EXPECT_EQ(in_transaction("UPDATE public.\"ProjectUser\" SET \"shouldUpdateSequenceId\" = TRUE"), "t");
  EXPECT_EQ(in_transaction(tombstone(1, "ProjectUser")), "t");
  EXPECT_EQ(in_transaction(tombstone(2, "ProjectUser")), "f");
  EXPECT_EQ(in_transaction(tombstone(1, "Team")), "f");
  EXPECT_EQ(in_transaction(marker(1, "ProjectUser")), "t");
  EXPECT_EQ(in_transaction(marker(2, "ProjectUser")), "f");
  EXPECT_EQ(in_transaction(marker(1, "Team")), "f");
}

}  // namespace
}  // namespace tributary::mapping
