#include "cli/demo/server_binaries.hpp"

#include <charconv>
#include <system_error>

#include "cli/demo/private_cluster.hpp"

namespace tributary::cli::demo {
namespace fs = std::filesystem;

ServerBinaries ServerBinaries::newest(const fs::path& root) {
  ServerBinaries best;
  int best_version = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, error)) {
    const auto name = entry.path().filename().string();
    int version = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), version);
    if (parsed.ec != std::errc{} || version <= best_version) continue;  // "9.6" is older than anything we support
    const auto folder = entry.path() / "bin";
    if (!fs::exists(folder / "initdb", error) || !fs::exists(folder / "postgres", error)) continue;
    best_version = version;
    best = {folder, std::to_string(version)};
  }
  if (best_version == 0) {
    throw ClusterError("no PostgreSQL server found in " + root.string() + "/*/bin: apt-get install postgresql");
  }
  return best;
}

}  // namespace tributary::cli::demo
