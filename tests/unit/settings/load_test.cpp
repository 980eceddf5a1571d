#include "settings/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tributary::settings {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

Sources from_file(std::string yaml) { return {.file = Sources::File{"t.yaml", std::move(yaml)}, .environment = {}, .flags = {}}; }

std::vector<std::string> problems(const Loaded& loaded) {
  std::vector<std::string> texts;
  for (const auto& problem : loaded.problems) texts.push_back(problem.to_string());
  return texts;
}

TEST(Settings, AreTheirDefaultsWhereNothingIsSaid) {
  for (const auto* yaml : {"", "# nothing\n", "sync:\n", "{}"}) {
    const auto loaded = load(from_file(yaml));
    EXPECT_THAT(problems(loaded), IsEmpty()) << yaml;
    EXPECT_EQ(loaded.settings.sync.load_rows, Settings{}.sync.load_rows);
  }
}

TEST(Settings, OfEveryTypeAreReadFromYaml) {
  const auto loaded = load(from_file(R"(
source: {url: "postgresql://me@there/app", pool: 3}
sync:
  retry_longest: 2min
  load_chunk: 1MiB
log:
  level: debug
  format: json
threads: 4
)"));
  ASSERT_THAT(problems(loaded), IsEmpty());
  EXPECT_EQ(loaded.settings.source.url, "postgresql://me@there/app");
  EXPECT_EQ(loaded.settings.source.pool, 3);
  EXPECT_EQ(loaded.settings.sync.retry_longest, 2min);
  EXPECT_EQ(loaded.settings.sync.load_chunk.count, 1'048'576);
  EXPECT_EQ(loaded.settings.log.level, telemetry::Level::debug);
  EXPECT_EQ(loaded.settings.log.format, telemetry::LogFormat::json);
  EXPECT_EQ(loaded.settings.threads, 4);
}

TEST(Settings, FlagsWinOverEnvironmentAndThatOverTheFile) {
  auto sources = from_file("sync: {load_rows: 1, small_rows: 2, parallel_loads: 3}");
  sources.environment = {{"TRIBUTARY_SYNC_LOAD_ROWS", "10"}, {"TRIBUTARY_SYNC_SMALL_ROWS", "20"}, {"HOME", "/"}};
  sources.flags = {{"--set sync.load_rows", "sync.load_rows", "100"}};
  const auto loaded = load(sources);
  ASSERT_THAT(problems(loaded), IsEmpty());
  EXPECT_EQ(loaded.settings.sync.load_rows, 100);
  EXPECT_EQ(loaded.settings.sync.small_rows, 20);
  EXPECT_EQ(loaded.settings.sync.parallel_loads, 3);
}

TEST(Settings, AllMistakesAreReportedAtOnceWithTheirPlaces) {
  auto sources = from_file(R"(sync:
  load_row: 5
  load_time: fast
  small_rows: [1]
  small_rows: 1
  patience:
sourc: {url: x}
log: loud
threads: 1000
)");
  sources.environment = {
      {"TRIBUTARY_QUEUE_LEASES", "1s"}, {"TRIBUTARY_QUEUE_LEASE", "1"}, {"TRIBUTARY_TEST_POSTGRES", "whatever"}};
  sources.flags = {{"--set", "nonsense.entirely", "1"}, {"--log-level", "log.level", "loud"}};
  EXPECT_THAT(
      problems(load(sources)),
      ElementsAre(
          R"(t.yaml:2:3: there is no setting "sync.load_row"; did you mean "sync.load_rows"?)",
          R"(t.yaml:3:14: "sync.load_time" must be a duration such as 250ms, 10s or 5min, not "fast")",
          R"(t.yaml:4:15: "sync.small_rows" must be a whole number)",
          R"(t.yaml:5:3: "sync.small_rows" stands here a second time)", R"(t.yaml:6:3: "sync.patience" has no value)",
          R"(t.yaml:7:1: there is no setting "sourc"; `tributary settings` lists all)",
          R"(t.yaml:8:6: "log" must be a map of settings)", R"(t.yaml:9:10: "threads" must be 0 to 256, not "1000")",
          R"(TRIBUTARY_QUEUE_LEASE: "queue.lease" must be a duration such as 250ms, 10s or 5min, not "1")",
          R"(TRIBUTARY_QUEUE_LEASES: there is no setting "TRIBUTARY_QUEUE_LEASES"; did you mean "TRIBUTARY_QUEUE_LEASE"?)",
          R"(--set: there is no setting "nonsense.entirely"; `tributary settings` lists all)",
          R"(--log-level: "log.level" must be one of debug, info, warning, error, not "loud")"));
}

TEST(Settings, ThreeLettersAreATypingMistakeAndFourAreNot) {
  EXPECT_THAT(problems(load(from_file("sync:\n  load_r: 1\n  load_: 1\n  load_rowsers: 1\n  load_rowsabcd: 1\n"))),
              ElementsAre(R"(t.yaml:2:3: there is no setting "sync.load_r"; did you mean "sync.load_rows"?)",
                          R"(t.yaml:3:3: there is no setting "sync.load_"; `tributary settings` lists all)",
                          R"(t.yaml:4:3: there is no setting "sync.load_rowsers"; did you mean "sync.load_rows"?)",
                          R"(t.yaml:5:3: there is no setting "sync.load_rowsabcd"; `tributary settings` lists all)"));
}

TEST(Settings, BrokenYamlNamesItsPlace) {
  const auto loaded = load(from_file("sync:\n  load_rows: [1\n"));
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_THAT(loaded.problems[0].where, testing::StartsWith("t.yaml:"));
  EXPECT_THAT(loaded.problems[0].message, testing::StartsWith("is not YAML"));
  EXPECT_THAT(problems(load(from_file("- a\n- b\n"))), ElementsAre("t.yaml:1:1: must be a map of settings"));
  EXPECT_THAT(problems(load(from_file("[a]: 1\n"))), ElementsAre("t.yaml:1:1: must be the name of a setting"));
}

TEST(Settings, ContradictionsNameWhatWasGiven) {
  EXPECT_THAT(problems(load(from_file("sync:\n  retry_first: 10s\n  retry_longest: 5s\n"))),
              ElementsAre(R"(t.yaml:2:16: "sync.retry_first" must not be longer than "sync.retry_longest")"));
  EXPECT_THAT(problems(load(from_file("sequencer: {rows_per_batch: 10}"))),
              ElementsAre(R"(t.yaml:1:29: "sequencer.rows_per_tenancy" must not be more than "sequencer.rows_per_batch")"));
}

TEST(Settings, APasswordIsNeverRepeated) {
  const auto loaded = load(from_file("source: {url: [\"postgresql://me:secret@there/app\"]}"));
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_THAT(loaded.problems[0].to_string(), testing::Not(testing::HasSubstr("secret")));
}

TEST(Settings, AListIsASequenceInYamlAndHasCommasElsewhere) {
  const std::vector<std::string> expected{"10.0.0.0/8", "fd00::/8"};
  const auto from_yaml = load(from_file("destinations:\n  allow_networks: [10.0.0.0/8, 'fd00::/8']\n"));
  EXPECT_TRUE(from_yaml.problems.empty());
  EXPECT_EQ(from_yaml.settings.destinations.allow_networks, expected);
  const auto flag = [](const char* value) {
    return load({.file = std::nullopt, .environment = {}, .flags = {{"--set", "destinations.allow_networks", value}}});
  };
  const auto from_flag = flag(" 10.0.0.0/8 ,fd00::/8");
  EXPECT_EQ(from_flag.settings.destinations.allow_networks, expected);
  EXPECT_TRUE(flag("").settings.destinations.allow_networks.empty());
  EXPECT_EQ(flag("a,,b").problems.size(), 1U);
  EXPECT_EQ(flag("a,").problems.size(), 1U);
  const auto nested = load(from_file("destinations: {allow_networks: [{a: b}]}"));
  EXPECT_THAT(nested.problems.at(0).to_string(), testing::HasSubstr("t.yaml:1:"));
}

}  // namespace
}  // namespace tributary::settings
