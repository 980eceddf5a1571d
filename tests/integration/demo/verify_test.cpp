#include "cli/demo/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/embedded.hpp"
#include "cli/demo/sql.hpp"
#include "mapping/sql.hpp"
#include "source/migrate.hpp"
#include "support/database.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::SizeIs;

constexpr std::string_view kTenancy = "11111111-1111-4111-8111-111111111111";
constexpr std::string_view kStranger = "22222222-2222-4222-8222-222222222222";

std::vector<mapping::Mapping> built_in_mappings() {
  std::vector<mapping::Mapping> mappings;
  for (const auto& file : embedded_mappings()) mappings.push_back(mapping::parse(file.text, file.name).mapping.value());
  return mappings;
}

/// One database that is source and customer at once: their tables have different names.
class Verify : public testing::Test {
 protected:
  void SetUp() override {
    const auto mappings = built_in_mappings();
    test::run([&]() -> asio::awaitable<void> {
      auto connection = co_await postgres::Connection::open(database_.options(), Deadline::after(30s));
      source::MigrateOptions options;
      co_await source::migrate(connection, mappings, options, {});
      for (const auto& mapping : mappings) {
        for (const auto& statement : mapping::create_target_sql(mapping))
          co_await connection.execute_script(statement, Deadline::after(30s));
      }
    });
    add_tenant(kTenancy, "ours", 3);
    add_tenant(kStranger, "strangers", 2);
    // What a correct sync makes of our tenant, written out once more.
    session_.run(R"(
      INSERT INTO users (id, display_name, profile_image_url, primary_email, primary_email_verified, signed_up_at, client_metadata,
                         client_read_only_metadata, server_metadata, is_anonymous)
      SELECT u."projectUserId", u."displayName", u."profileImageUrl", c.value, c."isVerified", u."signedUpAt", u."clientMetadata", '{}', '{}', false
      FROM "ProjectUser" u JOIN "ContactChannel" c USING ("tenancyId", "projectUserId")
      WHERE "tenancyId" = '11111111-1111-4111-8111-111111111111';
      INSERT INTO contact_channels (id, user_id, type, value, is_primary, is_verified, used_for_auth, created_at)
      SELECT id, "projectUserId", 'EMAIL', value, true, "isVerified", false, "createdAt"
      FROM "ContactChannel" WHERE "tenancyId" = '11111111-1111-4111-8111-111111111111';
      INSERT INTO teams (id, display_name, created_at, client_metadata, client_read_only_metadata, server_metadata)
      SELECT "teamId", "displayName", "createdAt", '{}', '{}', '{}'
      FROM "Team" WHERE "tenancyId" = '11111111-1111-4111-8111-111111111111';
      INSERT INTO team_member_profiles (team_id, user_id, created_at)
      SELECT "teamId", "projectUserId", "createdAt"
      FROM "TeamMember" WHERE "tenancyId" = '11111111-1111-4111-8111-111111111111')");
  }

  void add_tenant(std::string_view tenancy, std::string_view project, int users) {
    session_.run(fmt::format(R"(
      INSERT INTO "Project" (id) VALUES ('{1}');
      INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization") VALUES ('{0}', '{1}', 'TRUE');
      INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName", "profileImageUrl", "clientMetadata")
      SELECT '{0}', ('00000000-0000-4000-8000-00000000000' || n)::uuid, '{1}', 'User ' || n, CASE WHEN n = 1 THEN '' END, '{{"n": 1}}'
      FROM generate_series(1, {2}) AS n;
      INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, type, "isPrimary", "isVerified", value)
      SELECT "tenancyId", "projectUserId", gen_random_uuid(), 'EMAIL', 'TRUE', true, "displayName" || '@mail.example'
      FROM "ProjectUser" WHERE "tenancyId" = '{0}';
      INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "displayName")
      VALUES ('{0}', '00000000-0000-4000-8000-0000000000aa', '{1}', 'Team');
      INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId")
      SELECT "tenancyId", "projectUserId", '00000000-0000-4000-8000-0000000000aa' FROM "ProjectUser" WHERE "tenancyId" = '{0}')",
                             tenancy, project, users));
  }

  Verification compare() {
    Verification result;
    const auto mappings = built_in_mappings();
    test::run([&]() -> asio::awaitable<void> {
      auto source = co_await postgres::Connection::open(database_.options(), Deadline::after(30s));
      auto customer = co_await postgres::Connection::open(database_.options(), Deadline::after(30s));
      const VerifyParams params{
          .source = source, .customer = customer, .tenancy = *Uuid::parse(kTenancy), .database = "customer"};
      co_await verify(params, mappings, result);
    });
    return result;
  }

  std::vector<std::string> differences() {
    std::vector<std::string> texts;
    for (const auto& difference : compare().first) texts.push_back(difference.to_string());
    return texts;
  }

  test::Database database_;
  test::Session session_ = database_.session();
};

