#include <gmock/gmock.h>

#include "fixture.hpp"

namespace tributary::directory {
namespace {

using ::testing::ElementsAre;

class TeamsTest : public DirectoryTest {
 protected:
  std::vector<MemberProfile> profiles(std::optional<Uuid> team, std::optional<Uuid> user = std::nullopt) const {
    return get([&](auto& connection) { return list_member_profiles(connection, tenancy_, team, user, {}, deadline()); }).items;
  }
};

TEST_F(TeamsTest, ATeamIsCreatedReadChangedAndDeleted) {
  const auto creator = add_user();
  const auto made = add_team("first", creator.id);
  EXPECT_EQ(profiles(made.id).size(), 1U);
  const auto changed = get([&](auto& connection) {
    return update_team(connection, tenancy_, made.id, {.profile_image_url = "p", .server_metadata = Json{"[1]"}}, deadline());
  });
  EXPECT_EQ(changed.display_name, "first");
  EXPECT_EQ(changed.server_metadata.value().text, "[1]");
  EXPECT_EQ(get([&](auto& connection) { return read_team(connection, tenancy_, made.id, deadline()); }).profile_image_url, "p");
  call([&](auto& connection) { return delete_team(connection, tenancy_, made.id, deadline()); });
  EXPECT_THAT(tombstones(), ElementsAre("Team", "TeamMember"));
  const auto read = [&](auto& connection) -> asio::awaitable<void> {
    co_await read_team(connection, tenancy_, made.id, deadline());
  };
  EXPECT_EQ(refusal(read), Refusal::team_not_found);
  const auto again = [&](auto& connection) { return delete_team(connection, tenancy_, made.id, deadline()); };
  EXPECT_EQ(refusal(again), Refusal::team_not_found);
}

TEST_F(TeamsTest, ATeamWhoseCreatorDoesNotExistIsNotMade) {
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await create_team(connection, tenancy_, {.display_name = "t"}, Uuid::random(), deadline());
            }),
            Refusal::user_not_found);
  EXPECT_EQ(session_.number(R"(SELECT count(*) FROM "Team")"), 0);
}

TEST_F(TeamsTest, TeamsAreListedOldestFirstAndByMember) {
  const auto member = add_user();
  const auto first = add_team("1");
  add_team("2");
  const auto third = add_team("3", member.id);
  const auto list = [&](std::optional<Uuid> of, PageRequest page) {
    return get([&](auto& connection) { return list_teams(connection, tenancy_, of, page, deadline()); });
  };
  const auto page = list(std::nullopt, {.after = std::nullopt, .limit = 1});
  EXPECT_EQ(page.items.at(0).id, first.id);
  EXPECT_EQ(list(std::nullopt, {.after = page.next, .limit = 10}).items.at(0).display_name, "2");
  ASSERT_EQ(list(member.id, {}).items.size(), 1U);
  EXPECT_EQ(list(member.id, {}).items.at(0).id, third.id);
}

TEST_F(TeamsTest, AMembershipIsThereOnceHoweverManyAskForIt) {
  const auto user = add_user();
  const auto team = add_team();
  std::vector<std::function<asio::awaitable<void>(postgres::Connection&)>> joins(
      6, [&](auto& connection) { return create_membership(connection, tenancy_, team.id, user.id, deadline()); });
  const auto outcomes = race(std::move(joins));
  EXPECT_EQ(std::ranges::count(outcomes, std::optional<Refusal>()), 1);
  EXPECT_EQ(std::ranges::count(outcomes, std::optional(Refusal::membership_already_exists)), 5);
}

