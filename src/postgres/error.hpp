#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace tributary::postgres {

/// What went wrong, by what can still be used afterwards.
enum class ErrorKind {
  connection,  ///< could not connect, or the connection broke: it is gone
  deadline,    ///< the Deadline passed, or the coroutine was cancelled: the connection is closed, the server told to cancel
  server,      ///< the server refused a statement: the connection is usable (its transaction, if any, is aborted)
  protocol,    ///< bytes that make no sense, or more of them than allowed: the connection is closed
  usage,       ///< a call that its header forbids; a bug of the caller
};

/// The one exception of this module.
class Error : public std::runtime_error {
 public:
  struct Details {
    ErrorKind kind = ErrorKind::connection;
    std::string message;     ///< one line, without a password; at most 2 KiB of a server's text is kept
    std::string sqlstate;    ///< five characters; empty where no server said anything
    std::string detail;      ///< the server's DETAIL, may hold data of a row: never for other tenants' eyes
    std::string hint;
    std::string table;
    std::string column;
    std::string constraint;
    std::string statement;   ///< start of the SQL text that failed, without parameters
    bool commit_in_doubt = false;  ///< it ended Transaction::commit() or a pipeline that was sent: their work may be there or not
  };
  explicit Error(Details details);
  Error(ErrorKind kind, std::string message);

  ErrorKind kind() const { return details_.kind; }
  std::string_view sqlstate() const { return details_.sqlstate; }
  const Details& details() const { return details_; }
  /// The connection that threw cannot be used again.
  bool poisons_connection() const { return details_.kind != ErrorKind::server; }
  bool commit_in_doubt() const { return details_.commit_in_doubt; }
  /// The same error, with commit_in_doubt().
  Error in_doubt() const;
  /// The same work may succeed when tried again later without anybody doing anything (an allow-list: connection, deadline, and SQLSTATE
  /// classes 08, 40, 53, 55, 57, 58 and XX).
  bool retryable() const;
  /// The server refused a statement for what may be the fault of a row: a value, a constraint, a limit, whatever a trigger of the customer's raises. Whether
  /// the statement would succeed without that row only trying tells. Ruled out are SQLSTATEs of the session, the statement and the server (classes 08, 0A,
  /// 25, 26, 28, 3B, 3D, 3F, 40, 42, 53, 55, 57, 58, F0 and XX).
  bool may_blame_a_row() const;

 private:
  Details details_;
};

}  // namespace tributary::postgres
