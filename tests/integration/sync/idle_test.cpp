#include "fixture.hpp"

namespace tributary::sync {
namespace {

constexpr int kTenancies = 2'000;
constexpr int kLooks = 20;

// Tuples read of any table but the fusebox and our own installation row, each of which is one row.
constexpr std::string_view kTuplesRead = R"sql(
SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)
FROM pg_stat_user_tables
WHERE relname NOT IN ('ExternalDbSyncMetadata', 'installation'))sql";
// A server's process tells its counts before it leaves this list.
constexpr std::string_view kOtherSessions = R"sql(
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())sql";

/// What each part of the service does over and over while nothing happens.
void look_around(const test::Database& source) {
  test::run([&]() -> asio::awaitable<void> {
    const auto deadline = Deadline::after(std::chrono::seconds(50));
    auto connection = co_await postgres::Connection::open(queue::session_settings(source.options()), deadline);
    const auto installation = co_await source::attach(connection, test::builtin_mappings(), deadline);
    postgres::Pool pool(co_await asio::this_coro::executor, sequencer::Sequencer::session_settings(source.options()),
                        {.max_connections = 3});
    telemetry::Metrics metrics;
    sequencer::Sequencer sequencer(pool, installation, test::builtin_mappings(), {}, metrics, [](std::uint64_t) {});
    for (int i = 0; i < kLooks; ++i) {
      const auto pass = co_await sequencer.pass({});
      EXPECT_EQ(pass.rows, 0U);
      EXPECT_TRUE((co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), std::chrono::seconds(10),
                                         32, deadline))
                      .empty());
      EXPECT_EQ(
          co_await queue::revive(connection, queue::DestinationKind::postgres, std::chrono::seconds(10), 5000, {}, deadline), 0U);
    }
    pool.close();
  });
}

// Invariant 9.
TEST_F(SyncTest, IdleCostsNothing) {
  session_.run(fmt::format(R"sql(
    INSERT INTO "Project" (id) SELECT 'p' || i FROM generate_series(1, {0}) AS i;
    INSERT INTO "Tenancy" ("projectId", "hasNoOrganization") SELECT 'p' || i, 'TRUE' FROM generate_series(1, {0}) AS i;
    INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId") SELECT id, gen_random_uuid(), id FROM "Tenancy")sql",
                           kTenancies));
  {
    test::Service service(source_);
    test::wait_until_numbered(session_);
    wait_until([&] { return session_.number(R"(SELECT count(*) FROM "OutgoingRequest")") == 0; }, "the queue is empty");
  }
  session_.run("VACUUM ANALYZE");
  look_around(source_);  // the first look at anything fills caches

  session_.run("SET stats_fetch_consistency = none");
  const auto all_is_counted = [&] {
    session_.run("SELECT pg_stat_force_next_flush()");
    return session_.number(std::string(kOtherSessions)) == 0;
  };
  wait_until(all_is_counted, "what came before is counted");
  session_.run("SELECT pg_stat_reset()");
  look_around(source_);
  wait_until(all_is_counted, "the looks are counted");
  EXPECT_EQ(session_.number(std::string(kTuplesRead)), 0);
}

}  // namespace
}  // namespace tributary::sync