TEST_F(TeamsTest, WhatAMembershipLacksIsNamed) {
  const auto user = add_user();
  const auto team = add_team();
  const auto joined = [&](Uuid to, Uuid who) {
    return refusal([&](auto& connection) { return create_membership(connection, tenancy_, to, who, deadline()); });
  };
  const auto left = [&](Uuid from, Uuid who) {
    return refusal([&](auto& connection) { return delete_membership(connection, tenancy_, from, who, deadline()); });
  };
  EXPECT_EQ(joined(Uuid::random(), user.id), Refusal::team_not_found);
  EXPECT_EQ(joined(team.id, Uuid::random()), Refusal::user_not_found);
  EXPECT_EQ(left(team.id, Uuid::random()), Refusal::user_not_found);
  EXPECT_EQ(left(team.id, user.id), Refusal::membership_not_found);
  join(team.id, user.id);
  call([&](auto& connection) { return delete_membership(connection, tenancy_, team.id, user.id, deadline()); });
  EXPECT_EQ(left(team.id, user.id), Refusal::membership_not_found);
  EXPECT_THAT(tombstones(), ElementsAre("TeamMember"));
}

TEST_F(TeamsTest, AMembersNameInATeamHidesItsOwnUntilItIsCleared) {
  const auto user = add_user({.display_name = "Ada", .profile_image_url = "own"});
  const auto team = add_team();
  join(team.id, user.id);
  const auto change = [&](MemberProfileFields fields) {
    return get(
        [&](auto& connection) { return update_member_profile(connection, tenancy_, team.id, user.id, fields, deadline()); });
  };
  EXPECT_EQ(change({.display_name = "Countess"}).display_name, "Countess");
  EXPECT_EQ(profiles(team.id).at(0).display_name, "Countess");
  EXPECT_EQ(profiles(team.id).at(0).profile_image_url, "own");
  EXPECT_EQ(profiles(team.id).at(0).user.display_name, "Ada");
  EXPECT_EQ(change({.display_name = std::optional<std::string>()}).display_name, "Ada");
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await list_member_profiles(connection, tenancy_, Uuid::random(), std::nullopt, {}, deadline());
            }),
            Refusal::team_not_found);
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await read_member_profile(connection, tenancy_, Uuid::random(), user.id, deadline());
            }),
            Refusal::membership_not_found);
}

TEST_F(TeamsTest, PagesOfProfilesFollowEachOther) {
  std::vector<User> users;
  for (int i = 0; i < 3; ++i) users.push_back(add_user_with_email(fmt::format("{}@example.com", i)));
  std::vector<Team> teams{add_team("1"), add_team("2")};
  for (const auto& team : teams) {
    for (const auto& user : users) join(team.id, user.id);
  }
  const auto walk = [&](std::optional<Uuid> team, std::optional<Uuid> user) {
    std::vector<std::string> seen;
    const auto list = [&](PageRequest page) {
      return get([&](auto& connection) { return list_member_profiles(connection, tenancy_, team, user, page, deadline()); });
    };
    for (const auto& profile : walked(list, 2)) seen.push_back(profile.user.primary_email.value());
    return seen;
  };
  EXPECT_THAT(walk(teams[0].id, {}), ElementsAre("0@example.com", "1@example.com", "2@example.com"));
  EXPECT_THAT(walk({}, users[1].id), ElementsAre("1@example.com", "1@example.com"));
  EXPECT_THAT(walk(teams[1].id, users[2].id), ElementsAre("2@example.com"));
  EXPECT_EQ(walk({}, {}).size(), 6U);
}

TEST_F(TeamsTest, OneTeamIsSelectedAtATimeAndOnlyOneThatTheUserIsIn) {
  const auto user = add_user();
  const auto first = add_team("1", user.id);
  const auto second = add_team("2", user.id);
  EXPECT_EQ(change(user.id, {.selected_team = first.id}).selected_team.value().id, first.id);
  EXPECT_EQ(change(user.id, {.selected_team = second.id}).selected_team.value().id, second.id);
  EXPECT_EQ(this->user(user.id).selected_team.value().display_name, "2");
  EXPECT_FALSE(change(user.id, {.selected_team = std::optional<Uuid>()}).selected_team);
  const auto strange = add_team("3");
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await update_user(connection, tenancy_, user.id, {.selected_team = strange.id}, deadline());
            }),
            Refusal::membership_not_found);
}

}  // namespace
}  // namespace tributary::directory
