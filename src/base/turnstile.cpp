#include "base/turnstile.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <limits>
#include <utility>

namespace tributary {

Turnstile::Place::Place(Place&& other) noexcept : turnstile_(std::exchange(other.turnstile_, nullptr)) {}

Turnstile::Place::~Place() {
  if (turnstile_ != nullptr) turnstile_->leave();
}

/// Stands in the queue while it exists. Lives in the frame of enter(), so a coroutine that is destroyed while it waits loses nothing.
class Turnstile::Waiter {
 public:
  Waiter(Turnstile& turnstile, Deadline deadline) : turnstile_(turnstile), timer_(turnstile.executor_, deadline.when()) {
    position_ = turnstile_.waiting_.insert(turnstile_.waiting_.end(), this);
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    if (!let_in_) {
      turnstile_.waiting_.erase(position_);
      return;
    }
    --turnstile_.handed_over_;
    if (!entered_) turnstile_.leave();
  }

  asio::awaitable<void> wait() {
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  /// The queue's front goes in, and is out of the queue.
  void let_in() {
    turnstile_.waiting_.erase(position_);
    let_in_ = true;
    ++turnstile_.handed_over_;
    timer_.cancel();
  }
  bool may_enter() const { return let_in_; }
  Place take() {
    entered_ = true;
    return Place(turnstile_);
  }

 private:
  Turnstile& turnstile_;
  asio::steady_timer timer_;
  std::list<Waiter*>::iterator position_;
  bool let_in_ = false;
  bool entered_ = false;
};

Turnstile::Turnstile(asio::any_io_executor executor, std::size_t places) : executor_(std::move(executor)), places_(places) {}

asio::awaitable<std::optional<Turnstile::Place>> Turnstile::enter(Deadline deadline) {
  if (deadline.expired()) co_return std::nullopt;
  if (taken_ < places_) {  // then nobody waits: leave() fills a free place at once
    ++taken_;
    co_return Place(*this);
  }
  Waiter waiter(*this, deadline);
  co_await waiter.wait();
  if (!waiter.may_enter()) co_return std::nullopt;
  co_return waiter.take();
}

void Turnstile::leave() {
  --taken_;
  if (waiting_.empty() || taken_ >= places_) return;
  ++taken_;
  waiting_.front()->let_in();
}

void Turnstile::open_for_all() {
  places_ = std::numeric_limits<std::size_t>::max();
  while (!waiting_.empty()) {
    ++taken_;
    waiting_.front()->let_in();
  }
}

}  // namespace tributary
