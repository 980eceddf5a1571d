#include "sync/engine.hpp"

#include <atomic>

#include "mapping/sql.hpp"
#include "sync/tenancy_sync.hpp"
#include "telemetry/log.hpp"

namespace tributary::sync {

using namespace std::chrono_literals;

using ClickHouse = std::shared_ptr<destination::clickhouse_target::Writer>;

struct Engine::State : std::enable_shared_from_this<Engine::State> {
  State(asio::any_io_executor executor, postgres::Pool& pool, source::Installation installation,
        std::vector<mapping::Mapping> mappings, Params params, telemetry::Metrics& metrics, ClickHouse clickhouse)
      : services(std::move(executor), pool, installation, mappings, params, metrics, std::move(clickhouse)),
        source_errors(metrics.counter("tributary_sync_source_errors_total", services.labels())),
        defects(metrics.counter("tributary_sync_defects_total")),
        seconds(metrics.histogram("tributary_sync_seconds", services.labels())),
        ended(services.executor) {
    services.make_series(mappings);
  }

  asio::awaitable<void> serve(queue::Claim claim, std::function<void()> done);
  asio::awaitable<void> finish(const queue::Claim& claim, bool again);

  Services services;
  telemetry::Counter& source_errors;
  telemetry::Counter& defects;
  telemetry::Histogram& seconds;
  Event ended;
  std::atomic<int> in_progress{0};
  std::chrono::steady_clock::time_point next_tidying = std::chrono::steady_clock::now() + 5s;
};

asio::awaitable<void> Engine::State::serve(queue::Claim claim, std::function<void()> done) {
  const auto started = std::chrono::steady_clock::now();
  auto span = telemetry::start_span(services.params.tracer, "external-db-sync.sync-engine", claim.trace);
  if (claim.tenancy) span.set("stack.external-db-sync.tenancy-id", *claim.tenancy);
  span.set("stack.external-db-sync.destination-kind", queue::to_string(services.kind));
  claim.trace = span.context();
  const auto sync = std::make_shared<TenancySync>(std::shared_ptr<Services>(shared_from_this(), &services), claim);
  bool ended_well = false;
  try {
    const auto result = co_await sync->run();
    ended_well = true;
    span.set("stack.external-db-sync.needs-resync", result.more);
    if (result.may_finish) co_await finish(claim, result.more);
  } catch (const postgres::Error& error) {
    // The request stays claimed: when its lease has run out it is tried again, so a source that is down is not asked without a pause.
    source_errors.add();
    span.fail(error.sqlstate(), error.what());
    telemetry::log(
        telemetry::Level::warning, "sync", "the source failed, the tenancy will be tried again when its lease has run out",
        {{"tenancy", claim.tenancy ? claim.tenancy->to_string() : ""}, {"sqlstate", error.sqlstate()}, {"error", error.what()}});
  } catch (const std::exception& error) {
    defects.add();
    span.fail("", error.what());
    telemetry::log(telemetry::Level::error, "sync", "a defect while syncing a tenancy",
                   {{"tenancy", claim.tenancy ? claim.tenancy->to_string() : ""}, {"error", error.what()}});
  }
  services.late_writes->add(sync->written(!ended_well));
  seconds.observe(std::chrono::steady_clock::now() - started);
  span.end();
  if (std::chrono::steady_clock::now() >= next_tidying) {
    next_tidying = std::chrono::steady_clock::now() + 5s;
    services.destinations.close_idle();
  }
  --in_progress;
  ended.set();
  done();
}

asio::awaitable<void> Engine::State::finish(const queue::Claim& claim, bool again) {
  auto connection = co_await services.connect_to_source();
  co_await queue::finish(*connection, claim, again, Deadline::after(services.params.source_timeout));
}

Engine::Engine(asio::any_io_executor executor, postgres::Pool& pool, source::Installation installation,
               std::vector<mapping::Mapping> mappings, Params params, telemetry::Metrics& metrics, ClickHouse clickhouse)
    : state_(std::make_shared<State>(std::move(executor), pool, installation, std::move(mappings), params, metrics,
                                     std::move(clickhouse))) {}

Engine::~Engine() = default;

postgres::ConnectOptions Engine::session_settings(postgres::ConnectOptions options) {
  for (const auto& [name, value] : mapping::reader_settings()) options = options.with_setting(name, value);
  // Requests are finished on these connections, so the queue's parameters hold, too (and come last: its statements look in public). No plan is
  // made anew for each tenancy: they would all be the same.
  return queue::session_settings(std::move(options)).with_setting("plan_cache_mode", "force_generic_plan");
}

void Engine::submit(queue::Claim claim, std::function<void()> done) {
  ++state_->in_progress;
  asio::post(state_->services.executor, [state = state_, claim = std::move(claim), done = std::move(done)]() mutable {
    asio::co_spawn(state->services.executor, state->serve(std::move(claim), std::move(done)), [state](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
  });
}

void Engine::begin_no_more() {
  asio::post(state_->services.executor, [state = state_] { state->services.stopping = true; });
}

asio::awaitable<void> Engine::drain(Deadline deadline) {
  const auto state = state_;
  state->services.stopping = true;
  while ((state->in_progress > 0 || state->services.left_behind > 0) && !deadline.expired()) {
    // Those left behind ring no bell: they are few, and this happens once.
    co_await state->ended.wait(deadline.capped(50ms));
  }
  try {
    co_await state->services.late_writes->settle(deadline);
  } catch (const postgres::Error& error) {
    telemetry::log(telemetry::Level::warning, "sync",
                   "the source failed, whether it is the one that rows were read from is not known", {{"error", error.what()}});
  }
}

bool Engine::is_idle() const { return state_->in_progress == 0 && state_->services.left_behind == 0; }

void Engine::close_idle() { state_->services.destinations.close_idle(); }

}  // namespace tributary::sync
