#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include "base/uuid.hpp"
#include "fixture.hpp"

/// What a command says to bad input, and with which status.
namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class CliInput : public Cli {
 protected:
  CliInput() { std::filesystem::create_directories(folder_); }
  ~CliInput() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::ofstream(path) << text;
    return path;
  }

  const std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("tributary-cli-" + Uuid::random().to_string());
};

TEST_F(CliInput, EachSubcommandExplainsItself) {
  const auto top = run_binary({"--help"});
  EXPECT_EQ(top.status, 0);
  for (const auto* name :
       {"demo",   "migrate", "serve",       "sync",    "status",     "top",   "retry",   "pause",    "resume",  "verify",
        "resync", "project", "destination", "mapping", "clickhouse", "query", "secrets", "settings", "metrics", "version"}) {
    EXPECT_THAT(top.out, HasSubstr(std::string("\n  ") + name)) << name;
    const auto help = run_binary({name, "--help"});
    EXPECT_EQ(help.status, 0) << name;
    EXPECT_THAT(help.out, HasSubstr("Usage: tributary " + std::string(name))) << name;
  }
}

/// Words of a line `key=…` of the systemd unit.
std::vector<std::string> words_of(const std::string& key) {
  std::ifstream unit(TRIBUTARY_SOURCE_DIR "/deploy/systemd/tributary.service");
  for (std::string line; std::getline(unit, line);) {
    if (!line.starts_with(key + '=')) continue;
    std::istringstream text(line.substr(key.size() + 1));
    return {std::istream_iterator<std::string>(text), {}};
  }
  throw std::runtime_error("the unit has no " + key);
}

// Flags that parse, settings that are read, and then that there is no source: one that is missing is told last.
TEST_F(CliInput, TheSystemdUnitsCommandsAreOurs) {
  const auto config = file("tributary.yaml", "sync:\n  load_rows: 1000\n");
  for (const auto* key : {"ExecStartPre", "ExecStart"}) {
    auto words = words_of(key);
    ASSERT_EQ(words.at(0), "/usr/local/bin/tributary");
    words.erase(words.begin());
    std::ranges::replace(words, "/etc/tributary/tributary.yaml", config);
    const auto finished = run_binary(words);
    EXPECT_EQ(finished.status, 2) << key;
    EXPECT_THAT(finished.err, AllOf(HasSubstr("TRIBUTARY_SOURCE_URL"), Not(HasSubstr("Usage")))) << key;
  }
}

TEST_F(CliInput, SystemdFindsNothingWrongWithTheUnit) {
  if (std::system("command -v systemd-analyze >/dev/null") != 0) GTEST_SKIP() << "systemd is not installed";
  std::ifstream unit(TRIBUTARY_SOURCE_DIR "/deploy/systemd/tributary.service");
  const std::string text{std::istreambuf_iterator<char>(unit), {}};
  const auto here = file("tributary.service", std::regex_replace(text, std::regex("/usr/local/bin/tributary"), TRIBUTARY_BINARY));
  const auto said = file("said", "");
  std::system(("systemd-analyze verify " + here + " >" + said + " 2>&1").c_str());
  std::ifstream answer(said);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(answer), {}), "");
}

TEST_F(CliInput, VersionAndSettingsNeedNoSource) {
  EXPECT_THAT(run_binary({"version"}).out, testing::StartsWith("tributary 0."));
  EXPECT_THAT(run_binary({"settings"}).out, HasSubstr("sync.load_rows"));
}

TEST_F(CliInput, AWrongFlagIsBadInput) {
  EXPECT_EQ(run_binary({}).status, 2);
  EXPECT_EQ(run_binary({"nonsense"}).status, 2);
  EXPECT_EQ(run_binary({"status", "--nonsense"}).status, 2);
  EXPECT_EQ(run_binary({"serve", "--roles", "nonsense"}).status, 2);
  EXPECT_EQ(run_binary({"sync"}).status, 2);
}

