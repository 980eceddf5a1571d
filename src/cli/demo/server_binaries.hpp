#pragma once
#include <filesystem>
#include <string>

namespace tributary::cli::demo {

/// A PostgreSQL server as the distribution installs it.
struct ServerBinaries {
  std::filesystem::path folder;  ///< holds initdb and postgres
  std::string version;           ///< major: "15"

  /// The highest version under `root` that is complete. Throws ClusterError with what to install where there is none.
  static ServerBinaries newest(const std::filesystem::path& root = "/usr/lib/postgresql");
};

}  // namespace tributary::cli::demo
