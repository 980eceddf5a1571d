#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json.hpp>
#include <cstdlib>
#include <thread>

#include "integration/cli/binary.hpp"
#include "support/compare.hpp"
#include "support/source.hpp"
#include "support/torture.hpp"

// `make torture FILTER='VerifyManyRows.*'`: `tributary verify` of a million rows beside a `tributary serve`. TRIBUTARY_TORTURE_ROWS: of
// another number.

namespace tributary::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

class VerifyManyRows : public testing::Test {
 protected:
  VerifyManyRows() : session_(source_.session()), customer_session_(customer_.session()) {
    if (const char* text = std::getenv("TRIBUTARY_TORTURE_ROWS")) rows_ = std::strtoll(text, nullptr, 10);
    session_.run(
        insert_project("project",
                       fmt::format(R"({{"dbSync.externalDatabases": {{"d": {{"type": "postgres", "connectionString": "{}"}}}}}})",
                                   customer_.uri())) +
        insert_tenancy(tenancy_, "project"));
    session_.run(fmt::format(R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName")
                                SELECT '{}', md5(i::text)::uuid, 'p', 'User ' || i FROM generate_series(1, {}) AS i)",
                             tenancy_, rows_));
    session_.run("ANALYZE");
    service_.emplace(std::vector<std::string>{"serve", "--roles", "sequencer,sync", "--log-level", "warning"}, environment());
    wait_until_synced();
    customer_session_.run("ANALYZE");
  }

  Environment environment() const { return {{"TRIBUTARY_SOURCE_URL", source_.uri()}, {"TRIBUTARY_CLICKHOUSE_USE", "none"}}; }
  /// Nothing flagged, nothing queued.
  void wait_until_synced() {
    wait_until(
        [&] {
          return session_.number(R"(SELECT (SELECT count(*) FROM "OutgoingRequest")
                                         + (SELECT count(*) FROM (SELECT FROM "ProjectUser" WHERE "shouldUpdateSequenceId" LIMIT 1) AS f)
                                         + (SELECT count(*) FROM "DeletedRow" WHERE "shouldUpdateSequenceId"))") == 0;
        },
        "everything is synced", 1'200s);
  }
  json::object verify(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"verify", "--mapping", "users", "--json"};
    std::ranges::copy(more, std::back_inserter(arguments));
    Binary binary(std::move(arguments), environment());
    const auto status = binary.wait(20min);
    EXPECT_LE(status, 1) << binary.err();
    return json::parse(binary.out()).at("results").at(0).as_object();
  }
  static std::string user(long long number) { return fmt::format("md5('{}')::uuid", number); }

  long long rows_ = 1'000'000;
  SourceDatabase source_;
  Database customer_{"customer"};
  Session session_;
  Session customer_session_;
  const std::string tenancy_ = uuid(1);
  std::optional<Binary> service_;
};

TEST_F(VerifyManyRows, FindsOneChangedOneDeletedOneAddedAndOneLostTombstoneAndMendsThem) {
  EXPECT_EQ(verify().at("differences").as_int64(), 0);
  session_.run(R"(ALTER TABLE "ProjectUser" DISABLE TRIGGER tributary_tombstone_delete)");
  session_.run(fmt::format(R"(DELETE FROM "ProjectUser" WHERE "projectUserId" = {})", user(rows_ / 5)));
  session_.run(R"(ALTER TABLE "ProjectUser" ENABLE ALWAYS TRIGGER tributary_tombstone_delete)");
  customer_session_.run(fmt::format("UPDATE users SET display_name = 'by hand' WHERE id = {}", user(rows_ / 2)));
  customer_session_.run(fmt::format("DELETE FROM users WHERE id = {}", user(rows_ / 3)));
  customer_session_.run(
      "INSERT INTO users SELECT md5('added')::uuid, display_name, profile_image_url, primary_email, primary_email_verified, "
      "signed_up_at, client_metadata, client_read_only_metadata, server_metadata, is_anonymous FROM users LIMIT 1");
  const auto found = verify({"--repair"});
  std::map<std::string, std::string> kinds;
  for (const auto& shown : found.at("shown").as_array())
    kinds[std::string(shown.at("key").at("id").as_string())] = shown.at("kind").as_string();
  const auto id = [&](const std::string& expression) { return session_.value("SELECT " + expression); };
  EXPECT_EQ(kinds, (std::map<std::string, std::string>{{id(user(rows_ / 5)), "extra"},
                                                       {id(user(rows_ / 2)), "changed"},
                                                       {id(user(rows_ / 3)), "missing"},
                                                       {id("md5('added')::uuid"), "extra"}}));
  wait_until_synced();
  const auto after = verify();
  EXPECT_EQ(after.at("differences").as_int64(), 0);
  EXPECT_EQ(after.at("rows").as_int64(), rows_ - 1);
}

TEST_F(VerifyManyRows, BesideFiveHundredChangesASecondNothingFalseIsFoundInTenRuns) {
  std::atomic<long long> changes = 0;
  std::jthread application([&](std::stop_token stop) {
    auto session = source_.session();
    auto next = std::chrono::steady_clock::now();
    for (long long i = 0; !stop.stop_requested(); ++i, ++changes) {
      std::this_thread::sleep_until(next += 2ms);
      const auto number = 1 + i * 7'919 % rows_;
      if (i % 10 == 3)
        session.run(fmt::format(R"(DELETE FROM "ProjectUser" WHERE "tenancyId" = '{}' AND "projectUserId" = {})", tenancy_,
                                user(number)));
      else if (i % 10 == 7)
        session.run(insert_user(tenancy_, session.value("SELECT " + user(rows_ + i))));
      else
        session.run(fmt::format(
            R"(UPDATE "ProjectUser" SET "displayName" = 'changed {}' WHERE "tenancyId" = '{}' AND "projectUserId" = {})", i,
            tenancy_, user(number)));
    }
  });
  for (int run = 0; run < 10; ++run) {
    const auto begun = std::chrono::steady_clock::now();
    const auto before = changes.load();
    const auto found = verify();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    fmt::print("run {}: {} rows in {:.1f} s beside {:.0f} changes/s: {} differences, {} undecided\n", run + 1,
               found.at("rows").as_int64(), took.count(), static_cast<double>(changes - before) / took.count(),
               found.at("differences").as_int64(), found.at("undecided").as_int64());
    EXPECT_EQ(found.at("differences").as_int64(), 0);
    EXPECT_EQ(found.at("undecided").as_int64(), 0);
    EXPECT_GT(found.at("rows").as_int64(), rows_ / 2);
  }
}

}  // namespace
}  // namespace tributary::test