TEST_F(CliInput, EveryMistakeOfTheSettingsIsNamedWithItsPlace) {
  const auto config = file("settings.yaml", "sync:\n  load_row: 5\n  load_time: fast\n");
  const auto finished = run_binary({"status", "--config", config, "--set", "queue.lease=5"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(
      finished.err,
      AllOf(HasSubstr("settings.yaml:2:3: there is no setting \"sync.load_row\"; did you mean \"sync.load_rows\"?"),
            HasSubstr("settings.yaml:3:14: \"sync.load_time\" must be a duration"), HasSubstr("--set: \"queue.lease\" must be")));
}

TEST_F(CliInput, ASettingsFileThatIsNotThereIsBadInput) {
  const auto finished = run_binary({"status", "--config", folder_ / "nothing.yaml"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, HasSubstr("nothing.yaml"));
}

TEST_F(CliInput, WithoutASourceACommandSaysWhereToPutOne) {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"status"}, {"serve"}, {"sync", "--once"}, {"migrate"}, {"project", "list"}}) {
    const auto finished = run_binary(arguments);
    EXPECT_EQ(finished.status, 2) << arguments[0];
    EXPECT_THAT(finished.err, AllOf(HasSubstr("--source"), HasSubstr("TRIBUTARY_SOURCE_URL"))) << arguments[0];
  }
}

TEST_F(CliInput, MigrateWarnsOfATableThatASubscriptionWrites) {
  Database publisher("cli_publisher");
  publisher.session().run(
      R"(CREATE TABLE public."Team" (id uuid PRIMARY KEY); CREATE PUBLICATION teams FOR TABLE public."Team")");
  EXPECT_THAT(done({"migrate"}).err, Not(HasSubstr("subscription")));
  auto session = source_.session();
  session.run("CREATE SUBSCRIPTION from_afar CONNECTION '" + publisher.uri() +
              "' PUBLICATION teams WITH (enabled = false, create_slot = false, copy_data = false)");
  const auto warned = done({"migrate"});
  session.run("ALTER SUBSCRIPTION from_afar SET (slot_name = NONE); DROP SUBSCRIPTION from_afar");
  EXPECT_THAT(warned.err, AllOf(HasSubstr("logical replication writes a mapped table"), HasSubstr("Team"), HasSubstr("from_afar"),
                                HasSubstr("what_to_do")));
}

TEST_F(CliInput, AnUnreachableSourceIsNamedWithoutItsPassword) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"status"}, {"serve"}, {"sync", "--once"}, {"migrate"}}) {
    auto with_source = arguments;
    with_source.insert(with_source.end(), {"--source", nowhere()});
    const auto finished = run_binary(with_source);
    EXPECT_EQ(finished.status, 1) << arguments[0];
    EXPECT_THAT(finished.err, AllOf(HasSubstr("cannot connect to the source"), HasSubstr("127.0.0.1"), Not(HasSubstr("secret"))))
        << arguments[0];
  }
}

TEST_F(CliInput, ASourceThatIsNotMigratedSaysWhatToRun) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{"status"}, {"serve"}, {"sync", "--once"}}) {
    const auto finished = tributary(arguments);
    EXPECT_EQ(finished.status, 1) << arguments[0];
    EXPECT_THAT(finished.err, HasSubstr("tributary migrate")) << arguments[0];
  }
}

TEST_F(CliInput, ABadMappingIsRefusedBeforeAnythingIsDone) {
  file("broken.yaml",
       "mapping: broken\nsource: {table: T, tenancy: tenancyId, key: [tenancyId, id]}\ntarget: {table: t, key: [id]}\n"
       "columns:\n  - {name: id, type: varchar, from: id}\n");
  const auto finished = tributary({"migrate", "--mappings", folder_});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, AllOf(HasSubstr("broken.yaml:5:"), HasSubstr("varchar")));
  EXPECT_EQ(source_.session().value("SELECT to_regnamespace('tributary') IS NULL"), "t");

  const auto checked = run_binary({"mapping", "check", folder_ / "broken.yaml"});
  EXPECT_EQ(checked.status, 2);
  EXPECT_THAT(checked.err, HasSubstr("broken.yaml:5:"));
}

