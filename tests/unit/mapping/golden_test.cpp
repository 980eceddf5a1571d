#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <sstream>
#include <vector>

#include "built_in.hpp"
#include "mapping/clickhouse_plan.hpp"
#include "mapping/compare_sql.hpp"
#include "mapping/sql.hpp"

// The SQL of the built-in mappings, text by text, in tests/unit/mapping/golden. After a change that is meant:
// TRIBUTARY_UPDATE_GOLDEN=1 build/debug/tests/unit_mapping, and read the diff.

namespace tributary::mapping {
namespace {

std::string script(const std::vector<std::string>& statements) {
  std::string text;
  for (const auto& statement : statements) text += statement + ";\n";
  return text;
}

std::string compare_script(const Mapping& mapping, CompareOptions options) {
  const auto columns = column_digests_sql(mapping, options);
  const auto checksums = checksums_sql(mapping, options);
  options.interval = {true, true};
  return script({boundaries_sql(mapping, options), checksums, digests_sql(mapping, options), columns});
}

struct Kind {
  std::string name;
  std::function<std::string(const Mapping&)> generate;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"fetch", [](const Mapping& m) { return fetch_sql(m, {.tenancy = "$1", .after = "$2", .limit = "$3"}) + ";\n"; }},
      {"fetch_whole",
       [](const Mapping& m) {
         const FetchArguments range{.tenancy = "$1", .after = "$2", .limit = "$3"};
         return fetch_whole_sql(m, range, DestinationKind::clickhouse) + ";\n" + count_changes_sql(m, range) + ";\n";
       }},
      {"fetch_keys", [](const Mapping& m) { return fetch_keys_sql(m) + ";\n"; }},
      {"has_unsequenced", [](const Mapping& m) { return has_unsequenced_sql(m) + ";\n"; }},
      {"compare_source", [](const Mapping& m) { return compare_script(m, {.side = Side::source}); }},
      {"compare_source_for_clickhouse",
       [](const Mapping& m) {
         return compare_script(m, {.side = Side::source, .kind = DestinationKind::clickhouse, .digest = Digest::md5});
       }},
      {"compare_destination", [](const Mapping& m) { return compare_script(m, {.side = Side::destination}); }},
      {"compare_clickhouse",
       [](const Mapping& m) {
         constexpr Interval kBoth{true, true};
         return script({clickhouse::boundaries_sql(m, kBoth), clickhouse::checksums_sql(m, {}), clickhouse::digests_sql(m, kBoth),
                        clickhouse::column_digests_sql(m)});
       }},
      {"repair",
       [](const Mapping& m) {
         return script({last_sequence_id_sql(m), remembers_sql(m), flag_rows_sql(m), flag_free_rows_sql(m),
                        insert_tombstones_sql(m), collect_tombstones_sql({&m, 1})});
       }},
      {"create_target", [](const Mapping& m) { return script(create_target_sql(m)); }},
      {"copy_target", [](const Mapping& m) { return copy_target_sql(m) + ";\n"; }},
      {"stage", [](const Mapping& m) { return script({create_stage_sql(m), copy_stage_sql(m)}); }},
      {"merge_stage", [](const Mapping& m) { return script({delete_from_stage_sql(m), upsert_from_stage_sql(m)}); }},
      {"clickhouse",
       [](const Mapping& m) {
         return script({clickhouse::insert_sql(m), clickhouse::newest_rows_sql(std::vector{&m})}) +
                script(clickhouse::clean_up_sql(m, std::chrono::hours(24)));
       }},
      {"merge_arrays", [](const Mapping& m) { return script({delete_arrays_sql(m), upsert_arrays_sql(m)}); }},
  };
  return all;
}

/// Everything that an empty ClickHouse gets.
std::string schema(const clickhouse::Options& options, const clickhouse::TenantUser* user) {
  std::string text;
  for (const auto& step : clickhouse::plan(built_in_mappings(), options, user, {}).steps) {
    text += "-- " + step.name + '\n' + script(step.statements);
  }
  return text;
}

void expect_golden(const std::string& file_name, const std::string& text) {
  const auto path = std::string(TRIBUTARY_SOURCE_DIR "/tests/unit/mapping/golden/") + file_name;
  if (std::getenv("TRIBUTARY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream file(path);
  ASSERT_TRUE(file) << path << " is missing";
  std::ostringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(golden.str(), text) << path;
}

TEST(Golden, GeneratedSqlIsTheReviewedOne) {
  for (const auto& mapping : built_in_mappings()) {
    for (const auto& kind : kinds()) expect_golden(mapping.name + "." + kind.name + ".sql", kind.generate(mapping));
  }
  const FetchArguments arguments{.tenancy = "$1", .after = "$2", .limit = "$3"};
  expect_golden("users.fetch_clickhouse.sql",
                fetch_sql(built_in_mapping("users"), arguments, DestinationKind::clickhouse) + ";\n");
  expect_golden("metadata.sql", script(create_metadata_sql()));
}

TEST(Golden, TheSchemaOfClickHouseIsTheReviewedOne) {
  const clickhouse::TenantUser user{.password_sha256 = std::string(64, '0')};
  expect_golden("clickhouse_server.sql", schema({.definer = "tributary"}, &user));
  expect_golden("clickhouse_cluster.sql", schema({.cluster = "analytics"}, &user));
  expect_golden("clickhouse_embedded.sql", schema({.embedded = true}, nullptr));
  expect_golden("clickhouse_metadata.sql", script({clickhouse::insert_metadata_sql(), clickhouse::read_metadata_sql(),
                                                   clickhouse::read_schema_sql(), clickhouse::existing_tables_sql(),
                                                   clickhouse::existing_columns_sql(), clickhouse::existing_view_columns_sql()}));
  expect_golden("clickhouse_embedded_users.xml", clickhouse::embedded_users(built_in_mappings()));
  expect_golden("clickhouse_embedded_setup_users.xml", clickhouse::embedded_setup_users());
}

TEST(Golden, TheSameMappingGivesTheSameText) {
  const auto first = built_in_mappings();
  const auto second = built_in_mappings();
  for (std::size_t i = 0; i < first.size(); ++i) {
    for (const auto& kind : kinds()) EXPECT_EQ(kind.generate(first[i]), kind.generate(second[i])) << kind.name;
  }
}

}  // namespace
}  // namespace tributary::mapping
