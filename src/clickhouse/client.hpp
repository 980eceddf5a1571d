#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/deadline.hpp"
#include "clickhouse/error.hpp"
#include "clickhouse/options.hpp"
#include "clickhouse/query.hpp"

namespace tributary::clickhouse {

struct ClientSettings {
  std::size_t max_connections = 8;                  ///< at least 1; further requests wait
  std::chrono::milliseconds idle_timeout{
      30'000};  ///< an unused connection is closed after this, or before the server would; zero keeps none
};

/// An answer that is read piece by piece: as slowly as its reader likes, as the server then waits. At most about 300 KiB of it are in memory.
///
/// Lifetime: independent of the Client, whose close() ends it. One that is destroyed before its end costs its connection. Threads: the Client's loop, one
/// call at a time.
class Answer {
 public:
  Answer(Answer&&) noexcept;
  Answer& operator=(Answer&&) noexcept;
  ~Answer();

  /// The next bytes, valid until the next call; empty at the end. Throws Error{server} where the server failed after it had begun to answer: what was
  /// read before is incomplete then, and from servers older than 25.11 its last bytes may be that error's text. Nothing can be read after an error.
  asio::awaitable<std::span<const std::byte>> next(Deadline deadline);

  const std::string& query_id() const;
  const std::string& format() const;  ///< "Native", "JSONEachRow"; empty where the server did not say
  /// As it was when the answer began: of the whole only for an INSERT, or with the setting wait_end_of_query = 1.
  const Summary& summary() const;

 private:
  friend class Client;
  struct Impl;
  explicit Answer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A client of one ClickHouse server, over its HTTP interface: a bounded set of keep-alive connections.
///
/// Lifetime: calls under way and answers may outlive it; its destructor ends them like close(). Threads: one loop, that of `executor`; calls on it are
/// concurrent, each on a connection of its own.
/// Cancellation: Asio's terminal and total, a passed Deadline, and close() end a call with an Error; its connection is dropped. The server may go on with the
/// statement (limit it with max_execution_time, or KILL QUERY by the query id).
/// Repetition: a kept connection that died is replaced in silence before anything is sent; after that only a retryable Query is sent again, and only where
/// no byte of an answer came. A failed connect is tried with each address of the host. Nothing else is tried again here.
class Client {
 public:
  /// Throws Error{usage} where the CA file cannot be read. Connects when first used.
  Client(asio::any_io_executor executor, ConnectOptions options, ClientSettings settings = {});
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Runs a statement; returns when the answer begins.
  asio::awaitable<Answer> start(Query query, Deadline deadline);
  /// Runs a statement to its end, with its whole answer.
  asio::awaitable<Result> execute(Query query, Deadline deadline);
  /// What the server has at `path` of its HTTP interface about a query: the embedded engine's /query_time.
  asio::awaitable<Result> get(std::string path, std::string query_id, Deadline deadline);
  /// Returns when the server answers at all. Needs no password.
  asio::awaitable<void> ping(Deadline deadline);
  /// For good: ends what is under way with Error{connection}.
  void close();

  struct Counts {
    std::size_t idle = 0, lent = 0, waiting = 0;
  };
  Counts counts() const;
  const ConnectOptions& options() const;
  asio::any_io_executor executor() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tributary::clickhouse
