#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <random>
#include <thread>

#include "support/compare.hpp"
#include "support/process.hpp"
#include "support/source.hpp"

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kSequencers = 4;
constexpr unsigned kWriters = 3;
constexpr int kTenancies = 1'000;
constexpr auto kTime = 20s;

constexpr std::string_view kSource = R"sql(
INSERT INTO "Project" (id) SELECT 'p' || i FROM generate_series(1, {0}) AS i;
INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization") SELECT gen_random_uuid(), 'p' || i, 'TRUE' FROM generate_series(1, {0}) AS i;
INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId")
SELECT id, gen_random_uuid(), id FROM "Tenancy", generate_series(1, 5);

-- Every second transaction that gives ids stands still for up to 20 ms between giving them and its commit.
CREATE FUNCTION delay_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('test.delayed', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
    PERFORM set_config('test.delayed', pg_current_xact_id()::text, true);
    PERFORM pg_sleep(greatest(0, random() - 0.5) * 0.04);
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER delay_commit AFTER INSERT OR UPDATE ON "OutgoingRequest"
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION delay_commit())sql";

constexpr std::string_view kWrite = R"sql(
UPDATE "ProjectUser" SET "displayName" = gen_random_uuid()
WHERE "tenancyId" IN (SELECT id FROM "Tenancy" ORDER BY id OFFSET {} LIMIT {}))sql";

// A reader as the sync engine is one: it reads past the highest id that it has seen of a tenancy, in one snapshot, and never looks back.
constexpr std::string_view kReader = R"sql(
CREATE TEMP TABLE seen (tenancy uuid, id uuid, sequence_id bigint);
CREATE TEMP TABLE mark AS SELECT id AS tenancy, -1::bigint AS sequence_id FROM "Tenancy")sql";
constexpr std::string_view kRead = R"sql(
WITH fresh AS (
  INSERT INTO seen
  SELECT u."tenancyId", u."projectUserId", u."sequenceId"
  FROM mark AS m JOIN "ProjectUser" AS u ON u."tenancyId" = m.tenancy AND u."sequenceId" > m.sequence_id
  RETURNING *)
UPDATE mark AS m SET sequence_id = f.highest
FROM (SELECT tenancy, max(sequence_id) AS highest FROM fresh GROUP BY tenancy) AS f
WHERE f.tenancy = m.tenancy)sql";
constexpr std::string_view kMissed = R"sql(
SELECT count(*) FROM "ProjectUser" AS u
WHERE NOT EXISTS (SELECT FROM seen AS s WHERE s.tenancy = u."tenancyId" AND s.id = u."projectUserId" AND s.sequence_id = u."sequenceId"))sql";
constexpr std::string_view kFlagged = R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")";

// Invariant 1.
TEST(Order, FourRacingSequencersNeverMakeAReaderMissARow) {
  const SourceDatabase source;
  auto session = source.session();
  session.run(fmt::format(fmt::runtime(kSource), kTenancies));
  std::deque<Process> sequencers;
  while (sequencers.size() < kSequencers) {
    sequencers.emplace_back(TRIBUTARY_BINARY, std::vector<std::string>{"serve", "--roles", "sequencer"},
                            Process::Environment{{"TRIBUTARY_SOURCE_URL", source.uri()},
                                                 {"TRIBUTARY_CLICKHOUSE_USE", "none"},
                                                 {"TRIBUTARY_LOG_LEVEL", "error"},
                                                 {"TRIBUTARY_SEQUENCER_ROWS_PER_BATCH", "50"},
                                                 {"TRIBUTARY_SEQUENCER_ROWS_PER_TENANCY", "50"},
                                                 {"TRIBUTARY_SEQUENCER_PARALLEL_SHARDS", "4"}});
  }
  std::atomic<bool> stop{false};
  std::vector<std::jthread> writers;
  for (unsigned i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] {
      std::mt19937_64 random(i);
      auto writer = source.session();
      writer.run("SET lock_timeout = '1s'");
      while (!stop) writer.attempt(fmt::format(fmt::runtime(kWrite), random() % kTenancies, 1 + random() % 20));
    });
  }

  auto reader = source.session();
  reader.run(std::string(kReader));
  int reads = 0;
  for (const auto end = std::chrono::steady_clock::now() + kTime; std::chrono::steady_clock::now() < end; ++reads)
    reader.run(std::string(kRead));
  stop = true;
  writers.clear();
  wait_until([&] { return session.number(std::string(kFlagged)) == 0; }, "everything is numbered", 120s);
  reader.run(std::string(kRead));
  std::printf("%d reads of %s ids\n", reads, reader.value("SELECT count(*) FROM seen").c_str());
  reader.run("CREATE INDEX ON seen (tenancy, id, sequence_id)");
  EXPECT_EQ(reader.number(std::string(kMissed)), 0);
}

}  // namespace
}  // namespace tributary::test
