#include "support/service.hpp"

#include <cstdio>

namespace tributary::test {

Service::Service(const Database& source) : Service(source, Params{}) {}

Service::Service(const Database& source, Params params)
    : params_([&] {
        params.queue.process = Uuid::random().to_string();
        return params;
      }()),
      source_pool_(loop_.get_executor(), sync::Engine::session_settings(source.options())),
      queue_pool_(loop_.get_executor(), queue::session_settings(source.options()), {.max_connections = 2}),
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
  thread_.join();
  if (!failure_) return;
  try {
    std::rethrow_exception(failure_);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "the service ended by a defect: %s\n", error.what());
    std::abort();  // a test that goes on would look as if it had passed
  }
}

asio::awaitable<void> Service::run() {
  const auto deadline = Deadline::after(std::chrono::seconds(20));
  const auto mappings = builtin_mappings();
  source::Installation installation;
  {
    auto connection = co_await source_pool_.acquire(deadline);
    installation = co_await source::attach(*connection, mappings, deadline);
  }
  const auto executor = loop_.get_executor();
  engine_.emplace(executor, source_pool_, installation, mappings, params_.sync, metrics_);
  poller_.emplace(executor, queue_pool_, params_.queue, metrics_, [this](queue::Claim claim) {
    const auto request = claim.request;
    engine_->submit(std::move(claim), [this, request] { poller_->finished(request); });
  });
  sequencer_.emplace(sequencer_pool_, installation, mappings, params_.sequencer, metrics_,
                     [this](std::uint64_t) { poller_->wake(); });

  Event one_ended(executor);
  int running = 0;
  const auto start = [&](asio::awaitable<void> part) {
    ++running;
    asio::co_spawn(executor, std::move(part), [&](std::exception_ptr error) {
      if (error) failure_ = error;
      --running;
      one_ended.set();
    });
  };
  if (params_.run_sequencer) start(sequencer_->run(stop_.get_token()));
  start(poller_->run(stop_.get_token()));
  const std::stop_callback finish_up(stop_.get_token(), [this] { engine_->begin_no_more(); });
  while (running > 0) co_await one_ended.wait(Deadline::never());
  co_await engine_->drain(Deadline::after(std::chrono::seconds(5)));
  if (failure_) std::rethrow_exception(failure_);
}

}  // namespace tributary::test
