#include "postgres/transaction.hpp"

#include <utility>

#include "postgres/detail/impl.hpp"

namespace tributary::postgres {

asio::awaitable<Transaction> Transaction::begin(Connection& connection, TransactionMode mode, Deadline deadline) {
  const bool snapshot = mode == TransactionMode::snapshot_read_only;
  const auto* sql =
      snapshot ? "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY" : "BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE";
  if (connection.transaction_status() != TransactionStatus::idle && connection.usable()) {
    throw Error(ErrorKind::usage, "the connection is inside of a transaction already");
  }
  co_await connection.execute_script(sql, deadline);
  co_return Transaction(connection);
}

Transaction::Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}

Transaction::~Transaction() {
  if (connection_ != nullptr) connection_->close();
}

asio::awaitable<void> Transaction::commit(Deadline deadline) {
  if (connection_ == nullptr) throw Error(ErrorKind::usage, "the transaction has ended already");
  auto& impl = std::exchange(connection_, nullptr)->impl();
  const bool can_be_sent = impl.usable() && !deadline.expired();
  std::string tag;
  try {
    const auto result = co_await impl.run_script("COMMIT", deadline);
    tag = result.command_tag();
  } catch (const Error& error) {
    if (can_be_sent && (error.kind() == ErrorKind::connection || error.kind() == ErrorKind::deadline)) throw error.in_doubt();
    throw;
  }
  // To the COMMIT of a failed transaction the server does not say that it failed, but what it did instead.
  if (tag != "COMMIT") {
    Error::Details details;
    details.kind = ErrorKind::server;
    details.sqlstate = "25P02";
    details.message = "the transaction had failed and was rolled back";
    details.statement = "COMMIT";
    throw Error(std::move(details));
  }
}

asio::awaitable<void> Transaction::rollback(Deadline deadline) {
  if (connection_ == nullptr) throw Error(ErrorKind::usage, "the transaction has ended already");
  auto& connection = *std::exchange(connection_, nullptr);
  co_await connection.execute_script("ROLLBACK", deadline);
}

}  // namespace tributary::postgres
