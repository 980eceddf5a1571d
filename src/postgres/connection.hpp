#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"
#include "base/sql_text.hpp"
#include "postgres/error.hpp"
#include "postgres/options.hpp"
#include "postgres/params.hpp"
#include "postgres/result.hpp"

namespace tributary::postgres {

namespace asio = boost::asio;

/// One statement of a pipeline. The text must live until the pipeline's call returns.
struct Command {
  std::string_view sql;
  Params params;
  bool prepare = true;  ///< prepare once per connection under a name of its own, then reuse; false for one-off texts
};

/// A notification as LISTEN delivers it.
struct Notification {
  std::string channel;
  std::string payload;
};

enum class TransactionStatus { idle, active, in_transaction, in_failed_transaction, unknown };

/// One asynchronous connection to a PostgreSQL server, by libpq in non-blocking mode on an Asio event loop.
///
/// Lifetime: must outlive each operation started on it. Moved-from objects can only be destroyed or assigned to. The destructor closes.
/// Threads: belongs to the loop of the executor it was opened on; one operation at a time; distinct connections are independent.
/// Cancellation: Asio's total and terminal cancellation, and a passed Deadline, end an operation with Error{deadline}: the server is sent
/// a cancel request (from a helper thread: PQcancel blocks) and the connection is closed, as what it would answer next is unknown.
/// Errors: Error. After one with poisons_connection() every further call throws Error{connection}; save that a call which is refused at once with
/// Error{usage} changes nothing. The server's notices are dropped.
class Connection {
 public:
  /// Resolves `host` with Asio and hands libpq `hostaddr` (with `host` kept for verify-full and .pgpass), trying each address.
  /// Runs on the calling coroutine's executor.
  static asio::awaitable<Connection> open(ConnectOptions options, Deadline deadline);

  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  /// One statement by the extended protocol, binary parameters and result. `sql` is planned anew each time.
  asio::awaitable<Result> execute(std::string_view sql, Params params, Deadline deadline);
  asio::awaitable<Result> execute(std::string_view sql, Deadline deadline);
  /// The same, prepared at the first use on this connection, under a name derived from the text.
  asio::awaitable<Result> execute_prepared(std::string_view sql, Params params, Deadline deadline);
  /// Several statements in one round trip, and (unless they say otherwise) one implicit transaction. Results in order.
  /// The first failure is thrown once the pipeline is drained; the connection stays usable.
  asio::awaitable<std::vector<Result>> execute_pipeline(std::vector<Command> commands, Deadline deadline);
  /// Any number of statements separated by semicolons by the simple protocol, results discarded. For DDL scripts and BEGIN/COMMIT.
  asio::awaitable<void> execute_script(std::string_view sql, Deadline deadline);

  /// Waits for the next notification of a channel this connection LISTENs to.
  asio::awaitable<Notification> wait_notification(Deadline deadline);

  TransactionStatus transaction_status() const;
  bool usable() const;  ///< open, and no operation left it in an unknown state
  void close();  ///< at once, without a word to anybody; idempotent
  int server_version() const;  ///< 150018 for 15.18
  int backend_pid() const;
  asio::any_io_executor executor() const;

  struct Impl;  ///< shared with CopyReader and CopyWriter
  Impl& impl() { return *impl_; }

 private:
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

using tributary::quote_identifier;  // base/sql_text.hpp
/// SQL literals, for COPY, which takes no parameters. Nothing but these two types is ever written as a literal.
std::string literal(const Uuid& value);  ///< '6b…'::uuid
std::string literal(std::int64_t value);  ///< 42::bigint (negative in parentheses)

}  // namespace tributary::postgres
