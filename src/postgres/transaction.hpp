#pragma once
#include "postgres/connection.hpp"

namespace tributary::postgres {

enum class TransactionMode {
  read_committed,
  snapshot_read_only,  ///< REPEATABLE READ, READ ONLY: every statement sees one snapshot
};

/// A transaction on a connection that it borrows. Dropped without commit() or rollback(), it closes the connection: a destructor cannot
/// wait, and nothing may be left open by accident.
class Transaction {
 public:
  static asio::awaitable<Transaction> begin(Connection& connection, TransactionMode mode, Deadline deadline);
  Transaction(Transaction&&) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();

  Connection& connection() { return *connection_; }
  /// A break while waiting for the answer throws Error with commit_in_doubt().
  asio::awaitable<void> commit(Deadline deadline);
  asio::awaitable<void> rollback(Deadline deadline);

 private:
  explicit Transaction(Connection& connection) : connection_(&connection) {}
  Connection* connection_;
};

}  // namespace tributary::postgres
