// The sequencer's plans are index scans whatever the statistics say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "sequencer/shards.hpp"
#include "sequencer/sql.hpp"
#include "sequencing.hpp"

using namespace tributary;
using namespace tributary::test;

namespace {

constexpr auto kAnyShard = "'00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '0'";

class Plan : public testing::Test {
 protected:
  Plan() : session(sequencer::Sequencer::session_settings(database.options()).to_string()) {
    const auto mappings = builtin_mappings();
    session.run("PREPARE look (uuid[], uuid[], bigint) AS " + sequencer::look_sql(mappings));
    session.run("PREPARE sequence (uuid[], uuid, uuid, text, bigint) AS " + sequencer::sequencing_sql(mappings));
    session.run("PREPARE waiting (uuid[], uuid, uuid, text) AS " + sequencer::waiting_sql(mappings));
  }

  std::string explain(const std::string& execute) {
    std::string plan;
    for (const auto& row : session.rows("EXPLAIN (COSTS off) EXECUTE " + execute)) plan += row[0].value() + "\n";
    return plan;
  }

  void expect_index_scans() {
    const auto plans = explain(std::string("sequence (ARRAY[gen_random_uuid()], ") + kAnyShard + ", 100)") +
                       explain("look (ARRAY[gen_random_uuid()], ARRAY[gen_random_uuid()], 32)") +
                       explain(std::string("waiting (ARRAY[gen_random_uuid()], ") + kAnyShard + ")");
    for (const auto* never : {"Hash Join", "Hash Anti", "Merge Join", "Bitmap", "Materialize", "Join Filter"})
      EXPECT_EQ(plans.find(never), std::string::npos) << never;
    const std::regex scan(R"((Seq Scan|Tid Scan|Index Scan using|Index Only Scan using) (?:on )?("?\w+"?)(?: on ("?\w+"?))?)");
    int scans = 0;
    for (std::sregex_iterator found(plans.begin(), plans.end(), scan), end; found != end; ++found, ++scans) {
      if ((*found)[1] == "Seq Scan") {
        EXPECT_THAT((*found)[2].str(), testing::ContainsRegex("^(\"ExternalDbSyncMetadata\"|installation)$"));  // of one row
      } else if ((*found)[1] != "Tid Scan") {
        EXPECT_THAT((*found)[2].str(), testing::ContainsRegex("tributary_flagged|pkey|tributary_target_key|marker_tenancy_idx"));
      }
    }
    EXPECT_GT(scans, 30);
  }

  void fill(int rows) {
    session.run(insert_project("p") + insert_tenancy(uuid(1), "p"));
    session.run(R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId") SELECT ')" + uuid(1) +
                "', gen_random_uuid(), 'p' FROM generate_series(1, " + std::to_string(rows) + ")");
    session.run(
        R"(INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", value) SELECT "tenancyId", "projectUserId", 'x' FROM "ProjectUser")");
  }

  SourceDatabase database;
  Session session;
};

}  // namespace

TEST_F(Plan, OfEmptyTablesWithoutStatistics) { expect_index_scans(); }

TEST_F(Plan, WhenStatisticsSayThatEverythingIsFlagged) {
  fill(20'000);
  session.run("ANALYZE");
  expect_index_scans();
}

TEST_F(Plan, WhenStatisticsSayThatNothingIsFlagged) {
  fill(20'000);
  sequence_all(database);
  session.run("VACUUM ANALYZE");
  expect_index_scans();
}

TEST_F(Plan, WhenStatisticsAreOfATableThatWasEmpty) {
  session.run("ANALYZE");
  fill(20'000);
  expect_index_scans();
}

TEST(Shards, PartTheWholeSpaceWithoutGapOrOverlap) {
  for (const int shards : {1, 2, 3, 7, 8, 1000}) {
    Uuid expected{};
    for (int i = 0; i < shards; ++i) {
      const auto range = sequencer::shard_range(i, shards);
      EXPECT_EQ(range.first, expected);
      EXPECT_EQ(sequencer::shard_of(range.first, shards), i);
      EXPECT_EQ(sequencer::shard_of(range.last, shards), i);
      expected = sequencer::successor(range.last);
    }
    EXPECT_EQ(expected.to_string(), "ffffffff-ffff-ffff-ffff-ffffffffffff");
  }
}
