#include "settings/definition.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace tributary::settings {
namespace {

TEST(SettingDefinitions, EachDefaultIsLegal) {
  for (const auto& definition : definitions()) {
    Settings settings;
    const auto text = default_text(definition);
    EXPECT_EQ(assign(definition, text == "\"\"" ? "" : text, settings), "") << definition.name;
  }
}

TEST(SettingDefinitions, NoTwoShareANameAVariableOrAPlace) {
  std::set<std::string> names;
  std::set<std::string> variables;
  std::set<const void*> places;
  Settings settings;
  for (const auto& definition : definitions()) {
    EXPECT_TRUE(names.insert(std::string(definition.name)).second) << definition.name;
    EXPECT_TRUE(variables.insert(environment_name(definition)).second) << definition.name;
    EXPECT_TRUE(
        places.insert(std::visit([&](auto target) -> const void* { return &target(settings); }, definition.target)).second)
        << definition.name;
    EXPECT_FALSE(definition.about.empty()) << definition.name;
  }
}

TEST(SettingDefinitions, EachEndOfARangeIsLegalAndWhatLiesBeyondIsNot) {
  const auto* rows = find_definition("sync.load_rows");
  ASSERT_NE(rows, nullptr);
  Settings settings;
  EXPECT_EQ(assign(*rows, "1", settings), "");
  EXPECT_EQ(assign(*rows, "10000000", settings), "");
  EXPECT_EQ(assign(*rows, "0", settings), "must be 1 to 10000000, not \"0\"");
  EXPECT_EQ(assign(*rows, "10000001", settings), "must be 1 to 10000000, not \"10000001\"");
  EXPECT_EQ(settings.sync.load_rows, 10'000'000) << "a refused value must not be kept";
}

TEST(SettingDefinitions, AKeyThatCouldBeGuessedIsRefusedAndNotRepeated) {
  const auto* key = find_definition("http.operator_key");
  ASSERT_NE(key, nullptr);
  Settings settings;
  EXPECT_EQ(assign(*key, std::string(23, 'k'), settings), "must be 24 to 1000 characters");
  EXPECT_EQ(assign(*key, std::string(24, 'k'), settings), "");
  EXPECT_EQ(assign(*key, "", settings), "") << "none at all";
  EXPECT_EQ(assign(*find_definition("http.cron_secret"), "secret", settings), "must be 16 to 1000 characters");
}

TEST(SettingDefinitions, MessagesShowWhatAValueLooksLike) {
  Settings settings;
  EXPECT_EQ(assign(*find_definition("sync.retry_first"), "soon", settings),
            "must be a duration such as 250ms, 10s or 5min, not \"soon\"");
  EXPECT_EQ(assign(*find_definition("sync.load_chunk"), "8MB", settings), "must be a size such as 256KiB or 8MiB, not \"8MB\"");
  EXPECT_EQ(assign(*find_definition("log.level"), "loud", settings), "must be one of debug, info, warning, error, not \"loud\"");
  EXPECT_EQ(assign(*find_definition("threads"), "many", settings), "must be a whole number, not \"many\"");
}

TEST(SettingDefinitions, TheReferencePageIsMadeFromThem) {
  std::ifstream file(TRIBUTARY_SOURCE_DIR "/docs/configuration.md");
  std::ostringstream page;
  page << file.rdbuf();
  EXPECT_TRUE(page.str() == reference_markdown()) << "run: tributary settings --markdown > docs/configuration.md";
}

}  // namespace
}  // namespace tributary::settings
