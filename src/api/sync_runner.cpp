#include "api/sync_runner.hpp"

#include "base/event.hpp"

namespace tributary::api {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kShortestPause = 10ms;
constexpr std::chrono::milliseconds kLongestPause = 100ms;

asio::awaitable<void> pause(std::chrono::steady_clock::duration time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

/// What brings tenancies to one kind of destination.
struct SyncRunner::Lane {
  Lane(const asio::any_io_executor& executor, const Params& params, queue::DestinationKind of,
       const source::Installation& installation, telemetry::Metrics& metrics)
      : kind(of),
        queue_pool(executor, queue::session_settings(params.source), {.max_connections = 2}),
        source_pool(
            executor, sync::Engine::session_settings(params.source),
            {.max_connections = std::max(postgres::PoolSettings{}.max_connections, sync::Engine::connections_for(params.sync))}),
        engine(executor, source_pool, installation, params.mappings, params.sync, metrics,
               of == queue::DestinationKind::clickhouse ? params.clickhouse : nullptr) {}

  const queue::DestinationKind kind;
  postgres::Pool queue_pool;
  postgres::Pool source_pool;
  sync::Engine engine;
};

SyncRunner::SyncRunner(asio::any_io_executor executor, Params params, source::Installation installation,
                       telemetry::Metrics& metrics)
    : executor_(executor),
      params_(std::move(params)),
      metrics_(metrics),
      sequencer_pool_(executor, sequencer::Sequencer::session_settings(params_.source),
                      {.max_connections = static_cast<std::size_t>(params_.sequencer.parallel_shards) + 1}),
      sequencer_(sequencer_pool_, installation, params_.mappings, params_.sequencer, metrics, [](std::uint64_t) {}) {
  lanes_.push_back(std::make_unique<Lane>(executor_, params_, queue::DestinationKind::postgres, installation, metrics));
  if (params_.clickhouse)
    lanes_.push_back(std::make_unique<Lane>(executor_, params_, queue::DestinationKind::clickhouse, installation, metrics));
}

SyncRunner::~SyncRunner() = default;

asio::awaitable<std::uint64_t> SyncRunner::sequence(std::chrono::milliseconds duration) {
  const auto turn = co_await one_sequencer_.take();
  const auto end = Deadline::after(duration);
  std::uint64_t passes = 0;
  std::chrono::milliseconds rest = kShortestPause;
  do {
    const auto done = co_await sequencer_.pass({});
    ++passes;
    rest = done.rows > 0 ? kShortestPause : std::min(rest * 2, kLongestPause);
    co_await pause(std::min<Deadline::Clock::duration>(rest, end.remaining()));
  } while (!end.expired());
  co_return passes;
}

asio::awaitable<std::uint64_t> SyncRunner::poll(std::chrono::milliseconds duration) {
  std::uint64_t claims = 0;
  int running = 0;
  std::exception_ptr failure;
  Event one_ended(executor_);
  for (auto& lane : lanes_) {
    ++running;
    asio::co_spawn(executor_, poll(*lane, duration), [&](std::exception_ptr error, std::uint64_t count) {
      if (error) failure = error;
      claims += count;
      --running;
      one_ended.set();
    });
  }
  // What was begun refers to this frame: it must not go before.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  while (running > 0) co_await one_ended.wait(Deadline::never());
  if (failure) std::rethrow_exception(failure);
  co_return claims;
}

asio::awaitable<std::uint64_t> SyncRunner::poll(Lane& lane, std::chrono::milliseconds duration) {
  std::uint64_t claims = 0;
  std::stop_source stop;
  auto params = params_.queue;
  params.kind = lane.kind;
  std::optional<queue::Poller> poller;
  poller.emplace(executor_, lane.queue_pool, params, metrics_, [&](queue::Claim claim) {
    const auto request = claim.request;
    ++claims;
    lane.engine.submit(std::move(claim), [&poller, request] { poller->finished(request); });
  });
  asio::steady_timer end(executor_, duration);
  end.async_wait([&stop](boost::system::error_code cancelled) {
    if (!cancelled) stop.request_stop();
  });
  co_await poller->run(stop.get_token());
  co_await asio::post(executor_, asio::use_awaitable);  // behind what the stop has posted to the poller
  co_return claims;
}

asio::awaitable<void> SyncRunner::sync(Uuid tenancy, Deadline deadline) {
  for (auto& lane : lanes_) co_await sync(*lane, tenancy, deadline);
}

asio::awaitable<void> SyncRunner::sync(Lane& lane, Uuid tenancy, Deadline deadline) {
  std::vector<queue::Claim> claims;
  {
    auto connection = co_await lane.queue_pool.acquire(deadline);
    claims = co_await queue::claim_tenancy(*connection, lane.kind, tenancy, Uuid::random(), params_.queue.lease, deadline);
  }
  for (auto& claim : claims) {
    // Shared: it is done with also where nobody waits for it any more.
    const auto done = std::make_shared<Event>(executor_);
    lane.engine.submit(std::move(claim), [done] { done->set(); });
    co_await done->wait(deadline);
  }
}

}  // namespace tributary::api
