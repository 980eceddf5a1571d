#pragma once
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "cli/clickhouse_engine.hpp"
#include "verify/clickhouse_side.hpp"

namespace tributary::cli {

/// Clients of the shared ClickHouse for comparing, made when they are first needed: the server's of clickhouse.url, or those of the embedded engine, which is started
/// where no other process runs it. Lifetime: end() has returned before it is destroyed. Threads: one loop.
class ClickHouseReader {
 public:
  /// Throws Failure where there is none. The settings outlive the call.
  asio::awaitable<verify::ClickHouseAccess> access(const settings::Settings& settings,
                                                   const std::vector<mapping::Mapping>& mappings, std::stop_token stop);
  asio::awaitable<void> end();

 private:
  asio::awaitable<void> open_embedded(const settings::Settings& settings, const std::vector<mapping::Mapping>& mappings,
                                      std::stop_token stop);

  std::optional<BorrowedEngine> engine_;
  std::optional<clickhouse::Client> writer_;
  std::optional<clickhouse::Client> reader_;
};

}  // namespace tributary::cli