TEST_F(CliInput, MappingsAreCheckedAgainstTheSource) {
  migrate();
  EXPECT_THAT(done({"mapping", "check", "--against-source"}).out, HasSubstr("contact_channels"));
  source_.session().run(R"(ALTER TABLE "Team" RENAME COLUMN "displayName" TO title)");
  const auto finished = tributary({"mapping", "check", "--against-source"});
  EXPECT_EQ(finished.status, 2);
  EXPECT_THAT(finished.err, AllOf(HasSubstr("displayName"), HasSubstr("Team")));
}

TEST_F(CliInput, SqlOfAMappingIsShown) {
  const auto shown = run_binary({"mapping", "show-sql", "teams"});
  EXPECT_EQ(shown.status, 0);
  EXPECT_THAT(shown.out,
              AllOf(HasSubstr("CREATE TABLE"), HasSubstr("\"Team\""), HasSubstr("ON CONFLICT"), HasSubstr("_stack_sync_metadata"),
                    HasSubstr("ENGINE = ReplacingMergeTree"), HasSubstr("CREATE OR REPLACE VIEW")));
  EXPECT_EQ(run_binary({"mapping", "show-sql", "nonsense"}).status, 2);
}

TEST_F(CliInput, TheStatementsForClickHouseArePrintedForEachKindOfServer) {
  const auto server = run_binary({"clickhouse", "migrate", "--print", "--password-sha256", std::string(64, 'a')});
  EXPECT_EQ(server.status, 0);
  EXPECT_THAT(server.out, AllOf(HasSubstr("ENGINE = ReplacingMergeTree("), HasSubstr("BY '" + std::string(64, 'a') + "'"),
                                HasSubstr("CREATE ROW POLICY"), Not(HasSubstr("ON CLUSTER"))));
  const auto cluster = run_binary({"clickhouse", "migrate", "--print", "--cluster", "c"});
  EXPECT_THAT(cluster.out, AllOf(HasSubstr("ON CLUSTER `c`"), HasSubstr("ENGINE = ReplicatedReplacingMergeTree("),
                                 HasSubstr("BY '<SHA-256 of the password, 64 hexadecimal digits>'")));
  const auto embedded = run_binary({"clickhouse", "migrate", "--print", "--embedded"});
  EXPECT_THAT(embedded.out, AllOf(HasSubstr("DEFINER = `admin`"), Not(HasSubstr("CREATE USER")), Not(HasSubstr("POLICY"))));
}

TEST_F(CliInput, TheStatementsForClickHouseArePrintedAsJson) {
  const auto printed = json_of(run_binary({"clickhouse", "migrate", "--print", "--embedded", "--json"}));
  EXPECT_EQ(printed.at("steps").at(0).at("version"), 1);
  EXPECT_THAT(std::string(printed.at("steps").at(1).at("statements").at(0).as_string()), HasSubstr("CREATE TABLE"));
  EXPECT_THAT(std::string(printed.at("users").at("tenants").as_string()), HasSubstr("<filter>"));
}

TEST_F(CliInput, AClickHouseThatCannotBeMeantIsBadInput) {
  const auto applied = run_binary({"clickhouse", "migrate"});
  EXPECT_EQ(applied.status, 2);
  EXPECT_THAT(applied.err, HasSubstr("--print"));
  EXPECT_EQ(run_binary({"clickhouse", "migrate", "--print", "--embedded", "--cluster", "c"}).status, 2);
  EXPECT_EQ(run_binary({"clickhouse", "migrate", "--print", "--password-sha256", "secret"}).status, 2);
}

}  // namespace
}  // namespace tributary::test
