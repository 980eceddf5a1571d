#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <deque>
#include <memory>
#include <stop_token>

#include "base/turnstile.hpp"
#include "clickhouse/detail/connection.hpp"
#include "clickhouse/options.hpp"

namespace tributary::clickhouse::detail {

class Pool;

/// A connection on loan. It goes back where it is reusable when destroyed, and is closed otherwise.
class Loan {
 public:
  Loan(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection, bool fresh);
  Loan(Loan&&) noexcept = default;
  Loan& operator=(Loan&&) = delete;
  ~Loan();
  Connection* operator->() { return connection_.get(); }
  /// Nothing was ever sent on it.
  bool fresh() const { return fresh_; }
  /// For how long the server said it keeps it when idle.
  void set_keep_alive(std::chrono::milliseconds time) { keep_alive_ = time; }

 private:
  std::shared_ptr<Pool> pool_;
  std::unique_ptr<Connection> connection_;
  bool fresh_;
  std::chrono::milliseconds keep_alive_ = std::chrono::milliseconds::max();
};

/// Keep-alive connections to one server, for one event loop. Waiters are served in order of arrival.
///
/// A loan holds a place of the turnstile, an idle connection none; whoever has a place takes an idle connection if there is one. So both together never
/// exceed the limit. Lifetime: shared with its loans.
class Pool : public std::enable_shared_from_this<Pool> {
 public:
  Pool(const asio::any_io_executor& executor, ConnectOptions options, std::size_t limit, std::chrono::milliseconds idle_time);

  /// An idle connection that is still there, or a new one. Throws Error{deadline} where no place is free in time, Error{connection} once closed, and what
  /// Transport::open throws.
  asio::awaitable<Loan> lend(Deadline deadline);
  /// They cannot be trusted: one that looked well was dead.
  void drop_idle() { idle_.clear(); }
  /// Ends what is under way on all of them, and all waiting.
  void close();

  std::size_t idle() const { return idle_.size(); }
  std::size_t lent() const { return turnstile_.inside(); }
  std::size_t waiting() const { return turnstile_.waiting(); }

 private:
  friend class Loan;
  using Clock = std::chrono::steady_clock;
  struct Idle {
    std::unique_ptr<Connection> connection;
    Clock::time_point until;
  };
  void take_back(std::unique_ptr<Connection> connection, std::chrono::milliseconds keep_alive);
  void watch_idle();

  const ConnectOptions options_;
  const std::chrono::milliseconds idle_time_;
  const std::shared_ptr<asio::ssl::context> tls_;
  std::stop_source closing_;
  Turnstile turnstile_;
  std::deque<Idle> idle_;  ///< the back is lent first, so that what is not needed ages at the front
  asio::steady_timer expiry_;
};

}  // namespace tributary::clickhouse::detail
