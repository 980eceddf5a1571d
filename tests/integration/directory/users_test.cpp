#include <gmock/gmock.h>

#include "fixture.hpp"

namespace tributary::directory {
namespace {

using ::testing::ElementsAre;
using Text = std::optional<std::string>;

class UsersTest : public DirectoryTest {
 protected:
  std::vector<std::string> names(UserFilter filter = {}, PageRequest page = {}) const {
    std::vector<std::string> names;
    for (const auto& user : list(filter, page).items) names.push_back(user.display_name.value_or("-"));
    return names;
  }
  Page<User> list(UserFilter filter = {}, PageRequest page = {}) const {
    return get([&](auto& connection) { return list_users(connection, tenancy_, filter, page, deadline()); });
  }
  User named(const std::string& name) const { return add_user({.display_name = name}); }
};

TEST_F(UsersTest, WhatIsCreatedIsRead) {
  const auto made = add_user({.display_name = "Ada \xF0\x9F\x9A\x80 O'Neil \"x\" \\",
                              .profile_image_url = "https://example.com/a.png",
                              .primary_email = " Ada@Example.com ",
                              .primary_email_verified = true,
                              .primary_email_auth_enabled = true,
                              .client_metadata = Json{R"({"a": [1, 2.5, null, "\u00e9"]})"},
                              .server_metadata = Json{"null"},
                              .restricted_by_admin = true,
                              .restricted_by_admin_reason = "spam"});
  const auto read = user(made.id);
  EXPECT_EQ(read.display_name, "Ada \xF0\x9F\x9A\x80 O'Neil \"x\" \\");
  EXPECT_EQ(read.profile_image_url, "https://example.com/a.png");
  EXPECT_EQ(read.primary_email, "ada@example.com");
  EXPECT_TRUE(read.primary_email_verified);
  EXPECT_TRUE(read.primary_email_auth_enabled);
  EXPECT_EQ(read.client_metadata.value().text, R"({"a": [1, 2.5, null, "é"]})");
  EXPECT_EQ(read.client_read_only_metadata, std::nullopt);
  EXPECT_TRUE(read.restricted_by_admin);
  EXPECT_EQ(read.restricted_by_admin_reason, "spam");
  EXPECT_EQ(read.signed_up_at, made.signed_up_at);
  EXPECT_EQ(session_.value(R"(SELECT "mirroredProjectId" || '/' || "mirroredBranchId" FROM "ProjectUser")"), "acme/main");
}

TEST_F(UsersTest, AnUpdateLeavesWhatItDoesNotName) {
  const auto made = add_user({.display_name = "Ada", .profile_image_url = "p", .client_metadata = Json{"{}"}});
  const auto changed = change(made.id, {.profile_image_url = Text()});
  EXPECT_EQ(changed.display_name, "Ada");
  EXPECT_EQ(changed.profile_image_url, std::nullopt);
  EXPECT_EQ(changed.client_metadata.value().text, "{}");
  EXPECT_EQ(change(made.id, {.display_name = ""}).display_name, std::nullopt) << "an empty name is none";
  EXPECT_EQ(change(made.id, {.client_metadata = std::optional<Json>()}).client_metadata, std::nullopt);
}

TEST_F(UsersTest, AnotherPrimaryEmailIsAnotherChannelAndTheOldOneStays) {
  const auto made = add_user_with_email("old@example.com");
  const auto changed = change(made.id, {.primary_email = "New@example.com"});
  EXPECT_EQ(changed.primary_email, "new@example.com");
  EXPECT_FALSE(changed.primary_email_verified);
  EXPECT_TRUE(changed.primary_email_auth_enabled) << "as the old one was";
  ASSERT_EQ(channels(made.id).size(), 2U);
  const auto back = change(made.id, {.primary_email = "old@example.com", .primary_email_verified = true});
  EXPECT_EQ(back.primary_email, "old@example.com");
  EXPECT_TRUE(back.primary_email_verified);
  EXPECT_EQ(channels(made.id).size(), 2U) << "a channel of that value was there already";
  EXPECT_EQ(change(made.id, {.primary_email = Text()}).primary_email, std::nullopt);
  EXPECT_EQ(channels(made.id).size(), 2U);
}

TEST_F(UsersTest, VerifiedAndUsedForAuthAreThoseOfThePrimaryChannel) {
  const auto made = add_user_with_email("ada@example.com", false);
  const auto changed = change(made.id, {.primary_email_verified = true, .primary_email_auth_enabled = true});
  EXPECT_TRUE(changed.primary_email_verified);
  EXPECT_TRUE(changed.primary_email_auth_enabled);
  const auto channel = channels(made.id).at(0);
  EXPECT_TRUE(channel.is_verified && channel.used_for_auth && channel.is_primary);
}

TEST_F(UsersTest, AnAddressIsUsedForAuthByOneUserOfATenancyOnly) {
  add_user_with_email("ada@example.com");
  const auto other = add_user_with_email("ada@example.com", false);
  const auto taken = [&](auto& connection) -> asio::awaitable<void> {
    co_await create_user(connection, tenancy_, {.primary_email = "ADA@example.com", .primary_email_auth_enabled = true},
                         deadline());
  };
  EXPECT_EQ(refusal(taken), Refusal::user_email_already_exists);
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await update_user(connection, tenancy_, other.id, {.display_name = "x", .primary_email_auth_enabled = true},
                                   deadline());
            }),
            Refusal::user_email_already_exists);
  EXPECT_EQ(user(other.id).display_name, std::nullopt) << "nothing of a refused update is done";
  EXPECT_EQ(list().items.size(), 2U) << "nor of a refused creation";
  const auto elsewhere = get([&](auto& connection) { return create_project(connection, "acme2", "", "main", deadline()); });
  EXPECT_EQ(get([&](auto& connection) {
              return create_user(connection, elsewhere.tenancy,
                                 {.primary_email = "ada@example.com", .primary_email_auth_enabled = true}, deadline());
            }).primary_email,
            "ada@example.com");
}

