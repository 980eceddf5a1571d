#include "cli/server.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <map>
#include <optional>
#include <thread>

#include "cli/clickhouse_engine.hpp"
#include "cli/command.hpp"
#include "queue/clickhouse.hpp"
#include "sync/clickhouse_keeper.hpp"
#include "telemetry/log.hpp"

namespace tributary::cli {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

constexpr auto kClickHousePatience = 15s;
constexpr auto kWatchEvery = 1s;
/// For the last spans, once everything else has ended.
constexpr auto kLastSpans = 1s;

postgres::ConnectOptions named(const postgres::ConnectOptions& options, std::string_view part) {
  if (options.keywords.contains("application_name")) return options;
  return options.with("application_name", "tributary " + std::string(part));
}

postgres::PoolSettings bounded(postgres::PoolSettings settings, std::size_t max_connections) {
  settings.max_connections = max_connections;
  return settings;
}

/// So that the poller knows what its own sequencer sends, which wakes it without a detour; and with who traces, or nobody.
ServerParams completed(ServerParams params, Tracing* tracing) {
  params.queue.process = Uuid::random().to_string();
  auto* const tracer = tracing == nullptr ? nullptr : tracing->tracer();
  params.sequencer.tracer = tracer;
  params.queue.tracer = tracer;
  params.sync.tracer = tracer;
  if (params.api) params.api->tracer = tracer;
  return params;
}

int loop_count(int wanted) { return wanted > 0 ? wanted : static_cast<int>(std::max(1U, std::thread::hardware_concurrency())); }

}  // namespace

/// What brings tenancies to one kind of destination, on one loop. Nothing is shared with the other kind: neither waits for the other's connections, claims
/// or loads.
struct Server::Lane {
  Lane(Loop& loop, queue::DestinationKind of, const ServerParams& params);

  const queue::DestinationKind kind;
  // A load keeps its connection; what is to be remembered meanwhile needs another. And a lease must be renewed however busy the reads are.
  postgres::Pool queue_pool;
  postgres::Pool sync_pool;
  std::shared_ptr<destination::clickhouse_target::Writer> writer;  ///< of the shared ClickHouse's lane
  std::optional<sync::Engine> engine;
  std::optional<queue::Poller> poller;  ///< on the first loop
  Event poller_ended;
  Event known;  ///< the shared ClickHouse is
};

/// One event loop and all that belongs to it.
struct Server::Loop {
  Loop(const ServerParams& params, const std::string& process, std::string its_number)
      : number(std::move(its_number)),
        sequencer_pool(
            context.get_executor(),
            sequencer::Sequencer::session_settings(named(params.source, "sequencer")).with_setting("tributary.process", process),
            bounded(params.source_pool, static_cast<std::size_t>(params.sequencer.parallel_shards) + 1)) {}

  const std::string number;
  asio::io_context context{1};
  postgres::Pool sequencer_pool;
  std::optional<sequencer::Sequencer> sequencer;
  std::map<queue::DestinationKind, Lane> lanes;
  std::optional<postgres::Pool> api_pool;
  std::optional<Api> api;
  std::atomic<bool> ended{false};
  std::jthread thread;
};

Server::Lane::Lane(Loop& loop, queue::DestinationKind of, const ServerParams& params)
    : kind(of),
      queue_pool(loop.context.get_executor(), queue::session_settings(named(params.source, "queue")),
                 bounded(params.source_pool, 2)),
      sync_pool(
          loop.context.get_executor(), sync::Engine::session_settings(named(params.source, "sync")),
          bounded(params.source_pool, std::max(params.source_pool.max_connections, sync::Engine::connections_for(params.sync)))),
      poller_ended(loop.context.get_executor()),
      known(loop.context.get_executor()) {}

/// The embedded ClickHouse engine, kept running.
struct Server::Engine {
  Engine(asio::any_io_executor executor, clickhouse::embedded::SupervisorParams params,
         clickhouse::embedded::Supervisor::SetUp set_up, clickhouse::embedded::Supervisor::Changed changed)
      : supervisor(executor, std::move(params), std::move(set_up), std::move(changed)), over(executor) {}

  clickhouse::embedded::Supervisor supervisor;
  std::stop_source stop;
  Event over;
  bool is_over = false;
};

