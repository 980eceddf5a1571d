#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/uuid.hpp"

namespace tributary::test {

/// A folder of this test's own, that the system user `postgres` can reach, too; removed at the end.
class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("tributary-demo-" + Uuid::random().to_string().substr(0, 8))) {}
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Processes that work in this folder or below it: where a PostgreSQL server lives while it runs. Children that nobody reaped do not count.
inline std::vector<std::string> processes_in(const std::filesystem::path& folder) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::error_code error;
    const auto working_directory = std::filesystem::read_symlink(entry.path() / "cwd", error);
    if (!error && working_directory.string().starts_with(folder.string())) found.push_back(entry.path().filename().string());
  }
  return found;
}

/// Processes whose command line has both.
inline std::vector<pid_t> processes_about(const std::string& word, const std::filesystem::path& folder) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "cmdline");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    if (line.find(word) != std::string::npos && line.find(folder.string()) != std::string::npos)
      found.push_back(std::stoi(entry.path().filename().string()));
  }
  return found;
}

}  // namespace tributary::test