TEST_F(UsersTest, OfManyWhoCreateTheSameAddressAtOnceOneIsServedAndTheOthersAreTold) {
  std::vector<std::function<asio::awaitable<void>(postgres::Connection&)>> creations(
      8, [&](auto& connection) -> asio::awaitable<void> {
        co_await create_user(connection, tenancy_, {.primary_email = "ada@example.com", .primary_email_auth_enabled = true},
                             deadline());
      });
  const auto outcomes = race(std::move(creations));
  EXPECT_EQ(std::ranges::count(outcomes, std::optional<Refusal>()), 1);
  EXPECT_EQ(std::ranges::count(outcomes, std::optional(Refusal::user_email_already_exists)), 7);
  EXPECT_EQ(list().items.size(), 1U);
}

TEST_F(UsersTest, UpdatesOfOnesEmailAtTheSameTimeAreOneAfterTheOther) {
  const auto made = add_user_with_email("ada@example.com");
  std::vector<std::function<asio::awaitable<void>(postgres::Connection&)>> updates;
  for (int i = 0; i < 8; ++i) {
    updates.emplace_back([this, i, id = made.id](auto& connection) -> asio::awaitable<void> {
      co_await update_user(connection, tenancy_, id, {.primary_email = fmt::format("ada{}@example.com", i)}, deadline());
    });
  }
  EXPECT_EQ(std::ranges::count(race(std::move(updates)), std::optional<Refusal>()), 8);
  EXPECT_EQ(channels(made.id).size(), 9U);
  EXPECT_EQ(std::ranges::count(channels(made.id), true, &ContactChannel::is_primary), 1);
}

TEST_F(UsersTest, WhatCannotBeIsRefused) {
  const auto made = add_user();
  const auto refused = [&](UserFields fields) {
    std::string message;
    EXPECT_EQ(refusal([&](auto& connection)
                          -> asio::awaitable<void> { co_await update_user(connection, tenancy_, made.id, fields, deadline()); },
                      &message),
              Refusal::invalid);
    return message;
  };
  EXPECT_THAT(refused({.primary_email_auth_enabled = true}), ::testing::HasSubstr("primary_email_auth_enabled"));
  EXPECT_THAT(refused({.primary_email_verified = true}), ::testing::HasSubstr("primary_email_verified"));
  EXPECT_THAT(refused({.primary_email = "nobody"}), ::testing::HasSubstr("primary_email"));
  EXPECT_THAT(refused({.primary_email = ""}), ::testing::HasSubstr("primary_email"));
  EXPECT_THAT(refused({.restricted_by_admin_reason = "x"}), ::testing::HasSubstr("restricted_by_admin_reason"));
  EXPECT_THAT(refused({.primary_email = std::string(400, 'x') + "@example.com"}), ::testing::HasSubstr("primary_email"));
  const auto absent = Uuid::random();
  const auto not_found = [&](auto& connection) -> asio::awaitable<void> {
    co_await update_user(connection, tenancy_, absent, {.display_name = "x"}, deadline());
  };
  EXPECT_EQ(refusal(not_found), Refusal::user_not_found);
}

TEST_F(UsersTest, AReasonEndsWithTheRestriction) {
  const auto made = add_user({.restricted_by_admin = true, .restricted_by_admin_reason = "spam"});
  EXPECT_EQ(change(made.id, {.restricted_by_admin_private_details = "rule 3"}).restricted_by_admin_private_details, "rule 3");
  const auto freed = change(made.id, {.restricted_by_admin = false});
  EXPECT_EQ(freed.restricted_by_admin_reason, std::nullopt);
  EXPECT_EQ(freed.restricted_by_admin_private_details, std::nullopt);
}

