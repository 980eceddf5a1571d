#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "clickhouse/options.hpp"
#include "support/process.hpp"

namespace tributary::test {

/// The rows of a SELECT of one String. Blocks. Throws clickhouse::Error.
std::vector<std::string> clickhouse_strings(const clickhouse::ConnectOptions& server, const std::string& sql,
                                            std::map<std::string, std::string> settings = {});

/// A new folder that the embedded engine's user can reach.
std::filesystem::path make_engine_folder();

/// The embedded engine (`tributary clickhouse-host --unrestricted`) of this test's own, in a folder of its own, killed and removed at the end.
class ClickHouse {
 public:
  ClickHouse();
  ~ClickHouse();
  ClickHouse(const ClickHouse&) = delete;
  ClickHouse& operator=(const ClickHouse&) = delete;

  /// libchdb is there. Where it is not, tests are skipped.
  static bool is_installed();
  /// SIGKILL, and a start on the same folder and port.
  void restart();
  void kill();
  void start();

  /// As its administrator.
  const clickhouse::ConnectOptions& options() const { return options_; }
  /// For `clickhouse.url`.
  std::string uri() const;
  std::vector<std::string> strings(const std::string& sql) const { return clickhouse_strings(options_, sql); }
  void run(const std::string& sql) const;

 private:
  const std::filesystem::path folder_;
  clickhouse::ConnectOptions options_{.host = "127.0.0.1", .port = 0};
  std::optional<Process> process_;
};

}  // namespace tributary::test
