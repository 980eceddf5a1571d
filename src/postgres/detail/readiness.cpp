#include "postgres/detail/readiness.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "postgres/detail/cancelled.hpp"
#include "postgres/error.hpp"

namespace tributary::postgres::detail {

using Descriptor = asio::posix::stream_descriptor;

struct Readiness::State {
  explicit State(const asio::any_io_executor& executor) : descriptor(executor), timer(executor) {}

  Descriptor descriptor;
  asio::steady_timer timer;
  Deadline deadline = Deadline::never();
  bool timer_set = false;

  bool expired() const { return deadline.expired(); }
  void cancel_wait() {
    boost::system::error_code ignored;
    descriptor.cancel(ignored);
  }
};

Readiness::Readiness(asio::any_io_executor executor) : state_(std::make_shared<State>(executor)) {}

Readiness::~Readiness() {
  end_operation();
  release();
}

void Readiness::watch(int socket) {
  release();
  state_->descriptor.assign(socket);
}

void Readiness::release() {
  if (state_->descriptor.is_open()) state_->descriptor.release();
}

void Readiness::begin_operation(Deadline deadline) { state_->deadline = deadline; }

void Readiness::end_operation() {
  state_->deadline = Deadline::never();
  if (state_->timer_set) state_->timer.cancel();
  state_->timer_set = false;
}

asio::awaitable<void> Readiness::wait(Interest interest) {
  const auto state = state_;
  if (!state->timer_set && !state->deadline.is_never()) {
    state->timer_set = true;
    state->timer.expires_at(state->deadline.when());
    // A handler that was queued when its operation ended meets a later deadline, or none, and does nothing.
    state->timer.async_wait([state](boost::system::error_code) {
      if (state->expired()) state->cancel_wait();
    });
  }

  boost::system::error_code error;
  auto& descriptor = state->descriptor;
  if (state->expired()) {
    error = asio::error::operation_aborted;
  } else if (interest == Interest::both) {
    const auto [order, read_error, write_error] =
        co_await asio::experimental::make_parallel_group(descriptor.async_wait(Descriptor::wait_read, asio::deferred),
                                                         descriptor.async_wait(Descriptor::wait_write, asio::deferred))
            .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
    error = order[0] == 0 ? read_error : write_error;
  } else {
    const auto what = interest == Interest::read ? Descriptor::wait_read : Descriptor::wait_write;
    co_await descriptor.async_wait(what, asio::redirect_error(asio::use_awaitable, error));
  }

  // A cancellation can also arrive when the wait is over but this coroutine does not run yet; its next co_await would throw then.
  // One that disabled throwing, to clean up, goes on.
  const bool cancelled =
      is_cancelled(co_await asio::this_coro::cancellation_state) && co_await asio::this_coro::throw_if_cancelled();
  if (error == asio::error::operation_aborted || cancelled) {
    throw Error(ErrorKind::deadline, state->expired() ? "the deadline passed" : "the operation was cancelled");
  }
}

}  // namespace tributary::postgres::detail
