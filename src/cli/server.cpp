#include "cli/server.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <thread>

#include "cli/command.hpp"
#include "telemetry/log.hpp"

namespace tributary::cli {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

postgres::ConnectOptions named(const postgres::ConnectOptions& options, std::string_view part) {
  if (options.keywords.contains("application_name")) return options;
  return options.with("application_name", "tributary " + std::string(part));
}

postgres::PoolSettings bounded(postgres::PoolSettings settings, std::size_t max_connections) {
  settings.max_connections = max_connections;
  return settings;
}

/// So that the poller knows what its own sequencer sends: that one wakes it without a detour.
ServerParams named_process(ServerParams params) {
  params.queue.process = Uuid::random().to_string();
  return params;
}

int loop_count(int wanted) { return wanted > 0 ? wanted : static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

}  // namespace

ServerParams ServerParams::from(const settings::Settings& settings) {
  ServerParams params;
  params.source = postgres::ConnectOptions::parse(settings.source.url);
  params.source_pool.max_connections = static_cast<std::size_t>(settings.source.pool);
  params.threads = static_cast<int>(settings.threads);
  params.sequencer = {.rows_per_batch = static_cast<int>(settings.sequencer.rows_per_batch),
                      .rows_per_tenancy = static_cast<int>(settings.sequencer.rows_per_tenancy),
                      .parallel_shards = static_cast<int>(settings.sequencer.parallel_shards),
                      .longest_pause = settings.sequencer.longest_pause,
                      .passes_before_waiting = static_cast<int>(settings.sequencer.passes_before_waiting),
                      .lock_timeout = settings.sequencer.lock_timeout};
  params.queue = {.lease = settings.queue.lease,
                  .max_claims = static_cast<int>(settings.queue.max_claims),
                  .longest_pause = settings.queue.longest_pause,
                  .revive_every = settings.queue.revive_every};
  params.sync = {.small_rows = static_cast<int>(settings.sync.small_rows),
                 .load_rows = static_cast<int>(settings.sync.load_rows),
                 .load_chunk_bytes = static_cast<std::size_t>(settings.sync.load_chunk.count),
                 .load_time = settings.sync.load_time,
                 .parallel_loads = static_cast<int>(settings.sync.parallel_loads),
                 .patience = settings.sync.patience,
                 .source_timeout = settings.sync.source_timeout,
                 .apply_timeout = settings.sync.apply_timeout,
                 .retry = {.first = settings.sync.retry_first, .longest = settings.sync.retry_longest},
                 .most_refused_rows = static_cast<std::size_t>(settings.sync.most_refused_rows),
                 .destination = {.connect_timeout = settings.destinations.connect_timeout,
                                 .max_connections = static_cast<std::size_t>(settings.destinations.pool),
                                 .idle_timeout = settings.destinations.idle_timeout}};
  return params;
}

/// One event loop and all that belongs to it. Queue and sequencer have pools of their own: a lease must be renewed however busy the reads are.
struct Server::Loop {
  Loop(const ServerParams& params, const std::string& process)
      : queue_pool(context.get_executor(), queue::session_settings(named(params.source, "queue")),
                   bounded(params.source_pool, 2)),
        // A load keeps its connection; what is to be remembered meanwhile needs another.
        sync_pool(context.get_executor(), sync::Engine::session_settings(named(params.source, "sync")),
                  bounded(params.source_pool, std::max(params.source_pool.max_connections,
                                                       static_cast<std::size_t>(params.sync.parallel_loads) + 2))),
        sequencer_pool(
            context.get_executor(),
            sequencer::Sequencer::session_settings(named(params.source, "sequencer")).with_setting("tributary.process", process),
            bounded(params.source_pool, static_cast<std::size_t>(params.sequencer.parallel_shards) + 1)) {}

