#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/embedded.hpp"
#include "base/uuid.hpp"
#include "cli/command.hpp"

namespace tributary::cli {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

class Mappings : public testing::Test {
 protected:
  Mappings() { std::filesystem::create_directories(folder_); }
  ~Mappings() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) { std::ofstream(folder_ / name) << text; }
  /// The built-in users mapping with one text exchanged for another.
  static std::string users(const std::string& from, const std::string& to) {
    const auto files = embedded_mappings();
    std::string text(std::ranges::find(files, "users.yaml", &EmbeddedFile::name)->text);
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }
  std::vector<std::string> loaded_names() {
    settings::Settings settings;
    settings.mappings.folder = folder_;
    std::vector<std::string> names;
    for (const auto& mapping : load_mappings(settings)) names.push_back(mapping.name);
    return names;
  }
  std::string failure() {
    try {
      loaded_names();
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.status(), kBadInput);
      return failure.what();
    }
    ADD_FAILURE() << "the mappings were accepted";
    return "";
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("tributary-mappings-" + Uuid::random().to_string());
};

TEST_F(Mappings, AreTheBuiltInOnesWithoutAFolder) {
  std::vector<std::string> names;
  for (const auto& mapping : load_mappings({})) names.push_back(mapping.name);
  EXPECT_THAT(names, UnorderedElementsAre("users", "contact_channels", "teams", "team_member_profiles"));
}

TEST_F(Mappings, OfTheFolderReplaceAndJoinTheBuiltInOnes) {
  write("users.yaml", users("table: users", "table: people"));
  write("ignored.txt", "not a mapping");
  EXPECT_THAT(loaded_names(), UnorderedElementsAre("users", "contact_channels", "teams", "team_member_profiles"));
  settings::Settings settings;
  settings.mappings.folder = folder_;
  const auto mappings = load_mappings(settings);
  EXPECT_EQ(std::ranges::find(mappings, "users", &mapping::Mapping::name)->target_table, "people");
}

TEST_F(Mappings, AreRefusedWithEveryMistakeAndItsPlace) {
  write("one.yaml", "mapping: one\n");
  write("two.yaml", "mapping: [\n");
  const auto message = failure();
  EXPECT_THAT(message, HasSubstr("one.yaml:"));
  EXPECT_THAT(message, HasSubstr("two.yaml:"));
}

TEST_F(Mappings, OfTheFolderMustNotNameOneTwice) {
  write("a.yaml", users("table: users", "table: people"));
  write("b.yaml", users("table: users", "table: persons"));
  EXPECT_THAT(failure(), HasSubstr("users"));
}

TEST_F(Mappings, NeedAFolderThatIsThere) {
  std::filesystem::remove_all(folder_);
  EXPECT_THAT(failure(), HasSubstr("mappings.folder"));
}

}  // namespace
}  // namespace tributary::cli
