#pragma once
#include <libpq-fe.h>

#include "postgres/connection.hpp"
#include "postgres/detail/cancel.hpp"
#include "postgres/detail/prepared.hpp"
#include "postgres/detail/readiness.hpp"
#include "postgres/detail/receive_meter.hpp"

namespace tributary::postgres {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultHandle = std::unique_ptr<PGresult, ClearResult>;

/// What Connection, CopyReader, CopyWriter and Transaction share: libpq's connection, and the few ways to wait for it.
struct Connection::Impl {
  using Interest = detail::Readiness::Interest;
  enum class Copy { none, reading, writing };

  explicit Impl(asio::any_io_executor executor);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  class Operation;

  // The steps of an operation.
  asio::awaitable<void> flush();                ///< until everything is with the kernel; takes what arrives meanwhile
  asio::awaitable<ResultHandle> next_result();  ///< PQgetResult without blocking; null at the end of a statement
  asio::awaitable<bool> wait_for_input();       ///< and takes it; false when the connection broke
  bool tls_holds_input() const;
  bool take_input();  ///< PQconsumeInput: false when the connection broke. Throws Error{protocol} at more than max_answer
  /// Results up to the end of the statement: returns the last, or throws the server's first error.
  asio::awaitable<Result> collect(Operation& operation, std::string_view sql);
  void send_script(const std::string& text);  ///< PQsendQuery
  void require_sent(int sent, std::string_view sql);  ///< checks what a PQsend… returned

  asio::awaitable<Result> run_script(std::string_view sql, Deadline deadline);
  asio::awaitable<std::vector<Result>> run_pipeline(std::vector<Command> commands, Deadline deadline);

  Error broken(std::string_view sql) const;  ///< what happened to the connection
  Error server_error(const PGresult* result, std::string_view sql) const;
  detail::CancelHandle cancel_handle() const;
  bool
  peer_is_there();  ///< as far as can be told without asking: it neither closed the connection, nor said farewell, nor far too much
  void abandon() noexcept;  ///< cancels what the server may be doing, and closes
  void close() noexcept;

  bool usable() const { return connection != nullptr && !busy && copy == Copy::none && PQstatus(connection) == CONNECTION_OK; }

  asio::any_io_executor executor;
  detail::CancelService& cancel_service;  ///< made with the first connection, not in the middle of the loop's end
  detail::Readiness readiness;
  PGconn* connection = nullptr;  ///< owned; null once closed
  bool busy = false;  ///< an operation is under way
  std::size_t max_answer = 0;  ///< see ConnectOptions
  detail::ReceiveMeter meter;
  Copy copy = Copy::none;
  detail::PreparedStatements prepared;
};

/// Brackets one operation: refuses what cannot start, sets the deadline, and unless done() was said closes the connection at its
/// end, whatever way that came (exception, cancellation, destruction of the coroutine).
class Connection::Impl::Operation {
 public:
  Operation(Impl& impl, Deadline deadline, Copy expected = Copy::none);
  ~Operation();
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  /// The connection is in a known state again.
  void done() { done_ = true; }

 private:
  Impl& impl_;
  bool done_ = false;
};

}  // namespace tributary::postgres
