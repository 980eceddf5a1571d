#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/compare.hpp"
#include "support/service.hpp"
#include "verify/comparison.hpp"
#include "verify/postgres_side.hpp"

namespace tributary::verify {

using test::uuid;
using test::wait_until;
using test::wait_until_equal;

/// A comparison that has ended.
struct Finding {
  Progress progress;
  std::vector<Difference> differences;
  int steps = 0;
};

/// A source with one tenancy, whose customer has one database.
class VerifyTest : public ::testing::Test {
 protected:
  VerifyTest() : session_(source_.session()), customer_session_(customer_.session()) {
    session_.run(
        test::insert_project(
            "project", fmt::format(R"({{"dbSync.externalDatabases": {{"d": {{"type": "postgres", "connectionString": "{}"}}}}}})",
                                   customer_.uri())) +
        test::insert_tenancy(tenancy_, "project"));
  }

  /// `count` users, numbered from `first`, whose ids are spread over all of their type.
  void add_users(int first, int count) {
    session_.run(fmt::format(R"sql(
      WITH u AS (
        INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName", "clientMetadata", "signedUpAt")
        SELECT '{0}', md5(i::text)::uuid, 'p', nullif('Üser, "' || i, 'Üser, "7'), jsonb_build_object('n', i, 'é', '{{}}'), now() - i * interval '1 ms'
        FROM generate_series({1}, {1} + {2} - 1) AS i
        RETURNING "projectUserId")
      INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, type, "isPrimary", "usedForAuth", "isVerified", value)
      SELECT '{0}', "projectUserId", gen_random_uuid(), 'EMAIL', 'TRUE', 'TRUE', true, "projectUserId" || '@example.com' FROM u)sql",
                             tenancy_, first, count));
  }
  static std::string user(int number) { return fmt::format("md5('{}')::uuid", number); }
  Key key_of_user(int number) { return {session_.value("SELECT " + user(number))}; }

  void wait_until_synced() { wait_until_equal(session_, tenancy_, customer_session_); }

  /// The next comparison is stopped once it has told so often how far it is.
  void stop_after(int steps, std::stop_source& stop) {
    stop_after_ = steps;
    stop_source_ = &stop;
  }
  Finding compare(const std::string& mapping_name, ComparisonParams params = {}, bool repairs = false, Progress begun = {},
                  std::stop_token stop = {}) {
    Finding finding;
    const auto mappings = test::builtin_mappings();
    const auto& mapping = *std::ranges::find(mappings, mapping_name, &mapping::Mapping::name);
    test::run([&]() -> asio::awaitable<void> {
      const auto deadline = Deadline::after(std::chrono::seconds(50));
      auto source = co_await postgres::Connection::open(source_.options(), deadline);
      auto customer = co_await postgres::Connection::open(customer_.options(), deadline);
      const bool source_is_utf8 = co_await prepare_session(source, deadline);
      const bool customer_is_utf8 = co_await prepare_session(customer, deadline);
      PostgresSideParams side{.connection = source,
                              .mapping = mapping,
                              .tenancy = *Uuid::parse(tenancy_),
                              .digest = digest_for(mapping::DestinationKind::postgres, source_is_utf8, customer_is_utf8)};
      const auto source_side = make_source_side(side);
      PostgresSideParams other{.connection = customer,
                               .mapping = mapping,
                               .tenancy = side.tenancy,
                               .digest = digest_for(mapping::DestinationKind::postgres, customer_is_utf8, source_is_utf8)};
      const auto customer_side = make_postgres_side(other);
      Comparison comparison(
          *source_side, *customer_side, params,
          [&](std::vector<Difference> found) -> asio::awaitable<void> {
            if (repairs) co_await repair(*source_side, found);
            std::ranges::move(found, std::back_inserter(finding.differences));
          },
          [&](const Progress&) -> asio::awaitable<void> {
            if (++finding.steps == stop_after_) stop_source_->request_stop();
            co_return;
          });
      finding.progress = co_await comparison.run(std::move(begun), stop);
    });
    return finding;
  }

  test::SourceDatabase source_;
  test::Database customer_{"customer"};
  test::Session session_;
  test::Session customer_session_;
  const std::string tenancy_ = uuid(1);
  int stop_after_ = 0;
  std::stop_source* stop_source_ = nullptr;
};

}  // namespace tributary::verify
