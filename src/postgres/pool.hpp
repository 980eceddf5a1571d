#pragma once
#include <chrono>
#include <cstddef>
#include <memory>

#include "postgres/connection.hpp"

namespace tributary::postgres {

struct PoolSettings {
  std::size_t max_connections = 8;                      ///< at least 1
  std::chrono::milliseconds idle_timeout{30'000};       ///< an unused connection is closed after this; zero closes at return
  std::chrono::milliseconds check_after_idle{5'000};    ///< one that was idle for longer is asked `SELECT 1` before it is lent
  std::chrono::milliseconds max_lifetime{1'800'000};    ///< an older one is closed at return
};

class Pool;

/// A connection on loan; goes back when destroyed. One that is not usable, or is inside a transaction, is closed instead.
class PooledConnection {
 public:
  PooledConnection(PooledConnection&&) noexcept;
  PooledConnection& operator=(PooledConnection&&) noexcept;
  ~PooledConnection();
  Connection& operator*() { return *connection_; }
  Connection* operator->() { return connection_.get(); }
  /// True on the first loan of a new connection: what was cached about the session (temporary tables) does not hold.
  bool fresh() const { return fresh_; }

 private:
  friend class Pool;
  struct State;
  PooledConnection(std::shared_ptr<State> state, std::unique_ptr<Connection> connection,
                   std::chrono::steady_clock::time_point opened, bool fresh);
  std::shared_ptr<State> state_;
  std::unique_ptr<Connection> connection_;
  std::chrono::steady_clock::time_point opened_;
  bool fresh_ = false;
};

/// A bounded set of connections to one database for one event loop. Waiters are served in order of arrival.
///
/// Lifetime: loans may outlive the pool; they then close. Threads: one loop, that of `executor`; never shared between threads.
/// Cancellation: as Connection. Errors: Error{deadline} when none became free in time; what open() throws.
class Pool {
 public:
  Pool(asio::any_io_executor executor, ConnectOptions options, PoolSettings settings = {});
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  asio::awaitable<PooledConnection> acquire(Deadline deadline);
  /// Idle ones are closed now, lent ones at return.
  void close();

  struct Counts {
    std::size_t open = 0, lent = 0, waiting = 0;
  };
  Counts counts() const;
  const ConnectOptions& options() const;
  asio::any_io_executor executor() const;

 private:
  std::shared_ptr<PooledConnection::State> state_;
};

}  // namespace tributary::postgres