Server::Server(asio::any_io_executor executor, ServerParams params, std::vector<mapping::Mapping> mappings,
               telemetry::Metrics& metrics)
    : executor_(executor),
      tracing_(params.tracing ? std::make_unique<Tracing>(executor, *params.tracing, metrics) : nullptr),
      params_(completed(std::move(params), tracing_.get())),
      mappings_(std::move(mappings)),
      metrics_(metrics),
      ended_(std::move(executor)),
      clickhouse_is_known_(!params_.roles.sync || !params_.clickhouse) {}

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
    if (params_.roles.sync) co_await queue::use_clickhouse(connection, params_.clickhouse.has_value(), deadline);
  }
  installation_ = installation;
  const bool uses_all = params_.roles.sync || params_.roles.api;
  const int loops = uses_all ? loop_count(params_.threads) : 1;  // the sequencer needs one
  for (int i = 0; i < loops; ++i) add_loop(installation, i == 0, i + 1 == loops);
  if (params_.roles.api && params_.api) start_api(installation);
  if (params_.roles.sync && params_.clickhouse && !params_.clickhouse->server) start_engine(installation);
  // Only now, as the pollers hand claims to the engines of all loops.
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
  // Last: it ends by stop() alone, which nobody calls where this has thrown.
  if (tracing_) tracing_->start();
}

void Server::add_loop(const source::Installation& installation, bool is_first, bool is_last) {
  auto& loop = *loops_.emplace_back(std::make_unique<Loop>(params_, params_.queue.process, std::to_string(loops_.size())));
  if (params_.roles.sync) {
    add_lane(loop, queue::DestinationKind::postgres, installation, is_first);
    if (params_.clickhouse && is_last) add_lane(loop, queue::DestinationKind::clickhouse, installation, true);
  }
  if (params_.roles.sequencer && is_first) {
    loop.sequencer.emplace(loop.sequencer_pool, installation, mappings_, params_.sequencer, metrics_,
                           [this](std::uint64_t) { wake_pollers(); });
  }
}

/// Each loop takes connections from the same socket.
void Server::start_api(const source::Installation& installation) {
  auto first = listen(loops_.front()->context.get_executor(), *params_.api);
  api_address_ = first.local_endpoint();
  for (auto& loop : loops_) {
    loop->api_pool.emplace(loop->context.get_executor(), api::session_settings(named(params_.source, "api")),
                           params_.source_pool);
    api::SyncRunner::Params sync{.source = named(params_.source, "api"),
                                 .mappings = mappings_,
                                 .sequencer = params_.sequencer,
                                 .queue = params_.queue,
                                 .sync = params_.sync,
                                 .clickhouse = nullptr};
    // The embedded engine has this process's own poller; a server may be driven from outside.
    if (params_.clickhouse && params_.clickhouse->server)
      sync.clickhouse = make_writer(loop->context.get_executor(), installation);
    loop->api.emplace(
        http::share(first, loop->context.get_executor()), *loop->api_pool, mappings_, *params_.api, std::move(sync), installation,
        params_.roles.sync, [this] { return find_clickhouse(); }, metrics_);
  }
}

void Server::add_lane(Loop& loop, queue::DestinationKind kind, const source::Installation& installation, bool with_poller) {
  auto& lane = loop.lanes.try_emplace(kind, loop, kind, params_).first->second;
  const auto executor = loop.context.get_executor();
  auto queue = params_.queue;
  queue.kind = kind;
  auto sync = params_.sync;
  if (kind == queue::DestinationKind::clickhouse) {
    queue.max_claims = params_.clickhouse->max_claims;
    sync.load_rows = params_.clickhouse->load_rows;
    lane.writer = make_writer(executor, installation);
  }
  lane.engine.emplace(executor, lane.sync_pool, installation, mappings_, sync, metrics_, lane.writer);
  if (with_poller) {
    lane.poller.emplace(executor, lane.queue_pool, queue, metrics_, [this](queue::Claim claim) { dispatch(std::move(claim)); });
  }
}

std::shared_ptr<destination::clickhouse_target::Writer> Server::make_writer(asio::any_io_executor executor,
                                                                            const source::Installation& installation) const {
  auto writer = params_.clickhouse->writer;
  writer.schema.installation = installation.id;
  return std::make_shared<destination::clickhouse_target::Writer>(std::move(executor), params_.clickhouse->server, mappings_,
                                                                  writer);
}

