#pragma once
#include <boost/asio/ip/tcp.hpp>

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>

#include "api/api.hpp"
#include "base/event.hpp"
#include "base/shared_reading.hpp"
#include "dashboard/dashboard.hpp"
#include "http/server.hpp"
#include "mapping/mapping.hpp"
#include "postgres/pool.hpp"
#include "settings/settings.hpp"
#include "telemetry/metrics.hpp"

namespace tributary::cli {

namespace asio = boost::asio;

/// How the shared ClickHouse is asked.
struct ClickHouseAccess {
  clickhouse::ConnectOptions tenants;  ///< as limited_user
  clickhouse::ConnectOptions administrator;
  mapping::clickhouse::Options target;
};
/// Where it is now; nullopt: nowhere, or there is none. Any loop.
using FindClickHouse = std::function<asio::awaitable<std::optional<ClickHouseAccess>>()>;

struct ApiParams {
  asio::ip::tcp::endpoint address;
  http::ServerParams server;
  std::size_t max_requests = 256;
  std::chrono::milliseconds queue_timeout{1'000};  ///< for a connection to the source
  std::size_t max_queries = 16;                    ///< analytics queries at once, and of one project
  std::size_t max_queries_of_project = 4;
  Secrets secrets;
  std::string operator_key;
  std::string cron_secret;
  std::chrono::milliseconds dashboard_session;  ///< zero: there is no dashboard
  destination::postgres_target::Params destinations;
  std::optional<ClickHouseAccess> clickhouse;         ///< a server; nullopt: the embedded engine, or none
  telemetry::Tracer* tracer = nullptr;                ///< null: nothing is traced

  /// Throws Failure{kBadInput} where http.listen is no address and port. nullopt: nothing listens. `destinations`: the engine's, so that both share a resolver.
  static std::optional<ApiParams> from(const settings::Settings& settings, destination::postgres_target::Params destinations);
};

/// Listens at the address of `params`, and says so in the log. Throws Failure where that cannot be had.
asio::ip::tcp::acceptor listen(asio::any_io_executor executor, const ApiParams& params);

/// What a process answers over HTTP, on one event loop: the API with its documentation, metrics and probes.
/// Lifetime: pool, mappings and metrics outlive the loop's run. Threads: the acceptor's loop.
class Api {
 public:
  /// `sync`: how the stages are run when somebody asks for it. `applies_here`: this process brings rows to destinations by itself.
  Api(asio::ip::tcp::acceptor acceptor, postgres::Pool& source, std::span<const mapping::Mapping> mappings,
      const ApiParams& params, api::SyncRunner::Params sync, source::Installation installation, bool applies_here,
      FindClickHouse find_clickhouse, telemetry::Metrics& metrics);

  /// Answers until `stop`, then finishes what runs until the deadline that `until` has then.
  asio::awaitable<void> run(std::stop_token stop, std::function<Deadline()> until);

 private:
  asio::awaitable<void> probe_source();
  asio::awaitable<void> read_source_gauges();
  asio::awaitable<http::Response> ready();
  asio::awaitable<http::Response> tell_metrics();
  asio::awaitable<std::optional<api::ClickHouse>> clickhouse();

  postgres::Pool& source_;
  const std::span<const mapping::Mapping> mappings_;
  telemetry::Metrics& metrics_;
  const FindClickHouse find_clickhouse_;
  std::optional<ClickHouseAccess> access_;  ///< of these clients
  std::optional<api::ClickHouse> clickhouse_;
  api::SyncRunner sync_;
  api::Context context_;
  std::optional<dashboard::Dashboard> dashboard_;
  http::Router router_;
  http::Server server_;
  SharedReading probe_;
  bool source_answers_ = false;  ///< when it was last probed
  SharedReading gauges_;
  Event stopping_;
};

}  // namespace tributary::cli
