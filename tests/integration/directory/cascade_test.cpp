#include <gmock/gmock.h>

#include "fixture.hpp"
#include "postgres/error.hpp"

namespace tributary::directory {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Operation = std::function<asio::awaitable<void>(postgres::Connection&)>;

/// Deletes of what others hang on.
class CascadeTest : public DirectoryTest {
 protected:
  /// Every row that a cascade may reach, and what it leaves behind.
  std::string everything() {
    std::string text;
    for (const auto* table : {"\"Project\"", "\"Tenancy\"", "\"ProjectUser\"", "\"ContactChannel\"", "\"Team\"", "\"TeamMember\"",
                              "tributary.project_key", "\"DeletedRow\"", "tributary.deleted_tenancy"}) {
      text += fmt::format(
          "{}: {}\n", table,
          session_.value(fmt::format("SELECT coalesce(string_agg(t::text, ' ' ORDER BY t::text), '') FROM {} AS t", table)));
    }
    return text;
  }
  /// What an operation fails with while no row of this table can be deleted.
  std::string failure(const std::string& table, const Operation& operation) {
    session_.run(fmt::format("CREATE TRIGGER zz_fail AFTER DELETE ON {} FOR EACH ROW EXECUTE FUNCTION fail()", table));
    std::string message = "none";
    try {
      call(operation);
    } catch (const postgres::Error& error) {
      message = error.details().message;
    }
    session_.run("DROP TRIGGER zz_fail ON " + table);
    return message;
  }
};

TEST_F(CascadeTest, OneThatFailsInTheMiddleDeletesNothingAndLeavesNoTombstone) {
  session_.run(R"sql(CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'with % rows left', (SELECT count(*) FROM "Team") + (SELECT count(*) FROM "TeamMember") +
                                       (SELECT count(*) FROM "ProjectUser") + (SELECT count(*) FROM "ContactChannel"); END $$)sql");
  const auto ada = add_user_with_email("ada@example.com");
  const auto team = add_team("team", ada.id);
  const Operation of_user = [&](auto& connection) { return delete_user(connection, tenancy_, ada.id, deadline()); };
  const Operation of_team = [&](auto& connection) { return delete_team(connection, tenancy_, team.id, deadline()); };
  const Operation of_branch = [&](auto& connection) { return delete_project(connection, "acme", "main", deadline()); };
  const Operation of_project = [&](auto& connection) { return delete_project(connection, "acme", std::nullopt, deadline()); };
  const std::vector<std::pair<Operation, std::vector<std::string>>> cascades{
      {of_user, {"\"ContactChannel\"", "\"TeamMember\"", "\"ProjectUser\""}},
      {of_team, {"\"TeamMember\"", "\"Team\""}},
      {of_branch, {"\"ProjectUser\"", "\"ContactChannel\"", "\"TeamMember\"", "\"Team\"", "\"Tenancy\""}},
      {of_project,
       {"tributary.project_key", "\"ProjectUser\"", "\"ContactChannel\"", "\"TeamMember\"", "\"Team\"", "\"Tenancy\"",
        "\"Project\""}}};
  const auto before = everything();
  for (const auto& [operation, tables] : cascades) {
    bool was_in_the_middle = false;
    for (const auto& table : tables) {
      const auto message = failure(table, operation);
      EXPECT_THAT(message, HasSubstr("rows left")) << table;
      EXPECT_EQ(everything(), before) << table;
      was_in_the_middle |= message != "with 4 rows left";
    }
    EXPECT_TRUE(was_in_the_middle) << tables.back();
  }
  call(of_project);
  EXPECT_THAT(tombstones(), ElementsAre("ContactChannel", "ProjectUser", "Team", "TeamMember"));
}

}  // namespace
}  // namespace tributary::directory
