#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "base/event.hpp"
#include "queue/queue.hpp"
#include "source/migrate.hpp"
#include "support/clickhouse_compare.hpp"
#include "support/compare.hpp"
#include "support/service.hpp"
#include "support/turns.hpp"
#include "sync/engine.hpp"

/// The shared ClickHouse fences nobody: whoever was overtaken is kept from writing there by what its own reads tell.
namespace tributary::sync {
namespace {

using namespace std::chrono_literals;
using test::TenantName;
using test::uuid;
using test::wait_until;
using test::wait_until_equal;

/// One tenancy with a user, which ClickHouse has. What changes after pause() has its id, and ClickHouse does not have it.
class OvertakenTest : public ::testing::Test {
 protected:
  OvertakenTest() : session_(source_.session()) {
    session_.run(test::insert_project(tenant_.project, "{}") + test::insert_tenancy(tenant_.tenancy, tenant_.project) +
                 test::insert_user(tenant_.tenancy, uuid(10)));
    service_.emplace(source_, service_params());
    wait_until_equal(session_, tenant_, clickhouse_);
    wait_until([&] { return number(R"(SELECT count(*) FROM "OutgoingRequest")") == 0; }, "the queue is empty");
  }

  void pause() {
    session_.run(
        fmt::format("INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, paused) "
                    "VALUES ('{}', '@clickhouse', '', true)",
                    tenant_.tenancy));
  }
  /// Nobody works on anything any more.
  void stop() {
    wait_until([&] { return number(R"(SELECT count(*) FROM "DeletedRow" WHERE "shouldUpdateSequenceId")") == 0; },
               "tombstones are numbered");
    wait_until([&] { return number(R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")") == 0; },
               "users are numbered");
    service_.reset();
    session_.run("DELETE FROM tributary.destination_state");
  }

  /// The tenancy's turn. Whenever the worker waits for its only connection to the source, `meanwhile` is called.
  void work(const std::function<void()>& meanwhile) {
    test::run([&]() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      const auto deadline = Deadline::after(60s);
      postgres::Pool pool(executor, Engine::session_settings(source_.options()).with("application_name", "overtaken"),
                          {.max_connections = 1});
      std::vector<queue::Claim> claims;
      source::Installation installation;
      {
        auto connection = co_await postgres::Connection::open(queue::session_settings(source_.options()), deadline);
        installation = co_await source::attach(connection, test::builtin_mappings(), deadline);
        co_await queue::enqueue(connection, queue::DestinationKind::clickhouse, *Uuid::parse(tenant_.tenancy), deadline);
        claims = co_await queue::claim(connection, queue::DestinationKind::clickhouse, Uuid::random(), 1h, 10, deadline);
      }
      const auto ours = std::ranges::find(claims, Uuid::parse(tenant_.tenancy), &queue::Claim::tenancy);
      if (ours == claims.end()) throw std::runtime_error("the tenancy was not claimed");
      auto writing = service_params().writer;
      writing.schema.installation = installation.id;
      const auto writer = std::make_shared<destination::clickhouse_target::Writer>(executor, clickhouse_.options(),
                                                                                   test::builtin_mappings(), writing);
      Engine engine(executor, pool, installation, test::builtin_mappings(), {}, metrics_, writer);
      Event done(executor);
      engine.submit(std::move(*ours), [&] { done.set(); });
      co_await test::whenever_somebody_waits(pool, done, meanwhile);
    });
  }
  long long number(const std::string& sql) { return session_.number(sql); }
  std::vector<std::string> users() {
    return clickhouse_.strings(
        fmt::format("SELECT toString(id) FROM default.users WHERE project_id = '{}' ORDER BY 1", tenant_.project));
  }

  test::SourceDatabase source_;
  test::ClickHouse clickhouse_;
  test::Session session_;
  TenantName tenant_{.tenancy = uuid(1), .project = "acme"};

 private:
  test::Service::Params service_params() const {
    test::Service::Params params;
    params.clickhouse = clickhouse_.options();
    return params;
  }

  telemetry::Metrics metrics_;
  std::optional<test::Service> service_;
};

TEST_F(OvertakenTest, NothingIsWrittenWhereTheTenancyIsNoMore) {
  pause();
  session_.run(test::insert_user(tenant_.tenancy, uuid(11)));
  stop();
  work([&] { session_.run(fmt::format(R"(UPDATE "Tenancy" SET "branchId" = 'elsewhere' WHERE id = '{}')", tenant_.tenancy)); });
  EXPECT_EQ(users(), std::vector{uuid(10)});
  EXPECT_EQ(
      number(
          R"(SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL AND "destinationKind" = 'clickhouse')"),
      1)
      << "for where it is now";
}

// Who took its place nobody knows any more, and a tombstone may have a higher id than the next tenancy's row of the same key. Found by the fault test under ThreadSanitizer.
TEST_F(OvertakenTest, AForgottenTenancyDeletesNothingOfItsSuccessor) {
  pause();
  const TenantName next{.tenancy = uuid(9), .project = tenant_.project};
  session_.run(fmt::format(R"(DELETE FROM "Tenancy" WHERE id = '{}')", tenant_.tenancy) + ";" +
               test::insert_tenancy(next.tenancy, next.project) + test::insert_user(next.tenancy, uuid(10)));
  wait_until_equal(session_, next, clickhouse_);
  stop();
  session_.run(R"(UPDATE "DeletedRow" SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false)");
  work([&] { session_.run("DELETE FROM tributary.deleted_tenancy"); });
  EXPECT_EQ(test::clickhouse_difference(session_, next, clickhouse_), "");
}

// It goes between what was read and the look whether anything is left: its tombstone has no id yet, and nobody would deliver it.
TEST_F(OvertakenTest, ARowThatOutlivesItsTenancyForAWhileLeavesItsPlace) {
  pause();
  session_.run(R"(SET session_replication_role = replica; DELETE FROM "Tenancy"; RESET session_replication_role)");
  stop();
  work([&] {
    const auto has_read = number(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'overtaken' AND datname = current_database() AND query = "
        "'COMMIT'");
    if (has_read > 0) session_.run(R"(DELETE FROM "ProjectUser")");
  });
  EXPECT_EQ(number(R"(SELECT count(*) FROM "ProjectUser")"), 0) << "it went while the worker was seen to have read";
  EXPECT_EQ(number("SELECT count(*) FROM tributary.deleted_tenancy"), 0);
  EXPECT_EQ(session_.value("SELECT string_agg(project_id, ',') FROM tributary.left_place"), tenant_.project);
}

}  // namespace
}  // namespace tributary::sync
