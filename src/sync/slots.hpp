#pragma once
#include <list>
#include <memory>

#include "base/event.hpp"

namespace tributary::sync {

/// A counting semaphore for coroutines of one loop, served in order of arrival. A slot is given back when its Slot is destroyed.
/// Lifetime: the Slots outlive every Slot and every waiter.
class Slots {
 public:
  explicit Slots(int count) : free_(count) {}

  class Slot {
   public:
    explicit Slot(Slots& slots) : slots_(&slots) {}
    Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (slots_ != nullptr) slots_->give_back();
    }

   private:
    Slots* slots_;
  };

  asio::awaitable<Slot> take() {
    if (free_ > 0) {
      --free_;
      co_return Slot(*this);
    }
    Waiter waiter(co_await asio::this_coro::executor, waiters_);
    while (!waiter.served) co_await waiter.turn.wait(Deadline::never());
    co_return Slot(*this);
  }

  std::size_t waiting() const { return waiters_.size(); }

 private:
  struct Waiter {
    Waiter(asio::any_io_executor executor, std::list<Waiter*>& queue) : turn(std::move(executor)), waiters(queue) {
      place = waiters.insert(waiters.end(), this);
    }
    ~Waiter() {
      if (!served) waiters.erase(place);
    }
    Event turn;
    bool served = false;
    std::list<Waiter*>& waiters;
    std::list<Waiter*>::iterator place;
  };

  void give_back() {
    if (waiters_.empty()) {
      ++free_;
      return;
    }
    auto* next = waiters_.front();
    waiters_.pop_front();
    next->served = true;
    next->turn.set();
  }

  int free_;
  std::list<Waiter*> waiters_;
};

}  // namespace tributary::sync
