#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/demo/changes.hpp"
#include "cli/demo/customers.hpp"
#include "cli/demo/probes.hpp"
#include "cli/server.hpp"
#include "telemetry/metrics.hpp"

namespace tributary::cli::demo {

/// The service, the application that changes rows, and the probes that watch, each of which can be stopped apart.
///
/// Lifetime: as Server. Threads: the demo's loop. Errors: what any of them throws is thrown by check() and stop().
class Service {
 public:
  Service(asio::any_io_executor executor, ServerParams params, std::vector<mapping::Mapping> mappings, ChangesParams changes,
          const std::vector<Tenant>& tenants, std::span<Customer> customers);

  asio::awaitable<void> start();
  void start_changes();
  void start_probes();
  /// No changes and no probes from here on.
  asio::awaitable<void> stop_writing();
  asio::awaitable<void> stop();
  /// Throws where one of them has failed.
  void check() const;

  const Changes& changes() const { return changes_; }
  const Probes& probes() const { return probes_; }
  const Server& server() const { return server_; }
  telemetry::Metrics& metrics() { return metrics_; }

 private:
  asio::awaitable<void> watch_server();

  telemetry::Metrics metrics_;
  Server server_;
  Changes changes_;
  Probes probes_;
  Tasks writing_;
  Tasks watching_;
};

}  // namespace tributary::cli::demo
