#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/process.hpp"
#include "support/source.hpp"

namespace tributary::test {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define TRIBUTARY_SANITIZED
#endif
#endif

constexpr long kMiB = 1024;

/// Peak resident memory of `tributary sync --once` for a backlog of so many users of one tenancy, in KiB.
long peak_of_a_backlog(int users) {
  const SourceDatabase source;
  const Database customer("customer");
  auto session = source.session();
  session.run(insert_project(
                  "p", fmt::format(R"({{"dbSync.externalDatabases": {{"d": {{"type": "postgres", "connectionString": "{}"}}}}}})",
                                   customer.uri())) +
              insert_tenancy(uuid(1), "p"));
  session.run(fmt::format(R"sql(
    INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName", "clientMetadata", "serverMetadata")
    SELECT '{}', gen_random_uuid(), 'p', 'user ' || i, jsonb_build_object('text', repeat('x', 100)), jsonb_build_object('n', i)
    FROM generate_series(1, {}) AS i)sql",
                          uuid(1), users));
  // One batch may hold everything: what bounds memory is that it is passed on in chunks.
  Process sync(TRIBUTARY_BINARY, {"sync", "--once", "--no-progress"},
               {{"TRIBUTARY_SOURCE_URL", source.uri()},
                {"TRIBUTARY_CLICKHOUSE_USE", "none"},
                {"TRIBUTARY_LOG_LEVEL", "warning"},
                {"TRIBUTARY_SYNC_LOAD_ROWS", "1000000"},
                {"TRIBUTARY_SYNC_LOAD_TIME", "60s"}});
  const auto end = sync.wait();
  EXPECT_EQ(end.status, 0);
  EXPECT_EQ(customer.session().number("SELECT count(*) FROM public.users"), users);
  return end.largest_resident_kib;
}

// Invariant 8.
TEST(Memory, IsBoundedWhateverTheBacklog) {
#ifdef TRIBUTARY_SANITIZED
  GTEST_SKIP() << "a sanitizer's own memory is measured instead";
#endif
  const auto small = peak_of_a_backlog(10'000);
  const auto large = peak_of_a_backlog(100'000);
  RecordProperty("small_kib", static_cast<int>(small));
  RecordProperty("large_kib", static_cast<int>(large));
  EXPECT_LT(large, 150 * kMiB);
  EXPECT_LT(large - small, 8 * kMiB) << "from " << small << " KiB to " << large << " KiB";
}

}  // namespace
}  // namespace tributary::test
