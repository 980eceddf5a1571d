#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <thread>

#include "fixture.hpp"
#include "support/clickhouse.hpp"
#include "support/clickhouse_compare.hpp"
#include "verify/clickhouse_side.hpp"
#include "verify/collector.hpp"
#include "verify/mender.hpp"

namespace tributary::verify {
namespace {

using namespace std::chrono_literals;

class VerifyClickHouse : public ::testing::Test {
 protected:
  VerifyClickHouse() : session_(source_.session()) {
    session_.run(test::insert_project("project-1") + test::insert_tenancy(tenancy_, "project-1"));
    session_.run(test::insert_project("project-2") + test::insert_tenancy(uuid(2), "project-2"));
  }

  void add_users(std::string_view tenancy, int count) {
    session_.run(fmt::format(R"sql(
      WITH u AS (
        INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName", "clientMetadata", "signedUpAt",
                                   "restrictedByAdminReason")
        SELECT '{0}', md5(i::text)::uuid, '{0}', nullif('Üser, "🚀' || i, 'Üser, "🚀7'), jsonb_build_object('n', i, 'é', '{{}}'),
               CASE i WHEN 3 THEN '1969-12-31 23:59:59.999'::timestamp WHEN 5 THEN '2024-01-31 12:00:00' WHEN 6 THEN '2024-01-31 12:00:00.5'
                      ELSE now() - i * interval '1 ms' END,
               CASE WHEN i % 2 = 0 THEN '' END
        FROM generate_series(1, {1}) AS i
        RETURNING "projectUserId")
      INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, type, "isPrimary", "usedForAuth", "isVerified", value)
      SELECT '{0}', "projectUserId", gen_random_uuid(), 'EMAIL', 'TRUE', 'TRUE', true, "projectUserId" || '@example.com' FROM u)sql",
                             tenancy, count));
  }
  Finding compare(const std::string& mapping_name, ComparisonParams params = {}, bool repairs = false) {
    Finding finding;
    const auto mappings = test::builtin_mappings();
    const auto& mapping = *std::ranges::find(mappings, mapping_name, &mapping::Mapping::name);
    test::run([&]() -> asio::awaitable<void> {
      const auto deadline = Deadline::after(std::chrono::seconds(50));
      auto source = co_await postgres::Connection::open(source_.options(), deadline);
      co_await prepare_session(source, deadline);
      clickhouse::Client client(co_await asio::this_coro::executor, clickhouse_.options());
      const auto source_side = make_source_side({.connection = source,
                                                 .mapping = mapping,
                                                 .tenancy = *Uuid::parse(tenancy_),
                                                 .kind = mapping::DestinationKind::clickhouse});
      const auto other = make_clickhouse_side({.writer = client, .reader = client}, mapping,
                                              {.tenancy = *Uuid::parse(tenancy_), .project = "project-1", .branch = "main"});
      Comparison comparison(
          *source_side, *other, params,
          [&](std::vector<Difference> found) -> asio::awaitable<void> {
            if (repairs) co_await repair(*source_side, found);
            std::ranges::move(found, std::back_inserter(finding.differences));
          },
          [](const Progress&) -> asio::awaitable<void> { co_return; });
      finding.progress = co_await comparison.run({}, {});
      client.close();
    });
    return finding;
  }

  /// A mender of its own process, from here to the end of its scope.
  class Mending {
   public:
    Mending(const test::SourceDatabase& source, const test::ClickHouse& clickhouse)
        : mappings_(test::builtin_mappings()),
          mender_({.source = source.options(),
                   .destination = test::test_destinations(),
                   .idle_pause = 50ms,
                   .busy_pause = 50ms,
                   .settling = 0ms,
                   .clickhouse = [server = clickhouse.options()] { return ClickHousePlace{server, server, false}; }},
                  mappings_) {
      asio::co_spawn(loop_, mender_.run(stop_.get_token()), asio::detached);
      thread_ = std::jthread([this] { loop_.run(); });
    }
    ~Mending() { stop_.request_stop(); }

   private:
    const std::vector<mapping::Mapping> mappings_;
    asio::io_context loop_{1};
    std::stop_source stop_;
    Mender mender_;
    std::jthread thread_;
  };

  test::SourceDatabase source_;
  test::ClickHouse clickhouse_;
  test::Session session_;
  const std::string tenancy_ = uuid(1);
};

