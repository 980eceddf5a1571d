#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <sstream>

#include "mapping/mapping.hpp"
#include "mapping/types.hpp"

// docs/mapping.schema.json and docs/mappings.md say what parse() does: neither more fields nor fewer.

namespace tributary::mapping {
namespace {

using ::testing::UnorderedElementsAreArray;

std::string text_of(const std::string& path) {
  std::ifstream file(TRIBUTARY_SOURCE_DIR "/" + path);
  EXPECT_TRUE(file) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The keys that parse() knows in the map that stands at `{?}` of a document: it lists them when one is not among them.
std::vector<std::string> known_keys(std::string document) {
  document.replace(document.find("{?}"), 3, "{unknown_key: 1}");
  for (const auto& problem : parse(document, "m.yaml").problems) {
    constexpr std::string_view kBefore = "unknown key \"unknown_key\"; one of ";
    const auto at = problem.message.find(kBefore);
    if (at == std::string::npos) continue;
    std::vector<std::string> keys;
    std::istringstream list(problem.message.substr(at + kBefore.size()));
    for (std::string key; std::getline(list >> std::ws, key, ',');) keys.push_back(key);
    return keys;
  }
  ADD_FAILURE() << "no unknown key in " << document;
  return {};
}

std::vector<std::string> keys_of(const YAML::Node& map) {
  std::vector<std::string> keys;
  for (const auto& entry : map) keys.push_back(entry.first.as<std::string>());
  return keys;
}

TEST(Schema, HasTheFieldsThatTheParserKnows) {
  const auto schema = YAML::Load(text_of("docs/mapping.schema.json"));  // JSON is YAML
  const auto definitions = schema["$defs"];
  const std::vector<std::pair<std::string, YAML::Node>> levels{
      {"{?}", schema},
      {"source: {?}", schema["properties"]["source"]},
      {"target: {?}", schema["properties"]["target"]},
      {"columns: [{?}]", definitions["column"]},
      {"columns: [{privacy: {?}}]", definitions["column"]["properties"]["privacy"]},
      {"dependencies: [{?}]", definitions["dependency"]},
  };
  for (const auto& [document, level] : levels) {
    SCOPED_TRACE(document);
    EXPECT_THAT(keys_of(level["properties"]), UnorderedElementsAreArray(known_keys(document)));
    EXPECT_EQ(level["additionalProperties"].as<bool>(), false);
  }
}

TEST(Schema, HasTheTypesThatTheParserKnows) {
  const auto schema = YAML::Load(text_of("docs/mapping.schema.json"));
  std::vector<std::string> names;
  for (const auto& info : all_types()) names.emplace_back(info.name);
  EXPECT_THAT(schema["$defs"]["column"]["properties"]["type"]["enum"].as<std::vector<std::string>>(),
              UnorderedElementsAreArray(names));
}

TEST(Reference, ExplainsEveryFieldAndType) {
  const auto reference = text_of("docs/mappings.md");
  for (const auto* document : {"{?}", "source: {?}", "target: {?}", "columns: [{?}]", "dependencies: [{?}]"}) {
    for (const auto& key : known_keys(document)) {
      EXPECT_NE(reference.find("\n| `" + key + "` |"), std::string::npos) << key;
    }
  }
  for (const auto& info : all_types()) {
    const auto row = "\n| `" + std::string(info.name) + "` | `" + std::string(info.postgres_name) + "` | `" +
                     std::string(info.clickhouse_name) + "` |";
    EXPECT_NE(reference.find(row), std::string::npos) << row;
  }
}

TEST(Reference, ItsExampleIsAMapping) {
  const auto reference = text_of("docs/mappings.md");
  const auto begin = reference.find("```yaml\n") + 8;
  const auto parsed = parse(reference.substr(begin, reference.find("```", begin) - begin), "docs/mappings.md");
  EXPECT_TRUE(parsed.problems.empty()) << parsed.problems.at(0).to_string();
}

}  // namespace
}  // namespace tributary::mapping
