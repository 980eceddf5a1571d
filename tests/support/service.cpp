#include "support/service.hpp"

#include <cstdio>

#include "queue/clickhouse.hpp"
#include "sync/clickhouse_keeper.hpp"

namespace tributary::test {

destination::postgres_target::Params test_destinations() {
  destination::postgres_target::Params params{.connect_timeout = std::chrono::milliseconds(2'000)};
  params.guard.addresses = postgres::Guard::rules_of({"127.0.0.0/8"});
  return params;
}

Service::Lane::Lane(asio::any_io_executor executor, const Database& source)
    : source_pool(executor, sync::Engine::session_settings(source.options())),
      queue_pool(executor, queue::session_settings(source.options()), {.max_connections = 2}) {}

Service::Service(const Database& source) : Service(source, Params{}) {}

Service::Service(const Database& source, Params params)
    : params_([&] {
        params.queue.process = Uuid::random().to_string();
        return params;
      }()),
      postgres_(loop_.get_executor(), source),
      clickhouse_(loop_.get_executor(), source),
      sequencer_pool_(
          loop_.get_executor(),
          sequencer::Sequencer::session_settings(source.options()).with_setting("tributary.process", params_.queue.process),
          {.max_connections = 3}) {
  thread_ = std::thread([this] {
    asio::co_spawn(loop_, run(), [this](std::exception_ptr error) {
      failure_ = error;
      loop_.stop();
    });
    loop_.run();
  });
}

Service::~Service() { stop(); }

void Service::stop() {
  stop_.request_stop();
  if (!thread_.joinable()) return;
  asio::post(loop_, [this] {
    cut_off_.expires_after(std::chrono::seconds(7));
    cut_off_.async_wait([this](boost::system::error_code cancelled) {
      if (!cancelled) loop_.stop();
    });
  });
  thread_.join();
  if (!failure_) return;
  try {
    std::rethrow_exception(failure_);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the service ended by a defect: %s\n", error.what());
    std::abort();  // a test that goes on would look as if it had passed
  }
}

void Service::connect_clickhouse(std::optional<clickhouse::ConnectOptions> server) {
  asio::post(loop_, [this, server = std::move(server)] { clickhouse_.writer->connect(server); });
}

void Service::start(Lane& lane, queue::DestinationKind kind, const source::Installation& installation) {
  const auto executor = loop_.get_executor();
  if (kind == queue::DestinationKind::clickhouse) {
    auto writer = params_.writer;
    writer.schema.installation = installation.id;
    lane.writer =
        std::make_shared<destination::clickhouse_target::Writer>(executor, params_.clickhouse, builtin_mappings(), writer);
  }
  lane.engine.emplace(executor, lane.source_pool, installation, builtin_mappings(), params_.sync, metrics_, lane.writer);
  auto polling = params_.queue;
  polling.kind = kind;
  lane.poller.emplace(executor, lane.queue_pool, polling, metrics_, [&lane](queue::Claim claim) {
    const auto request = claim.request;
    lane.engine->submit(std::move(claim), [&lane, request] { lane.poller->finished(request); });
  });
}

asio::awaitable<void> Service::run() {
  const auto deadline = Deadline::after(std::chrono::seconds(20));
  const auto mappings = builtin_mappings();
  source::Installation installation;
  {
    auto connection = co_await postgres_.source_pool.acquire(deadline);
    installation = co_await source::attach(*connection, mappings, deadline);
    co_await queue::use_clickhouse(*connection, params_.clickhouse.has_value(), deadline);
  }
  const auto executor = loop_.get_executor();
  std::vector<Lane*> lanes{&postgres_};
  start(postgres_, queue::DestinationKind::postgres, installation);
  if (params_.clickhouse) {
    lanes.push_back(&clickhouse_);
    start(clickhouse_, queue::DestinationKind::clickhouse, installation);
  }
  sequencer_.emplace(sequencer_pool_, installation, mappings, params_.sequencer, metrics_, [lanes](std::uint64_t) {
    for (auto* lane : lanes) lane->poller->wake();
  });

  Event one_ended(executor);
  int running = 0;
  const auto begin = [&](asio::awaitable<void> part) {
    ++running;
    asio::co_spawn(executor, std::move(part), [&](std::exception_ptr error) {
      if (error) failure_ = error;
      --running;
      one_ended.set();
    });
  };
  if (params_.run_sequencer) begin(sequencer_->run(stop_.get_token()));
  for (auto* lane : lanes) {
    begin(lane->poller->run(stop_.get_token()));
    if (lane->writer) begin(sync::keep_clickhouse(*lane->writer, lane->source_pool, [] {}, stop_.get_token()));
  }
  const std::stop_callback finish_up(stop_.get_token(), [lanes] {
    for (auto* lane : lanes) lane->engine->begin_no_more();
  });
  while (running > 0) co_await one_ended.wait(Deadline::never());
  for (auto* lane : lanes) co_await lane->engine->drain(Deadline::after(std::chrono::seconds(5)));
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace tributary::test
