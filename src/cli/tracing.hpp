#pragma once
#include <memory>
#include <optional>

#include "settings/settings.hpp"
#include "telemetry/exporter.hpp"

namespace tributary::cli {

namespace asio = boost::asio;

/// The traces of a process: its tracer, and the exporter that sends what that has.
/// Lifetime: outlives every span; once started, its executor's loop runs until stop() has returned, or it is never run again. Threads: the loop of `executor`, except
/// where the tracer is used.
class Tracing {
 public:
  struct Params {
    telemetry::TracerParams tracer;
    telemetry::ExporterParams exporter;

    /// nullopt: nothing is traced. Throws Failure{kBadInput} where the collector's URL or a header is none.
    static std::optional<Params> from(const settings::Settings& settings);
  };
  Tracing(asio::any_io_executor executor, Params params, telemetry::Metrics& metrics);

  telemetry::Tracer* tracer() { return &state_->tracer; }
  /// Sends from now on, until stop(): what started it has to end it.
  void start();
  /// Sends the last spans, at most until the deadline. REQUIRES: started; none is under way.
  asio::awaitable<void> stop(Deadline deadline);

 private:
  struct State {
    State(asio::any_io_executor executor, Params params, telemetry::Metrics& metrics)
        : tracer(params.tracer, metrics), exporter(std::move(executor), tracer, std::move(params.exporter), metrics) {}
    telemetry::Tracer tracer;
    telemetry::Exporter exporter;
  };
  const asio::any_io_executor executor_;
  const std::shared_ptr<State> state_;  ///< the coroutine that sends keeps it, too
};

}  // namespace tributary::cli
