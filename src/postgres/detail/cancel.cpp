#include "postgres/detail/cancel.hpp"

#include <libpq-fe.h>
#include <pthread.h>

#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <thread>

namespace tributary::postgres::detail {

void FreeCancel::operator()(pg_cancel* cancel) const { PQfreeCancel(cancel); }

/// What the threads share with the service, and may outlive it. What belongs to the event loop stays in here, so that shutdown() can take
/// it away from a thread that is stuck.
struct CancelService::Shared {
  std::mutex mutex;
  std::condition_variable ended;
  std::map<std::uint64_t, Done> running;  // guarded by mutex
  std::uint64_t last_id = 0;  // guarded by mutex
  bool stopped = false;  // guarded by mutex

  void run(const CancelHandle& cancel, std::uint64_t id) {
    std::array<char, 256> message{};
    const bool sent = PQcancel(cancel.get(), message.data(), static_cast<int>(message.size())) == 1;
    const std::lock_guard lock(mutex);
    const auto entry = running.extract(id);
    if (entry && entry.mapped()) entry.mapped()(sent);
    ended.notify_all();
  }
};

CancelService::CancelService(asio::execution_context& context)
    : asio::execution_context::service(context), shared_(std::make_shared<Shared>()) {}

CancelService::~CancelService() = default;

bool CancelService::start(CancelHandle cancel, Done done) {
  if (!cancel) return false;
  const std::lock_guard lock(shared_->mutex);
  if (shared_->running.size() >= kThreads || (shared_->stopped && done)) return false;
  const auto id = ++shared_->last_id;
  shared_->running.emplace(id, std::move(done));

  // Signals are for the threads that expect them; and PQcancel writes without MSG_NOSIGNAL.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  bool started = true;
  try {
    std::thread([shared = shared_, cancel = std::move(cancel), id] { shared->run(cancel, id); }).detach();
  } catch (const std::system_error&) {
    shared_->running.erase(id);
    started = false;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

void CancelService::send(CancelHandle cancel) noexcept {
  try {
    start(std::move(cancel), nullptr);
  } catch (const std::bad_alloc&) {
    // As with too many.
  }
}

asio::awaitable<bool> CancelService::send_and_wait(CancelHandle cancel, Deadline deadline) {
  struct Answer {
    explicit Answer(const asio::any_io_executor& executor) : timer(executor) {}
    asio::steady_timer timer;
    std::optional<bool> sent;
  };
  const auto executor = co_await asio::this_coro::executor;
  const auto answer = std::make_shared<Answer>(executor);
  answer->timer.expires_at(deadline.when());
  const bool started = start(std::move(cancel), [executor, answer](bool sent) {
    asio::post(executor, [answer, sent] {
      answer->sent = sent;
      answer->timer.cancel();
    });
  });
  if (!started) co_return false;
  boost::system::error_code ignored;
  co_await answer->timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  co_return answer->sent.value_or(false);
}

void CancelService::shutdown() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopped = true;
  for (auto& [id, done] : shared_->running) done = nullptr;
  shared_->ended.wait_for(lock, std::chrono::seconds(1), [this] { return shared_->running.empty(); });
}

CancelService& cancel_service(const asio::any_io_executor& executor) {
  return asio::use_service<CancelService>(asio::query(executor, asio::execution::context));
}

}  // namespace tributary::postgres::detail
