#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <barrier>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "directory/contact_channels.hpp"
#include "directory/memberships.hpp"
#include "directory/projects.hpp"
#include "directory/users.hpp"
#include "support/source.hpp"

namespace tributary::directory {

/// A source with one project, and its operations called as if they were blocking, each on a connection of its own.
class DirectoryTest : public ::testing::Test {
 protected:
  DirectoryTest() {
    call([this](postgres::Connection& connection) -> asio::awaitable<void> {
      tenancy_ = (co_await create_project(connection, "acme", "", "main", deadline())).tenancy;
    });
  }
  static Deadline deadline() { return Deadline::after(std::chrono::seconds(20)); }

  void call(const std::function<asio::awaitable<void>(postgres::Connection&)>& work) const {
    test::run([&]() -> asio::awaitable<void> {
      auto connection = co_await postgres::Connection::open(source_.options(), deadline());
      co_await work(connection);
    });
  }
  /// What `operation(connection)` gives.
  template <class Operation>
  auto get(Operation operation) const {
    using Result = typename decltype(operation(std::declval<postgres::Connection&>()))::value_type;
    std::optional<Result> result;
    call([&](postgres::Connection& connection) -> asio::awaitable<void> { result.emplace(co_await operation(connection)); });
    return std::move(*result);
  }
  /// Why an operation is refused; fails where it is not.
  std::optional<Refusal> refusal(const std::function<asio::awaitable<void>(postgres::Connection&)>& operation,
                                 std::string* message = nullptr) const {
    try {
      call(operation);
    } catch (const Error& error) {
      if (message != nullptr) *message = error.what();
      return error.refusal();
    }
    ADD_FAILURE() << "was not refused";
    return std::nullopt;
  }
  /// How often each of several operations, begun at the same moment, was refused with what; nullopt: it was done.
  std::vector<std::optional<Refusal>> race(
      std::vector<std::function<asio::awaitable<void>(postgres::Connection&)>> operations) const {
    std::vector<std::optional<Refusal>> outcomes(operations.size());
    std::vector<std::exception_ptr> failures(operations.size());
    std::barrier start(static_cast<std::ptrdiff_t>(operations.size()));
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < operations.size(); ++i) {
        threads.emplace_back([&, i] {
          bool arrived = false;
          try {
            call([&](postgres::Connection& connection) -> asio::awaitable<void> {
              arrived = true;
              start.arrive_and_wait();
              co_await operations[i](connection);
            });
          } catch (const Error& error) {
            outcomes[i] = error.refusal();
          } catch (...) {
            failures[i] = std::current_exception();
            if (!arrived) start.arrive_and_drop();
          }
        });
      }
    }
    for (const auto& failure : failures) {
      if (failure) std::rethrow_exception(failure);
    }
    return outcomes;
  }

  User add_user(UserFields fields = {}) const {
    return get([&](auto& connection) { return create_user(connection, tenancy_, fields, deadline()); });
  }
  User add_user_with_email(const std::string& email, bool for_auth = true) const {
    return add_user({.primary_email = email, .primary_email_auth_enabled = for_auth});
  }
  User user(const Uuid& id) const {
    return get([&](auto& connection) { return read_user(connection, tenancy_, id, deadline()); });
  }
  User change(const Uuid& id, UserFields fields) const {
    return get([&](auto& connection) { return update_user(connection, tenancy_, id, fields, deadline()); });
  }
  Team add_team(std::string name = "team", std::optional<Uuid> creator = std::nullopt) const {
    return get([&](auto& connection) { return create_team(connection, tenancy_, {.display_name = name}, creator, deadline()); });
  }
  void join(const Uuid& team, const Uuid& user) const {
    call([&](auto& connection) { return create_membership(connection, tenancy_, team, user, deadline()); });
  }
  ContactChannel add_channel(const Uuid& user, ContactChannelFields fields) const {
    return get([&](auto& connection) { return create_contact_channel(connection, tenancy_, user, fields, deadline()); });
  }
  std::vector<ContactChannel> channels(const Uuid& user) const {
    return get([&](auto& connection) { return list_contact_channels(connection, tenancy_, user, {}, deadline()); }).items;
  }
  /// All items of `list(PageRequest)`, by at most 20 pages of so many.
  template <class List>
  static auto walked(const List& list, std::int64_t limit) {
    auto page = list(PageRequest{.after = std::nullopt, .limit = limit});
    auto all = page.items;
    for (int pages = 1; page.next && pages < 20; ++pages) {
      page = list(PageRequest{.after = Cursor::parse(page.next->to_string()), .limit = limit});
      all.insert(all.end(), page.items.begin(), page.items.end());
    }
    return all;
  }
  std::vector<std::string> tombstones() {
    std::vector<std::string> tables;
    for (auto& row : session_.rows(R"(SELECT "tableName" FROM "DeletedRow" ORDER BY 1)")) tables.push_back(row.at(0).value());
    return tables;
  }

  const test::SourceDatabase source_;
  test::Session session_ = source_.session();
  Tenancy tenancy_;
};

}  // namespace tributary::directory
