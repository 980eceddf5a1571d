#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clickhouse/detail/transport.hpp"

namespace tributary::clickhouse::detail {

/// What goes before a request's body.
struct RequestHead {
  std::string_view method = "POST";
  std::string target;
  std::vector<std::pair<std::string, std::string>> fields;  ///< beside Host and what says how long the body is
};

/// What comes before an answer's body.
struct ResponseHead {
  int status = 0;
  std::string query_id;            ///< X-ClickHouse-Query-Id
  std::string summary;             ///< X-ClickHouse-Summary, JSON
  std::string exception_tag;       ///< X-ClickHouse-Exception-Tag
  std::string format;              ///< X-ClickHouse-Format
  std::string content_encoding;
  int exception_code = 0;          ///< X-ClickHouse-Exception-Code
  std::optional<std::chrono::seconds> keep_alive;  ///< for how long the server keeps an idle connection
};

/// One HTTP/1.1 connection: a request, its answer, the next request. Lifetime, threads, errors: as Transport; and Error{protocol} on an answer that is not
/// HTTP. After an error, or in the middle of an answer, it can only be destroyed.
class Connection {
 public:
  explicit Connection(std::unique_ptr<Transport> transport, std::string host);
  ~Connection();

  /// A request whose body is at hand.
  asio::awaitable<void> send(const RequestHead& head, std::string_view body, Deadline deadline);
  /// A request whose body follows in chunks and then send_end().
  asio::awaitable<void> send_head(const RequestHead& head, Deadline deadline);
  asio::awaitable<void> send_chunk(std::span<const std::byte> bytes, Deadline deadline);
  asio::awaitable<void> send_end(Deadline deadline);

  asio::awaitable<ResponseHead> read_head(Deadline deadline);
  /// The next bytes of the body, empty at its end; valid until the next call.
  asio::awaitable<std::span<const std::byte>> read_body(Deadline deadline);

  /// Not one byte of an answer came since the last request began.
  bool unanswered() const { return received_ == 0; }
  /// Request and answer are over, and the server agrees to another.
  bool reusable() const;
  /// REQUIRES: reusable().
  bool is_quiet() { return begin_ == end_ && transport_->is_quiet(); }

 private:
  struct Parser;
  asio::awaitable<void> receive(Deadline deadline);

  std::unique_ptr<Transport> transport_;
  const std::string host_;  ///< field Host
  std::unique_ptr<Parser> parser_;
  bool sent_ = false;
  std::size_t received_ = 0;
  std::vector<std::byte> input_;  ///< bytes begin_ to end_ came and were not parsed yet
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::vector<std::byte> body_;
};

}  // namespace tributary::clickhouse::detail
