#include "cli/demo/tasks.hpp"

#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace tributary::cli::demo {

void Tasks::add(asio::awaitable<void> task) {
  ++running_;
  asio::co_spawn(executor_, std::move(task), [this](std::exception_ptr failure) {
    --running_;
    if (failure && !failure_) {
      failure_ = failure;
      stop_.request_stop();
    }
    ended_.set();
  });
}

void Tasks::check() const {
  if (failure_) std::rethrow_exception(failure_);
}

asio::awaitable<void> Tasks::join(std::stop_token stop) {
  std::stop_callback hand_on(stop, [this] { stop_.request_stop(); });
  while (running_ > 0) co_await ended_.wait(Deadline::never());
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

}  // namespace tributary::cli::demo
