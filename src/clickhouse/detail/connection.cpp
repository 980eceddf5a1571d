#include "clickhouse/detail/connection.hpp"

#include <fmt/format.h>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <charconv>
#include <cstring>

#include "clickhouse/error.hpp"

namespace tributary::clickhouse::detail {

namespace http = boost::beast::http;
using boost::system::error_code;

namespace {

constexpr std::size_t kInputSize = 64 * 1024;
constexpr std::size_t kBodySize = 64 * 1024;

std::string text(const RequestHead& head, std::string_view host) {
  auto result = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: tributary\r\n", head.method, head.target, host);
  for (const auto& [name, value] : head.fields) {
    // A line break would begin a field, or a request, of somebody else's making.
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      throw Error(ErrorKind::usage, "a value with a line break cannot be sent as " + name);
    }
    result += fmt::format("{}: {}\r\n", name, value);
  }
  return result;
}

asio::const_buffer buffer(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

int number(std::string_view digits) {
  int value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

/// "timeout=3, max=9999"
std::optional<std::chrono::seconds> keep_alive_time(std::string_view field) {
  constexpr std::string_view kTimeout = "timeout=";
  const auto at = field.find(kTimeout);
  if (at == std::string_view::npos) return std::nullopt;
  return std::chrono::seconds(number(field.substr(at + kTimeout.size())));
}

}  // namespace

struct Connection::Parser : http::response_parser<http::buffer_body> {
  Parser() {
    header_limit(kInputSize);
    body_limit(boost::none);
  }
};

Connection::Connection(std::unique_ptr<Transport> transport, std::string host)
    : transport_(std::move(transport)), host_(std::move(host)), input_(kInputSize) {}

Connection::~Connection() = default;

asio::awaitable<void> Connection::send(const RequestHead& head, std::string_view body, Deadline deadline) {
  const auto before = text(head, host_) + fmt::format("Content-Length: {}\r\n\r\n", body.size());
  received_ = 0;
  sent_ = false;
  const std::array buffers{buffer(before), buffer(body)};
  co_await transport_->write(buffers, deadline);
  sent_ = true;
}

asio::awaitable<void> Connection::send_head(const RequestHead& head, Deadline deadline) {
  const auto before = text(head, host_) + "Transfer-Encoding: chunked\r\n\r\n";
  received_ = 0;
  sent_ = false;
  const std::array buffers{buffer(before)};
  co_await transport_->write(buffers, deadline);
}

asio::awaitable<void> Connection::send_chunk(std::span<const std::byte> bytes, Deadline deadline) {
  if (bytes.empty()) co_return;  // would be the end
  const auto size = fmt::format("{:x}\r\n", bytes.size());
  const std::array buffers{buffer(size), asio::const_buffer(bytes.data(), bytes.size()), buffer("\r\n")};
  co_await transport_->write(buffers, deadline);
}

asio::awaitable<void> Connection::send_end(Deadline deadline) {
  const std::array buffers{buffer("0\r\n\r\n")};
  co_await transport_->write(buffers, deadline);
  sent_ = true;
}

asio::awaitable<void> Connection::receive(Deadline deadline) {
  std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ == input_.size()) throw Error(ErrorKind::protocol, "the server's answer is not HTTP");
  const auto size = co_await transport_->read_some(std::span(input_).subspan(end_), deadline);
  received_ += size;
  end_ += size;
  if (size > 0) co_return;
  error_code error;
  if (parser_->got_some()) parser_->put_eof(error);
  if (error || !parser_->is_done())
    throw Error(ErrorKind::connection, "the server closed the connection before the end of its answer");
}

asio::awaitable<ResponseHead> Connection::read_head(Deadline deadline) {
  parser_ = std::make_unique<Parser>();
  while (!parser_->is_header_done()) {
    error_code error;
    begin_ += parser_->put(asio::const_buffer(input_.data() + begin_, end_ - begin_), error);
    if (error && error != http::error::need_more)
      throw Error(ErrorKind::protocol, "the server's answer is not HTTP: " + error.message());
    if (!parser_->is_header_done()) co_await receive(deadline);
    if (parser_->is_header_done() && parser_->get().result_int() / 100 == 1)
      parser_ = std::make_unique<Parser>();  // 100 Continue
  }
  parser_->eager(true);
  const auto& fields = parser_->get();
  const auto field = [&](std::string_view name) { return std::string(fields[name]); };
  co_return ResponseHead{.status = static_cast<int>(fields.result_int()),
                         .query_id = field("X-ClickHouse-Query-Id"),
                         .summary = field("X-ClickHouse-Summary"),
                         .exception_tag = field("X-ClickHouse-Exception-Tag"),
                         .format = field("X-ClickHouse-Format"),
                         .content_encoding = field("Content-Encoding"),
                         .exception_code = number(fields["X-ClickHouse-Exception-Code"]),
                         .keep_alive = keep_alive_time(fields["Keep-Alive"])};
}

asio::awaitable<std::span<const std::byte>> Connection::read_body(Deadline deadline) {
  body_.resize(kBodySize);
  while (!parser_->is_done()) {
    auto& out = parser_->get().body();
    out.data = body_.data();
    out.size = body_.size();
    out.more = true;
    error_code error;
    begin_ += parser_->put(asio::const_buffer(input_.data() + begin_, end_ - begin_), error);
    const auto filled = body_.size() - out.size;
    if (error && error != http::error::need_more && error != http::error::need_buffer) {
      throw Error(ErrorKind::protocol, "the server's answer is not HTTP: " + error.message());
    }
    if (filled > 0) co_return std::span<const std::byte>(body_).first(filled);
    if (!parser_->is_done()) co_await receive(deadline);
  }
  co_return std::span<const std::byte>{};
}

bool Connection::reusable() const { return sent_ && parser_ && parser_->is_done() && parser_->keep_alive() && begin_ == end_; }

}  // namespace tributary::clickhouse::detail