TEST_F(Verify, FindsEqualWhatIsEqual) {
  const auto result = compare();
  EXPECT_TRUE(result.equal());
  EXPECT_EQ(result.rows, 3U + 3U + 1U + 3U);
}

TEST_F(Verify, FindsARowThatWasAlteredByHand) {
  session_.run("UPDATE users SET display_name = 'Mallory' WHERE display_name = 'User 2'");
  EXPECT_THAT(differences(),
              ElementsAre("customer: users 00000000-0000-4000-8000-000000000002: display_name is Mallory, should be User 2"));
}

TEST_F(Verify, FindsARowThatIsMissing) {
  session_.run("DELETE FROM team_member_profiles WHERE user_id = '00000000-0000-4000-8000-000000000003'");
  EXPECT_THAT(differences(), ElementsAre("customer: team_member_profiles 00000000-0000-4000-8000-0000000000aa "
                                         "00000000-0000-4000-8000-000000000003 is missing"));
}

TEST_F(Verify, FindsARowThatShouldNotBeThere) {
  session_.run(R"(DELETE FROM "Team" WHERE "tenancyId" = '11111111-1111-4111-8111-111111111111')");
  EXPECT_THAT(compare().first, SizeIs(4)) << "the team and its three members";
}

TEST_F(Verify, TellsNullFromEmptyText) {
  session_.run("UPDATE users SET profile_image_url = NULL WHERE profile_image_url = ''");
  EXPECT_THAT(differences(),
              ElementsAre("customer: users 00000000-0000-4000-8000-000000000001: profile_image_url is NULL, should be "));
}

TEST_F(Verify, FindsADerivedValueThatStayedBehind) {
  session_.run(R"(UPDATE "ContactChannel" SET "isPrimary" = NULL
                  WHERE "tenancyId" = '11111111-1111-4111-8111-111111111111' AND value = 'User 1@mail.example';
                  UPDATE contact_channels SET is_primary = false WHERE value = 'User 1@mail.example')");
  EXPECT_THAT(differences(),
              ElementsAre("customer: users 00000000-0000-4000-8000-000000000001: primary_email is User 1@mail.example, "
                          "should be NULL"));
}

TEST_F(Verify, ShowsTheFirstAndCountsAll) {
  session_.run(R"(INSERT INTO teams (id, display_name, created_at, client_metadata, client_read_only_metadata, server_metadata)
                  SELECT gen_random_uuid(), 'Nobody''s', now(), '{}', '{}', '{}' FROM generate_series(1, 1000))");
  const auto result = compare();
  EXPECT_EQ(result.differences, 1000U);
  EXPECT_THAT(result.first, SizeIs(Verification::kShown));
  EXPECT_EQ(result.rows, 10U);
}

// A table or a column that is added to the mappings is compared, or this fails.
TEST_F(Verify, ComparesEveryColumnOfEveryBuiltInMapping) {
  for (const auto& mapping : built_in_mappings()) {
    std::vector<std::string> expected;
    for (const auto& column : mapping.columns_for(mapping::DestinationKind::postgres)) expected.push_back(column.name);
    test::run([&]() -> asio::awaitable<void> {
      auto connection = co_await postgres::Connection::open(database_.options(), Deadline::after(30s));
      const auto sql = sql_section("actual.sql", mapping.target_table);
      const auto described = co_await connection.execute(sql, Deadline::after(30s));
      std::vector<std::string> compared;
      for (std::size_t i = 1; i < described.columns(); ++i) compared.emplace_back(described.name(i));
      EXPECT_EQ(compared, expected) << mapping.name;
    });
  }
}

}  // namespace
}  // namespace tributary::cli::demo
