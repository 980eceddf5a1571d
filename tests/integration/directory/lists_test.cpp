#include <gmock/gmock.h>

#include "fixture.hpp"
#include "support/compare.hpp"

// A page of a whole tenancy costs what is on it, however large the tenancy.

namespace tributary::directory {
namespace {

class ListsTest : public DirectoryTest {
 protected:
  /// Users, each with a contact channel and alone in a team.
  void fill(int users) {
    session_.run(fmt::format(
        R"sql(
      INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId")
      SELECT '{0}', md5(i::text)::uuid, 'acme' FROM generate_series(1, {1}) AS i;
      INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, value)
      SELECT "tenancyId", "projectUserId", "projectUserId", "projectUserId" || '@example.com' FROM "ProjectUser";
      INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "displayName")
      SELECT "tenancyId", "projectUserId", 'acme', '' FROM "ProjectUser";
      INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId")
      SELECT "tenancyId", "projectUserId", "projectUserId" FROM "ProjectUser")sql",
        tenancy_.id.to_string(), users));
    session_.run(R"(ANALYZE "ProjectUser", "ContactChannel", "Team", "TeamMember")");
  }
  /// A page, and the one behind it.
  template <class List>
  void walk(const List& list) const {
    const auto page = [&](PageRequest request) { return get([&](auto& connection) { return list(connection, request); }); };
    const auto first = page({.after = std::nullopt, .limit = 10});
    EXPECT_EQ(first.items.size(), 10U);
    EXPECT_EQ(page({.after = first.next, .limit = 10}).items.size(), 10U);
  }
};

TEST_F(ListsTest, OfAWholeTenancyAreReadInTheOrderOfAnIndex) {
  fill(3'000);
  walk([&](auto& connection, auto page) { return list_users(connection, tenancy_, {}, page, deadline()); });
  walk([&](auto& connection, auto page) { return list_teams(connection, tenancy_, {}, page, deadline()); });
  walk([&](auto& connection, auto page) { return list_member_profiles(connection, tenancy_, {}, {}, page, deadline()); });
  walk([&](auto& connection, auto page) { return list_contact_channels(connection, tenancy_, {}, page, deadline()); });
  // What a session did is counted once it has ended.
  test::wait_until(
      [&] {
        return session_.number(
                   R"(SELECT count(*) FROM pg_stat_user_indexes WHERE idx_scan = 2 AND idx_tup_read < 30 AND indexrelname LIKE '%\_tributary\_%\_at')") ==
               4;
      },
      "each was read by its index, and little of it", std::chrono::seconds(5));
}

}  // namespace
}  // namespace tributary::directory