TEST_F(VerifyClickHouse, BothDatabasesDigestEveryValueAlikeAndWhatDiffersIsMended) {
  test::Service::Params params;
  params.clickhouse = clickhouse_.options();
  test::Service service(source_, params);
  add_users(tenancy_, 300);
  add_users(uuid(2), 5);
  for (unsigned i = 1; i <= 3; ++i) {
    session_.run(test::insert_team(tenancy_, uuid(i)));
    session_.run(fmt::format(R"(INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId", "displayName")
                                SELECT '{}', "projectUserId", '{}', nullif("displayName", '') FROM "ProjectUser" WHERE "tenancyId" = '{}')",
                             tenancy_, uuid(i), tenancy_));
  }
  const test::TenantName tenant{.tenancy = tenancy_, .project = "project-1"};
  test::wait_until_equal(session_, tenant, clickhouse_);
  for (const auto* mapping : {"users", "contact_channels", "teams", "team_member_profiles"}) {
    const auto finding = compare(mapping, {.range_rows = 7, .ranges_at_once = 20});
    EXPECT_EQ(finding.progress.differences, 0) << mapping;
    EXPECT_EQ(finding.progress.undecided, 0) << mapping;
  }
  EXPECT_EQ(compare("users").progress.rows, 300);
  // What ClickHouse cannot hold is compared as it is stored there.
  session_.run(
      R"(UPDATE "ProjectUser" SET "signedUpAt" = CASE WHEN "displayName" LIKE '%8' THEN 'infinity' ELSE '1815-12-10'::timestamp END
                  WHERE "displayName" LIKE '%8' OR "displayName" LIKE '%9')");
  EXPECT_EQ(compare("users").progress.differences, 0);
  session_.run(R"(UPDATE "ProjectUser" SET "signedUpAt" = now())");
  test::wait_until_equal(session_, tenant, clickhouse_);

  const std::string of_mine = " WHERE project_id = 'project-1' AND ";
  const auto id = [&](int number) { return session_.value(fmt::format("SELECT md5('{}')::uuid", number)); };
  clickhouse_.run("DELETE FROM analytics_internal.users" + of_mine + "id = '" + id(1) + "'");
  clickhouse_.run("ALTER TABLE analytics_internal.users UPDATE restricted_by_admin_reason = NULL" + of_mine + "id = '" + id(2) +
                  "' SETTINGS mutations_sync = 1");
  clickhouse_.run("INSERT INTO analytics_internal.users (project_id, branch_id, id) VALUES ('project-1', 'main', '" + uuid(77) +
                  "')");
  const auto last_id = session_.value("SELECT last_value FROM global_seq_id");
  const auto finding = compare("users", {.range_rows = 50}, true);
  ASSERT_EQ(finding.differences.size(), 3U);
  const auto of = [&](const std::string& key) { return *std::ranges::find(finding.differences, Key{key}, &Difference::key); };
  EXPECT_EQ(of(id(1)).kind, Difference::Kind::missing);
  EXPECT_EQ(of(id(2)).kind, Difference::Kind::changed);
  EXPECT_EQ(of(id(2)).columns, std::vector<std::size_t>{11});
  EXPECT_EQ(of(uuid(77)).kind, Difference::Kind::extra);
  test::wait_until_equal(session_, tenant, clickhouse_);
  EXPECT_EQ(compare("users").progress.differences, 0);
  for (const auto& [table, again] : {std::pair("ProjectUser", 2), std::pair("DeletedRow", 1), std::pair("ContactChannel", 0)})
    EXPECT_EQ(session_.number(fmt::format(R"(SELECT count(*) FROM "{}" WHERE "sequenceId" > {})", table, last_id)), again)
        << table;
}

TEST_F(VerifyClickHouse, ATableWithAColumnOfAnotherTypeIsNamedInsteadOfEveryRow) {
  test::Service::Params params;
  params.clickhouse = clickhouse_.options();
  test::Service service(source_, params);
  add_users(tenancy_, 10);
  test::wait_until_equal(session_, {.tenancy = tenancy_, .project = "project-1"}, clickhouse_);
  clickhouse_.run("ALTER TABLE analytics_internal.users MODIFY COLUMN display_name LowCardinality(Nullable(String))");
  test::run([&]() -> asio::awaitable<void> {
    clickhouse::Client client(co_await asio::this_coro::executor, clickhouse_.options());
    const Place place{.tenancy = Uuid::parse(tenancy_).value(),
                      .project = "project-1",
                      .branch = "main",
                      .destination = std::string(queue::kSharedClickHouse),
                      .connection_string = {}};
    const ClickHouseAccess access{.writer = client, .reader = client};
    const auto mappings = test::builtin_mappings();
    const auto pair = co_await Pair::open(source_.options(), place, test::test_destinations(), access);
    std::string said;
    try {
      co_await pair->compare(
          *std::ranges::find(mappings, "users", &mapping::Mapping::name), {}, {},
          [](std::vector<Difference>) -> asio::awaitable<void> { co_return; },
          [](const Progress&) -> asio::awaitable<void> { co_return; }, {});
    } catch (const TableDiffers& difference) {
      said = difference.what();
    }
    EXPECT_NE(said.find("analytics_internal.users has column \"display_name\" of type LowCardinality"), std::string::npos)
        << said;
    client.close();
  });
}

