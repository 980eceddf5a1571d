#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "clickhouse/options.hpp"
#include "support/process.hpp"

namespace tributary::clickhouse {

/// Which real server the same tests speak to.
enum class ServerKind {
  debian,  ///< clickhouse-server 18.16 of Debian 12, where it is installed: a foreign implementation, without parameters, LZ4, zstd and DateTime64
  embedded,  ///< `tributary clickhouse-host`, where libchdb is there: a current engine behind our own HTTP
};
std::string to_string(ServerKind kind);

/// A ClickHouse of this test's own, in a folder of its own, killed and removed at the end.
class Server {
 public:
  /// nullptr where it is not installed; `why_not` then says what to do.
  static std::unique_ptr<Server> start(ServerKind kind, std::string& why_not);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// As its administrator, bodies not packed.
  const ConnectOptions& options() const { return options_; }

 private:
  explicit Server(std::filesystem::path folder) : folder_(std::move(folder)) {}
  void start_debian();
  void start_embedded(const std::filesystem::path& library);

  std::filesystem::path folder_;
  ConnectOptions options_{.host = "127.0.0.1", .compression = Compression::none};
  std::optional<test::Process> process_;
};

}  // namespace tributary::clickhouse
