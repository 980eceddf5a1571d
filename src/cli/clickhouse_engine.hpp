#pragma once
#include <filesystem>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/event.hpp"
#include "base/uuid.hpp"
#include "clickhouse/embedded/supervisor.hpp"
#include "clickhouse/options.hpp"
#include "mapping/mapping.hpp"
#include "settings/settings.hpp"

/// Which ClickHouse the settings mean, and the embedded engine as Tributary runs it.
namespace tributary::cli {

namespace asio = boost::asio;

/// As whom the server of clickhouse.url is written. Throws Failure{kBadInput} where that is not set or no URL.
clickhouse::ConnectOptions clickhouse_server(const settings::Settings& settings);
/// As whom tenants ask it: limited_user. Throws as clickhouse_server(), and where its password is not set.
clickhouse::ConnectOptions clickhouse_tenants(const settings::Settings& settings);

/// clickhouse.folder, or where it is when nobody says. Throws Failure{kBadInput} where there is no home either.
std::filesystem::path clickhouse_folder(const settings::Settings& settings);

/// The engine in this folder, with the users and row policies that these mappings need. It logs as this program does.
clickhouse::embedded::SupervisorParams engine_params(std::filesystem::path folder, settings::Bytes memory, telemetry::Level log,
                                                     const std::vector<mapping::Mapping>& mappings);
/// Applies the schema of these mappings to it. Throws Failure where it belongs to another installation, or a newer program made it.
clickhouse::embedded::Supervisor::SetUp engine_set_up(std::vector<mapping::Mapping> mappings, Uuid installation);

/// The embedded engine that another process runs, or this one for as long as this object is kept.
/// Lifetime: end() has returned before it is destroyed. Threads: the executor's loop.
class BorrowedEngine {
 public:
  BorrowedEngine(const asio::any_io_executor& executor, const settings::Settings& settings, const std::filesystem::path& folder,
                 const std::vector<mapping::Mapping>& mappings);

  /// nullopt: not in time, and it has said why; or stopped.
  asio::awaitable<std::optional<clickhouse::embedded::ReadyLine>> host(std::stop_token stop);
  asio::awaitable<void> end();

 private:
  Event changed_;
  std::optional<clickhouse::embedded::ReadyLine> host_;
  bool is_over_ = false;
  std::stop_source stop_;
  clickhouse::embedded::Supervisor supervisor_;
};

}  // namespace tributary::cli
