#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

namespace tributary::clickhouse::embedded {

struct ConfigurationParams {
  std::filesystem::path users;  ///< the file for users_config
  std::filesystem::path data;   ///< the engine's folder; its temporary files are there too
  std::uint64_t memory_bytes = 0;
};

/// The engine's config.xml. What is acknowledged is on the disk: every MergeTree table is fsynced at each insert.
std::string engine_configuration(const ConfigurationParams& params);

/// Users of an engine in which everybody may do everything: for migrations, and for tests of clients.
std::string open_users();

}  // namespace tributary::clickhouse::embedded