TEST_F(UsersTest, PagesFollowEachOtherAlsoWhereTheItemBetweenThemIsDeleted) {
  for (int i = 0; i < 7; ++i) named(fmt::format("{}", i));
  std::vector<std::string> seen;
  const auto list_and_delete = [&](PageRequest request) {
    auto page = list({}, request);
    if (!request.after)
      call([&](auto& connection) { return delete_user(connection, tenancy_, page.items.back().id, deadline()); });
    return page;
  };
  for (const auto& user : walked(list_and_delete, 3)) seen.push_back(user.display_name.value());
  EXPECT_THAT(seen, ElementsAre("0", "1", "2", "3", "4", "5", "6"));
  EXPECT_THAT(names({.descending = true}, {.after = std::nullopt, .limit = 2}), ElementsAre("6", "5"));
}

TEST_F(UsersTest, ListsAreFiltered) {
  const auto ada = named("Ada 100%");
  add_user({.display_name = "Bob", .primary_email = "bob_x@example.com"});
  add_user({.display_name = "Anonymous", .is_anonymous = true});
  add_user({.display_name = "Restricted", .restricted_by_admin = true});
  join(add_team("t").id, ada.id);
  const auto team = session_.value(R"(SELECT "teamId" FROM "Team")");
  EXPECT_THAT(names(), ElementsAre("Ada 100%", "Bob"));
  EXPECT_THAT(names({.include_restricted = true}), ElementsAre("Ada 100%", "Bob", "Restricted"));
  EXPECT_THAT(names({.include_anonymous = true}), ElementsAre("Ada 100%", "Bob", "Anonymous", "Restricted"));
  EXPECT_THAT(names({.include_anonymous = true, .only_anonymous = true}), ElementsAre("Anonymous"));
  EXPECT_THAT(names({.team = Uuid::parse(team)}), ElementsAre("Ada 100%"));
  EXPECT_THAT(names({.text = "ada"}), ElementsAre("Ada 100%"));
  EXPECT_THAT(names({.text = "0%"}), ElementsAre("Ada 100%"));
  EXPECT_THAT(names({.text = "b%b"}), ElementsAre()) << "a percent sign is one";
  EXPECT_THAT(names({.text = "BOB_X@"}), ElementsAre("Bob"));
  EXPECT_THAT(names({.text = ada.id.to_string()}), ElementsAre("Ada 100%"));
}

TEST_F(UsersTest, AUsersDeletionTakesWhatHangsOnItWithATombstoneEach) {
  const auto made = add_user_with_email("ada@example.com");
  add_channel(made.id, {.value = "second@example.com"});
  add_team("t", made.id);
  call([&](auto& connection) { return delete_user(connection, tenancy_, made.id, deadline()); });
  EXPECT_THAT(tombstones(), ElementsAre("ContactChannel", "ContactChannel", "ProjectUser", "TeamMember"));
  EXPECT_EQ(session_.number(R"(SELECT count(*) FROM "ContactChannel")"), 0);
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await delete_user(connection, tenancy_, made.id, deadline());
            }),
            Refusal::user_not_found);
  EXPECT_EQ(add_user_with_email("ada@example.com").primary_email, "ada@example.com") << "the address is free again";
}

TEST_F(UsersTest, AUserOfAnotherTenancyIsNotSeen) {
  const auto made = add_user();
  const auto other = get([&](auto& connection) { return create_project(connection, "acme2", "", "main", deadline()); }).tenancy;
  EXPECT_EQ(
      refusal([&](auto& connection) -> asio::awaitable<void> { co_await read_user(connection, other, made.id, deadline()); }),
      Refusal::user_not_found);
  EXPECT_EQ(
      refusal([&](auto& connection) -> asio::awaitable<void> { co_await delete_user(connection, other, made.id, deadline()); }),
      Refusal::user_not_found);
}

TEST_F(UsersTest, AValueThatPostgresCannotKeepIsRefusedAndNotAFailure) {
  std::string message;
  EXPECT_EQ(refusal(
                [&](auto& connection) -> asio::awaitable<void> {
                  co_await create_user(connection, tenancy_, {.client_metadata = Json{R"({"a": "\u0000"})"}}, deadline());
                },
                &message),
            Refusal::invalid);
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await create_user(connection, {.id = Uuid::random(), .project = "gone"}, {}, deadline());
            }),
            Refusal::project_not_found);
}

}  // namespace
}  // namespace tributary::directory