void Server::start_engine(const source::Installation& installation) {
  metrics_.gauge("tributary_clickhouse_engine_up");
  metrics_.counter("tributary_clickhouse_engine_starts_total");
  auto params = engine_params(params_.clickhouse->folder, params_.clickhouse->memory, params_.clickhouse->log, mappings_);
  // Each connection of a writer may hold a place, and another process may use this engine, too.
  const auto places =
      std::max<std::size_t>(clickhouse::embedded::ServerParams().admin_queries, 2 * params_.clickhouse->writer.max_connections);
  params.arguments.insert(params.arguments.end(), {"--admin-queries", std::to_string(places)});
  engine_ = std::make_shared<Engine>(executor_, std::move(params), engine_set_up(mappings_, installation.id),
                                     [this](const auto& host) { point_writer_at(host); });
  // The coroutine keeps it alive: this object may be gone before the executor's loop.
  asio::co_spawn(executor_, engine_->supervisor.run(engine_->stop.get_token()), [engine = engine_](std::exception_ptr) {
    engine->is_over = true;
    engine->over.set();
  });
}

void Server::point_writer_at(const std::optional<clickhouse::embedded::ReadyLine>& host) {
  const auto server = host ? std::optional(clickhouse::embedded::administrator_of(*host)) : std::nullopt;
  metrics_.gauge("tributary_clickhouse_engine_up").set(server ? 1 : 0);
  if (server) metrics_.counter("tributary_clickhouse_engine_starts_total").add();
  // Weak: a loop that has stopped runs this no more, and its writer must not outlive it in there.
  const std::weak_ptr writer = lane_of_poller(queue::DestinationKind::clickhouse).writer;
  asio::post(loops_.back()->context, [writer, server] {
    if (const auto there = writer.lock()) there->connect(server);
  });
}

