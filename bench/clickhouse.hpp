#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "cli/demo/child_process.hpp"
#include "clickhouse/embedded/host.hpp"
#include "clickhouse/options.hpp"
#include "servers.hpp"

/// The embedded ClickHouse engine in the benchmarks. All calls block and throw std::exception.
namespace tributary::bench {

/// A folder for an engine, below that of the servers; removed at the end.
class EngineFolder {
 public:
  explicit EngineFolder(const Servers& servers);
  ~EngineFolder();
  EngineFolder(const EngineFolder&) = delete;
  EngineFolder& operator=(const EngineFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// How many inserts a table of analytics_internal has had: the highest number of a part, as each insert makes one.
  long long inserts(const std::string& table) const;

 private:
  std::filesystem::path path_;
};

/// Somebody who asks an engine: its administrator, or a tenant.
class ClickHouse {
 public:
  explicit ClickHouse(clickhouse::ConnectOptions options, std::map<std::string, std::string> settings = {});

  /// The answer in TabSeparated, without the last line's end.
  std::string ask(const std::string& sql) const;
  long long number(const std::string& sql) const;
  /// Of the users of a tenancy; -1 while there is none.
  long long users_watermark(const std::string& tenancy) const;

 private:
  clickhouse::ConnectOptions options_;
  std::map<std::string, std::string> settings_;
};

ClickHouse admin_of(const clickhouse::embedded::ReadyLine& engine);
ClickHouse tenant_of(const clickhouse::embedded::ReadyLine& engine, const std::string& project, const std::string& branch);

/// Until the engine of a Service in that folder is ready.
clickhouse::embedded::ReadyLine wait_for_engine(const EngineFolder& folder);

/// `tributary clickhouse-host` by itself, on a folder that a Service has used before.
class EngineHost {
 public:
  enum class Kind { restricted, unrestricted };
  EngineHost(const Servers& servers, const EngineFolder& folder, Kind kind);
  ~EngineHost();
  EngineHost(const EngineHost&) = delete;
  EngineHost& operator=(const EngineHost&) = delete;

  const clickhouse::embedded::ReadyLine& engine() const { return engine_; }

 private:
  std::filesystem::path output_;
  cli::demo::ChildProcess process_;
  clickhouse::embedded::ReadyLine engine_;
};

}  // namespace tributary::bench