TEST_F(VerifyClickHouse, TombstonesStayUntilItHasAppliedThem) {
  const MenderParams params{.source = source_.options(),
                            .destination = test::test_destinations(),
                            .collection = {.every = 1h, .keep = 0s, .longest_wait = 1h},
                            .clickhouse = [server = clickhouse_.options()] { return ClickHousePlace{server, server, false}; }};
  const auto mappings = test::builtin_mappings();
  const auto collect = [&] {
    std::int64_t removed = 0;
    test::run([&]() -> asio::awaitable<void> {
      auto source = co_await postgres::Connection::open(queue::session_settings(source_.options()), Deadline::after(20s));
      removed = co_await Collector(params, mappings).pass(source, {});
    });
    return removed;
  };
  const test::TenantName tenant{.tenancy = tenancy_, .project = "project-1"};
  test::Service::Params with;
  with.clickhouse = clickhouse_.options();
  add_users(tenancy_, 3);
  {
    test::Service service(source_, with);
    test::wait_until_equal(session_, tenant, clickhouse_);
  }
  session_.run(R"(DELETE FROM "ProjectUser" WHERE "projectUserId" = md5('1')::uuid)");
  session_.run(R"(UPDATE "DeletedRow" SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false)");
  EXPECT_EQ(collect(), 0);
  {
    test::Service service(source_, with);
    session_.run("SELECT tributary.enqueue_for(ARRAY['" + tenancy_ + "'::uuid], 'clickhouse')");
    test::wait_until_equal(session_, tenant, clickhouse_);
    wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
  }
  EXPECT_EQ(collect(), 2);
}

// Its rows stand under project and branch, so they must leave one place and appear in the other; and another tenancy may come to the place that it left.
TEST_F(VerifyClickHouse, AMovedTenancyLeavesItsOldPlaceThoughWhoeverClearsItDiesInBetween) {
  test::Service::Params params;
  params.clickhouse = clickhouse_.options();
  test::Service service(source_, params);
  add_users(tenancy_, 20);
  add_users(uuid(2), 5);
  session_.run(test::insert_project("project-3"));
  test::TenantName moved{.tenancy = tenancy_, .project = "project-1"};
  test::wait_until_equal(session_, moved, clickhouse_);
  session_.run(R"(DELETE FROM "ProjectUser" WHERE "displayName" LIKE '%1_')");  // it has tombstones there, too
  test::wait_until_equal(session_, moved, clickhouse_);

  session_.run(R"sql(
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'dies here'; END $$;
    CREATE TRIGGER die BEFORE INSERT ON tributary.mend FOR EACH ROW EXECUTE FUNCTION die())sql");
  session_.run(R"(UPDATE "Tenancy" SET "projectId" = 'project-3' WHERE "projectId" = 'project-1')");
  session_.run(R"(UPDATE "Tenancy" SET "projectId" = 'project-1' WHERE "projectId" = 'project-2')");
  const auto rows_of = [&](const std::string& project) {
    return clickhouse_.strings("SELECT toString(count()) FROM default.users WHERE project_id = '" + project + "'").at(0);
  };
  {
    const Mending dies(source_, clickhouse_);
    wait_until([&] { return rows_of("project-1") == "0"; }, "the place is empty");
  }
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.left_place"), 2);
  session_.run("DROP TRIGGER die ON tributary.mend");

  const Mending goes_on(source_, clickhouse_);
  moved.project = "project-3";
  test::wait_until_equal(session_, moved, clickhouse_);
  const test::TenantName successor{.tenancy = uuid(2), .project = "project-1"};
  test::wait_until_equal(session_, successor, clickhouse_);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.left_place") == 0; }, "nothing is left behind", 120s);
  EXPECT_EQ(rows_of("project-2"), "0");

  // And back, to where it had been, with rows that have not changed since.
  session_.run(R"(UPDATE "Tenancy" SET "projectId" = 'project-2' WHERE "projectId" = 'project-1')");
  session_.run(R"(UPDATE "Tenancy" SET "projectId" = 'project-1' WHERE "projectId" = 'project-3')");
  moved.project = "project-1";
  test::wait_until_equal(session_, moved, clickhouse_);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.left_place") == 0; }, "nothing is left behind", 120s);
  test::wait_until_equal(session_, moved, clickhouse_);
  EXPECT_EQ(rows_of("project-3"), "0");
}

}  // namespace
}  // namespace tributary::verify
