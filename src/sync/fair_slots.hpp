#pragma once
#include <memory>
#include <string>
#include <utility>

#include "base/admission.hpp"
#include "base/event.hpp"

namespace tributary::sync {

/// Slots of which each of many has a few at most (Admission), for coroutines of one loop. A slot is given back when its Slot is destroyed.
/// Lifetime: they outlive every Slot and every waiter.
class FairSlots {
 public:
  /// `each`: that one key may have of `all`.
  FairSlots(std::size_t each, std::size_t all) : line_(each, all) {}

  class Slot {
   public:
    Slot(FairSlots& slots, std::string key) : slots_(&slots), key_(std::move(key)) {}
    Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)), key_(std::move(other.key_)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot() {
      if (slots_ != nullptr) slots_->give_back(key_);
    }

   private:
    FairSlots* slots_;
    std::string key_;
  };

  asio::awaitable<Slot> take(std::string key) {
    const auto waiter = std::make_shared<Waiter>(co_await asio::this_coro::executor);
    line_.wait(key, waiter);
    admit();
    while (!waiter->admitted) co_await waiter->turn.wait(Deadline::never());
    co_return Slot(*this, std::move(key));
  }

 private:
  struct Waiter {
    explicit Waiter(asio::any_io_executor executor) : turn(std::move(executor)) {}
    Event turn;
    bool admitted = false;
  };

  void admit() {
    while (const auto next = line_.next()) {
      next->item->admitted = true;
      next->item->turn.set();
    }
  }

  void give_back(const std::string& key) {
    line_.leave(key);
    admit();
  }

  Admission<std::shared_ptr<Waiter>> line_;
};

}  // namespace tributary::sync