  asio::io_context context{1};
  postgres::Pool queue_pool;
  postgres::Pool sync_pool;
  postgres::Pool sequencer_pool;
  std::optional<sequencer::Sequencer> sequencer;
  std::optional<sync::Engine> engine;
  std::optional<queue::Poller> poller;
  Event poller_ended{context.get_executor()};
  std::atomic<bool> ended{false};
  std::jthread thread;
};

Server::Server(asio::any_io_executor executor, ServerParams params, std::vector<mapping::Mapping> mappings,
               telemetry::Metrics& metrics)
    : params_(named_process(std::move(params))), mappings_(std::move(mappings)), metrics_(metrics), ended_(std::move(executor)) {}

Server::~Server() {
  stop_.request_stop();
  for (auto& loop : loops_) loop->context.stop();
  for (auto& loop : loops_) {
    if (loop->thread.joinable()) loop->thread.join();  // all, before the first is destroyed: they call each other
  }
}

asio::awaitable<void> Server::start(Deadline deadline) {
  source::Installation installation;
  {
    auto connection = co_await open_source(params_.source);
    installation = co_await source::attach(connection, mappings_, deadline);
  }
  for (int i = 0; i < loop_count(params_.threads); ++i) {
    auto& loop = *loops_.emplace_back(std::make_unique<Loop>(params_, params_.queue.process));
    const auto executor = loop.context.get_executor();
    if (params_.roles.sync) {
      loop.engine.emplace(executor, loop.sync_pool, installation, mappings_, params_.sync, metrics_);
    }
    if (params_.roles.sync && i == 0) {
      loop.poller.emplace(executor, loop.queue_pool, params_.queue, metrics_,
                          [this](queue::Claim claim) { dispatch(std::move(claim)); });
    }
    if (params_.roles.sequencer && i == 0) {
      loop.sequencer.emplace(loop.sequencer_pool, installation, mappings_, params_.sequencer, metrics_, [this](std::uint64_t) {
        if (params_.roles.sync) poller().wake();
      });
    }
    if (!params_.roles.sync) break;  // the sequencer needs one loop
  }
  // Only now, as the poller hands claims to the engines of all loops.
  for (auto& loop : loops_) {
    asio::co_spawn(loop->context, run_loop(*loop), asio::detached);
    loop->thread = std::jthread([this, &loop = *loop] {
      try {
        loop.context.run();
      } catch (const std::exception& error) {
        telemetry::log(Level::error, "server", "an event loop ended by a defect", {{"error", error.what()}});
      }
      loop.ended = true;
      ended_.notify();
    });
  }
}

asio::awaitable<void> Server::run_loop(Loop& loop) {
  Event one_ended(loop.context.get_executor());
  int running = 0;
  std::exception_ptr failure;
  const auto spawn = [&](asio::awaitable<void> work) {
    ++running;
    asio::co_spawn(loop.context, std::move(work), [&](std::exception_ptr error) {
      --running;
      if (error) failure = error;
      one_ended.set();
    });
  };
  if (loop.sequencer) spawn(loop.sequencer->run(stop_.get_token()));
  if (loop.poller) spawn(run_poller(loop));
  if (loop.engine) spawn(run_engine(loop));
  while (running > 0 && !failure) co_await one_ended.wait(Deadline::never());
  if (failure) {
    // The others would go on without it, and nobody would notice: end them too. They refer to this frame, hence the wait.
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      telemetry::log(Level::error, "server", "a part of an event loop ended by a defect", {{"error", error.what()}});
    }
    stop_.request_stop();
    while (running > 0) co_await one_ended.wait(Deadline::never());
  }
  loop.context.stop();  // what is left are timers of idle connections
}

asio::awaitable<void> Server::run_poller(Loop& loop) {
  std::exception_ptr failure;
  try {
    co_await loop.poller->run(stop_.get_token());
  } catch (...) {
    failure = std::current_exception();
  }
  for (auto& other : loops_) other->poller_ended.notify();
  if (failure) std::rethrow_exception(failure);
}

// The poller ends once all it handed out is finished. Destinations that were left behind as slow may still be at work then.
asio::awaitable<void> Server::run_engine(Loop& loop) {
  const std::stop_callback finish_up(stop_.get_token(), [&loop] { loop.engine->begin_no_more(); });
  while (!co_await loop.poller_ended.wait(Deadline::never())) {
  }
  co_await loop.engine->drain(Deadline::at(Deadline::Clock::time_point(Deadline::Clock::duration(drain_until_))));
}

asio::awaitable<void> Server::wait(std::stop_token stop) {
  const auto has_ended = [](const auto& loop) { return loop->ended.load(); };
  while (!stop.stop_requested() && std::ranges::none_of(loops_, has_ended)) co_await ended_.wait(Deadline::never(), stop);
}

asio::awaitable<bool> Server::stop(Deadline deadline) {
  drain_until_ = deadline.when().time_since_epoch().count();
  stop_.request_stop();
  const auto is_running = [](const auto& loop) { return !loop->ended; };
  while (std::ranges::any_of(loops_, is_running) && !deadline.expired()) co_await ended_.wait(deadline);
  const bool in_time = !deadline.expired();
  for (auto& loop : loops_) loop->context.stop();  // cuts off whatever still waits for somebody; its transactions roll back
  while (std::ranges::any_of(loops_, is_running)) co_await ended_.wait(Deadline::never());
  loops_.clear();
  co_return in_time;
}

void Server::wake() {
  for (auto& loop : loops_) {
    if (loop->sequencer) loop->sequencer->wake();
    if (loop->poller) loop->poller->wake();
  }
}

queue::Poller& Server::poller() { return *loops_.front()->poller; }

// A tenancy always goes to the same loop: the connections to its destinations and what is known of their watermarks are there.
void Server::dispatch(queue::Claim claim) {
  const auto request = claim.request;
  auto& loop = *loops_[claim.tenancy ? std::hash<Uuid>{}(*claim.tenancy) % loops_.size() : 0];
  loop.engine->submit(std::move(claim), [this, request] { poller().finished(request); });
}

}  // namespace tributary::cli
