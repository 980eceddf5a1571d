#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace tributary::clickhouse {

/// What went wrong, by who said so.
enum class ErrorKind {
  connection,  ///< could not connect (TLS included), the connection broke, or the client was closed
  deadline,    ///< the Deadline passed, or the coroutine was cancelled
  server,      ///< the server refused the request, or failed in the middle of its answer
  protocol,    ///< bytes that make no sense, or more of them than allowed
  usage,       ///< a call that its header forbids, or a value that does not fit its column; a bug of the caller
};

/// The one exception of this module. None makes a Client unusable: it drops the connection where the answer was not read to its end.
class Error : public std::runtime_error {
 public:
  struct Details {
    ErrorKind kind = ErrorKind::connection;
    std::string
        message;  ///< one line of at most 4 KiB, without a password; the server's may show data and names: for operators, not for tenants
    int code = 0;  ///< ClickHouse's own number: 62; 0 where the server did not say one
    std::string name;  ///< "SYNTAX_ERROR"; empty where the server did not say it (old ones do not)
    int http_status = 0;  ///< 0 where no answer came
    std::string query_id;  ///< under which the server's query_log knows it
    bool in_doubt = false;  ///< the request, or a part of it, was sent and no word came back: its work may be done or not
  };
  explicit Error(Details details);
  Error(ErrorKind kind, std::string message);

  ErrorKind kind() const { return details_.kind; }
  int code() const { return details_.code; }
  std::string_view name() const { return details_.name; }
  bool in_doubt() const { return details_.in_doubt; }
  const Details& details() const { return details_; }
  /// The same work may succeed when tried again later without anybody doing anything (an allow-list: connection, deadline, codes of the server that speak
  /// of load, memory, disk, network and replicas, and HTTP's 408, 429, 502, 503 and 504 where there is no code).
  bool retryable() const;

 private:
  Details details_;
};

}  // namespace tributary::clickhouse
