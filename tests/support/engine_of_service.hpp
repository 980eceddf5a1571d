#pragma once
#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/clickhouse_compare.hpp"
#include "support/process.hpp"

namespace tributary::test {

/// The embedded engine that a `tributary serve` runs, as others on this machine see it: a child of that process, and what it says of itself in a folder that
/// is this object's, removed at its end.
class EngineOfService {
 public:
  EngineOfService();
  ~EngineOfService();
  EngineOfService(const EngineOfService&) = delete;
  EngineOfService& operator=(const EngineOfService&) = delete;

  /// For `tributary serve`.
  Process::Environment settings() const;
  /// The process that hosts the engine; -1: there is none now.
  static pid_t host_of(const Process& service);
  /// The rows of a SELECT of one String, as the tenant gets them. Blocks. Throws clickhouse::Error where the engine is not there.
  std::vector<std::string> strings(const TenantName& tenant, const std::string& sql) const;

 private:
  const std::filesystem::path folder_;
};

}  // namespace tributary::test