verify::MenderParams Server::mender_params() const {
  verify::MenderParams params{.source = named(params_.source, "mend"),
                              .secrets = params_.sync.secrets,
                              .installation = installation_.id,
                              .destination = params_.sync.destination,
                              .settling = 2 * params_.sync.apply_timeout,
                              .collection = params_.collection};
  params.clickhouse = [this]() -> std::optional<verify::ClickHousePlace> {
    if (!params_.clickhouse) return std::nullopt;
    if (const auto& server = params_.clickhouse->server) return verify::ClickHousePlace{*server, *server, false};
    const auto host = clickhouse_host();
    if (!host || !host->serves_tenants) return std::nullopt;
    return verify::ClickHousePlace{clickhouse::embedded::administrator_of(*host), clickhouse::embedded::limited_user_of(*host),
                                   true};
  };
  return params;
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
  if (loop.api) spawn(loop.api->run(stop_.get_token(), [this] { return drain_deadline(); }));
  std::optional<verify::Mender> mender;
  if (params_.roles.sync && &loop == loops_.front().get())
    spawn(mender.emplace(mender_params(), mappings_).run(stop_.get_token()));
  for (auto& [kind, lane] : loop.lanes) {
    if (lane.poller) spawn(run_poller(lane));
    if (lane.writer) spawn(sync::keep_clickhouse(*lane.writer, lane.sync_pool, [this] { know_clickhouse(); }, stop_.get_token()));
    spawn(run_engine(lane));
  }
  asio::co_spawn(loop.context, watch(loop), asio::detached);
  // Not one of those that are waited for: it may be in the middle of an hour's work.
  const auto cleaned = loop.lanes.find(queue::DestinationKind::clickhouse);
  if (cleaned != loop.lanes.end() && params_.clickhouse->clean_up_every > 0ms) {
    asio::co_spawn(loop.context,
                   sync::clean_clickhouse(cleaned->second.writer, params_.clickhouse->clean_up_every,
                                          params_.clickhouse->keep_deleted, stop_.get_token()),
                   asio::detached);
  }
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

/// What only the loop itself can tell: how late it is, and what its pools are at. Until the loop ends.
asio::awaitable<void> Server::watch(Loop& loop) {
  auto& delay = metrics_.histogram("tributary_loop_delay_seconds");
  const auto show = [&](const char* pool, const postgres::Pool::Counts& counts) {
    const auto set = [&](const char* state, std::size_t value) {
      metrics_.gauge("tributary_pool_connections", {{"pool", pool}, {"state", state}, {"loop", loop.number}})
          .set(static_cast<double>(value));
    };
    set("lent", counts.lent);
    set("idle", counts.open - counts.lent);
    set("waited_for", counts.waiting);
  };
  asio::steady_timer timer(loop.context);
  for (;;) {
    if (loop.sequencer) show("sequencer", loop.sequencer_pool.counts());
    for (const auto& [kind, lane] : loop.lanes) {
      show(kind == queue::DestinationKind::postgres ? "sync" : "sync_clickhouse", lane.sync_pool.counts());
      if (lane.poller) show(kind == queue::DestinationKind::postgres ? "queue" : "queue_clickhouse", lane.queue_pool.counts());
    }
    timer.expires_after(kWatchEvery);
    co_await timer.async_wait(asio::use_awaitable);
    delay.observe(asio::steady_timer::clock_type::now() - timer.expiry());
  }
}

asio::awaitable<void> Server::run_poller(Lane& lane) {
  std::exception_ptr failure;
  try {
    // While the embedded engine starts nothing is claimed for it, which would only be on record as failed. Should it not start at all, that is to be seen.
    const auto patience = Deadline::after(kClickHousePatience);
    while (lane.writer && !clickhouse_is_known_ && !stop_.stop_requested() && !patience.expired())
      co_await lane.known.wait(patience, stop_.get_token());
    co_await lane.poller->run(stop_.get_token());
  } catch (...) {
    failure = std::current_exception();
  }
  for (auto& other : loops_) {
    if (const auto found = other->lanes.find(lane.kind); found != other->lanes.end()) found->second.poller_ended.notify();
  }
  if (failure) std::rethrow_exception(failure);
}

// The poller ends once all it handed out is finished. Destinations that were left behind as slow may still be at work then.
asio::awaitable<void> Server::run_engine(Lane& lane) {
  const std::stop_callback finish_up(stop_.get_token(), [&lane] { lane.engine->begin_no_more(); });
  while (!co_await lane.poller_ended.wait(Deadline::never())) {
  }
  co_await lane.engine->drain(drain_deadline());
}

Deadline Server::drain_deadline() const {
  return Deadline::at(Deadline::Clock::time_point(Deadline::Clock::duration(drain_until_)));
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
  // Last: until now it was written to.
  if (engine_) engine_->stop.request_stop();
  while (engine_ && !engine_->is_over) co_await engine_->over.wait(Deadline::never());
  engine_.reset();
  loops_.clear();
  if (tracing_) co_await tracing_->stop(Deadline::after(kLastSpans));
  co_return in_time;
}

std::optional<clickhouse::embedded::ReadyLine> Server::clickhouse_host() const {
  return engine_ ? engine_->supervisor.current() : std::nullopt;
}

asio::awaitable<std::optional<ClickHouseAccess>> Server::find_clickhouse() {
  if (params_.api->clickhouse || !params_.clickhouse) co_return params_.api->clickhouse;
  // What the supervisor knows belongs to its loop.
  const auto host = co_await asio::co_spawn(
      executor_, [this]() -> asio::awaitable<std::optional<clickhouse::embedded::ReadyLine>> { co_return clickhouse_host(); },
      asio::use_awaitable);
  if (!host || !host->serves_tenants) co_return std::nullopt;
  co_return ClickHouseAccess{.tenants = clickhouse::embedded::limited_user_of(*host),
                             .administrator = clickhouse::embedded::administrator_of(*host),
                             .target = {.embedded = true, .cluster = "", .definer = "", .installation = {}}};
}

void Server::know_clickhouse() {
  clickhouse_is_known_ = true;
  lane_of_poller(queue::DestinationKind::clickhouse).known.notify();
}

bool Server::is_idle() const {
  return std::ranges::all_of(loops_, [](const auto& loop) {
    return std::ranges::all_of(loop->lanes,
                               [](const auto& lane) { return !lane.second.engine || lane.second.engine->is_idle(); });
  });
}

void Server::wake() {
  if (loops_.front()->sequencer) loops_.front()->sequencer->wake();
  wake_pollers();
}

void Server::wake_pollers() {
  if (!params_.roles.sync) return;
  lane_of_poller(queue::DestinationKind::postgres).poller->wake();
  if (params_.clickhouse) lane_of_poller(queue::DestinationKind::clickhouse).poller->wake();
}

Server::Lane& Server::lane_of_poller(queue::DestinationKind kind) {
  auto& loop = kind == queue::DestinationKind::clickhouse ? loops_.back() : loops_.front();
  return loop->lanes.at(kind);
}

// A tenancy always goes to the same loop: the connections to its destinations and what is known of their watermarks are there. All go to the shared
// ClickHouse by one writer, as each one's inserts make parts of their own.
void Server::dispatch(queue::Claim claim) {
  const auto request = claim.request;
  const auto kind = claim.kind;
  const bool is_shared = kind == queue::DestinationKind::clickhouse || !claim.tenancy;
  auto& lane = is_shared ? lane_of_poller(kind) : loops_[std::hash<Uuid>{}(*claim.tenancy) % loops_.size()]->lanes.at(kind);
  lane.engine->submit(std::move(claim), [this, kind, request] { lane_of_poller(kind).poller->finished(request); });
}

}  // namespace tributary::cli
