#include <gmock/gmock.h>

#include <set>

#include "fixture.hpp"

namespace tributary::directory {
namespace {

class ContactChannelsTest : public DirectoryTest {
 protected:
  ContactChannel change(const ContactChannel& channel, ContactChannelFields fields) const {
    return get([&](auto& connection) {
      return update_contact_channel(connection, tenancy_, channel.user, channel.id, fields, deadline());
    });
  }
};

TEST_F(ContactChannelsTest, ASecondPrimaryChannelTakesThePlaceOfTheFirst) {
  const auto ada = add_user_with_email("first@example.com");
  const auto second = add_channel(ada.id, {.value = "Second@example.com", .is_primary = true, .is_verified = true});
  EXPECT_EQ(second.value, "second@example.com");
  EXPECT_EQ(user(ada.id).primary_email, "second@example.com");
  EXPECT_TRUE(user(ada.id).primary_email_verified);
  EXPECT_EQ(std::ranges::count(channels(ada.id), true, &ContactChannel::is_primary), 1);
  change(channels(ada.id).at(0), {.is_primary = true});
  EXPECT_EQ(user(ada.id).primary_email, "first@example.com");
  EXPECT_EQ(std::ranges::count(channels(ada.id), true, &ContactChannel::is_primary), 1);
}

TEST_F(ContactChannelsTest, ThePrimaryEmailFollowsItsChannel) {
  const auto ada = add_user_with_email("ada@example.com");
  const auto channel = channels(ada.id).at(0);
  EXPECT_EQ(change(channel, {.is_verified = true}).is_verified, true);
  EXPECT_FALSE(change(channel, {.value = "lovelace@example.com"}).is_verified) << "another value is not verified";
  EXPECT_EQ(user(ada.id).primary_email, "lovelace@example.com");
  call([&](auto& connection) { return delete_contact_channel(connection, tenancy_, ada.id, channel.id, deadline()); });
  EXPECT_EQ(user(ada.id).primary_email, std::nullopt);
  EXPECT_EQ(
      refusal([&](auto& connection) { return delete_contact_channel(connection, tenancy_, ada.id, channel.id, deadline()); }),
      Refusal::channel_not_found);
}

TEST_F(ContactChannelsTest, AnAddressThatSomebodyElseSignsInWithIsRefused) {
  add_user_with_email("ada@example.com");
  const auto bob = add_user_with_email("bob@example.com");
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await create_contact_channel(connection, tenancy_, bob.id, {.value = "ada@example.com", .used_for_auth = true},
                                              deadline());
            }),
            Refusal::channel_used_for_auth_by_other);
  const auto plain = add_channel(bob.id, {.value = "ada@example.com", .is_primary = true});
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await update_contact_channel(connection, tenancy_, bob.id, plain.id,
                                              {.is_verified = true, .used_for_auth = true}, deadline());
            }),
            Refusal::channel_used_for_auth_by_other);
  EXPECT_FALSE(channels(bob.id).at(1).is_verified) << "nothing of a refused update is done";
  std::string message;
  EXPECT_EQ(refusal(
                [&](auto& connection) -> asio::awaitable<void> {
                  co_await create_contact_channel(connection, tenancy_, bob.id, {.value = "bob@example.com", .is_primary = true},
                                                  deadline());
                },
                &message),
            Refusal::invalid);
  EXPECT_THAT(message, ::testing::StartsWith("value:"));
  EXPECT_EQ(user(bob.id).primary_email, "ada@example.com") << "nor of a refused creation";
}

TEST_F(ContactChannelsTest, ManyThatBecomePrimaryAtOnceAreOneAfterTheOther) {
  const auto ada = add_user_with_email("ada@example.com");
  std::vector<std::function<asio::awaitable<void>(postgres::Connection&)>> operations;
  for (int i = 0; i < 4; ++i) {
    const auto channel = add_channel(ada.id, {.value = fmt::format("{}@example.com", i)});
    operations.emplace_back([this, channel](auto& connection) -> asio::awaitable<void> {
      co_await update_contact_channel(connection, tenancy_, channel.user, channel.id, {.is_primary = true}, deadline());
    });
    operations.emplace_back([this, i, id = ada.id](auto& connection) -> asio::awaitable<void> {
      co_await create_contact_channel(connection, tenancy_, id,
                                      {.value = fmt::format("new{}@example.com", i), .is_primary = true}, deadline());
    });
  }
  EXPECT_EQ(std::ranges::count(race(std::move(operations)), std::optional<Refusal>()), 8);
  EXPECT_EQ(std::ranges::count(channels(ada.id), true, &ContactChannel::is_primary), 1);
}

TEST_F(ContactChannelsTest, PagesFollowEachOther) {
  const auto ada = add_user_with_email("ada@example.com");
  add_user_with_email("bob@example.com");
  for (int i = 0; i < 4; ++i) add_channel(ada.id, {.value = fmt::format("{}@example.com", i)});
  const auto walk = [&](std::optional<Uuid> user) {
    std::set<std::string> seen;
    const auto list = [&](PageRequest page) {
      return get([&](auto& connection) { return list_contact_channels(connection, tenancy_, user, page, deadline()); });
    };
    for (const auto& channel : walked(list, 2)) EXPECT_TRUE(seen.insert(channel.value).second) << channel.value << " twice";
    return seen.size();
  };
  EXPECT_EQ(walk(ada.id), 5U);
  EXPECT_EQ(walk(std::nullopt), 6U);
}

TEST_F(ContactChannelsTest, AChannelOfAUserThatDoesNotExistIsRefused) {
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await create_contact_channel(connection, tenancy_, Uuid::random(), {.value = "a@example.com"}, deadline());
            }),
            Refusal::user_not_found);
  const auto ada = add_user();
  EXPECT_EQ(refusal([&](auto& connection) -> asio::awaitable<void> {
              co_await read_contact_channel(connection, tenancy_, ada.id, Uuid::random(), deadline());
            }),
            Refusal::channel_not_found);
}

}  // namespace
}  // namespace tributary::directory
