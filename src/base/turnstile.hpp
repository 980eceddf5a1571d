#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <list>
#include <optional>

#include "base/deadline.hpp"

namespace tributary {

namespace asio = boost::asio;

/// Lets at most so many in at a time, in order of arrival.
///
/// A place that becomes free is handed to the first waiter at once, so nobody who comes later can take it, and a waiter that gives up
/// in that very moment hands it on. Lifetime: must outlive each enter() and Place. Threads: one loop.
class Turnstile {
 public:
  /// A place inside, left again at the end unless kept.
  class Place {
   public:
    explicit Place(Turnstile& turnstile) : turnstile_(&turnstile) {}
    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();
    /// From now on the caller says leave().
    void keep() { turnstile_ = nullptr; }

   private:
    Turnstile* turnstile_;
  };

  Turnstile(asio::any_io_executor executor, std::size_t places);

  /// nullopt when no place became free in time, or the coroutine was cancelled.
  asio::awaitable<std::optional<Place>> enter(Deadline deadline);
  void leave();
  /// No more waiting: lets everybody in, now and later.
  void open_for_all();

  /// Whoever was let in but has not run yet still counts as waiting.
  std::size_t inside() const { return taken_ - handed_over_; }
  std::size_t waiting() const { return waiting_.size() + handed_over_; }

 private:
  class Waiter;

  asio::any_io_executor executor_;
  std::size_t places_;
  std::size_t taken_ = 0;  ///< places that nobody else can have
  std::size_t handed_over_ = 0;  ///< of these, given to waiters that have not run yet
  std::list<Waiter*> waiting_;
};

}  // namespace tributary
