#include "clickhouse/embedded/detail/http.hpp"

#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/uuid.hpp"

namespace tributary::clickhouse::embedded {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr std::size_t kTagSize = 16;

std::string encoded(Encoding encoding, std::string_view text) {
  auto encoder = make_encoder(encoding);
  encoder->put(text);
  encoder->finish();
  std::string result;
  std::string piece(kPiece, '\0');
  while (const auto size = encoder->take(piece)) result.append(piece, 0, size);
  return result;
}

std::string summary(const Counts& counts) {
  return fmt::format(
      R"({{"read_rows":"{}","read_bytes":"{}","written_rows":"{}","written_bytes":"{}","total_rows_to_read":"0","result_rows":"{}","result_bytes":"{}"}})",
      counts.read_rows, counts.read_bytes, counts.written_rows, counts.written_bytes, counts.result_rows, counts.result_bytes);
}

}  // namespace

// ---- body ---------------------------------------------------------------------------------------------------------------------------

Body::Body(Peer& peer, beast::flat_buffer& buffer, Parser& parser, Encoding encoding)
    : peer_(peer), buffer_(buffer), parser_(parser), decoder_(make_decoder(encoding)), raw_(kPiece, '\0') {}

asio::awaitable<std::size_t> Body::read_raw(std::span<char> output) {
  while (!parser_.is_done()) {
    auto& body = parser_.get().body();
    body.data = output.data();
    body.size = output.size();
    peer_.expires_after(kSocketTimeout);
    boost::system::error_code error;
    co_await http::async_read(peer_.stream(), buffer_, parser_, asio::redirect_error(asio::use_awaitable, error));
    if (error && error != http::error::need_buffer) throw boost::system::system_error(error);
    if (const auto size = output.size() - body.size; size > 0) co_return size;
  }
  co_return 0;
}

asio::awaitable<std::size_t> Body::read(std::span<char> output) {
  while (!given_all_) {
    if (const auto size = decoder_->take(output); size > 0) co_return size;
    if (parser_.is_done()) {
      decoder_->finish();
      const auto size = decoder_->take(output);
      given_all_ = size == 0;
      co_return size;
    }
    const auto size = co_await read_raw(raw_);
    decoder_->put(std::span<const char>(raw_.data(), size));
  }
  co_return 0;
}

asio::awaitable<bool> Body::drain(std::uint64_t most) {
  for (std::uint64_t read = 0; read <= most;) {
    const auto size = co_await read_raw(raw_);
    if (size == 0) co_return true;
    read += size;
  }
  co_return false;
}

// ---- reply --------------------------------------------------------------------------------------------------------------------------

Reply::Reply(Peer& peer, const Query& query, bool keep_alive)
    : peer_(peer),
      id_(query.id),
      exception_tag_(Uuid::random().to_string().substr(0, kTagSize)),
      encoding_(query.wanted),
      encoder_(make_encoder(query.wanted)),
      keep_alive_(keep_alive) {}

template <class Message>
void Reply::fill_head(Message& message, std::string_view type, const Counts& counts) const {
  message.set(http::field::content_type, boost::string_view(type.data(), type.size()));
  message.set("X-ClickHouse-Query-Id", id_);
  message.set("X-ClickHouse-Summary", summary(counts));
  message.set("X-ClickHouse-Server-Display-Name", "tributary");
  message.set("X-ClickHouse-Timezone", "UTC");
  if (!format.empty()) message.set("X-ClickHouse-Format", format);
  if (encoding_ != Encoding::identity) message.set(http::field::content_encoding, std::string(name_of(encoding_)));
  message.keep_alive(keep_alive_);
  if (keep_alive_) message.set(http::field::keep_alive, "timeout=10");
}

asio::awaitable<void> Reply::send(unsigned status, std::string_view type, std::string_view body, const Counts& counts) {
  begun_ = true;
  http::response<http::string_body> response(static_cast<http::status>(status), 11);
  fill_head(response, type, counts);
  response.body() = encoding_ == Encoding::identity ? std::string(body) : encoded(encoding_, body);
  response.prepare_payload();
  peer_.expires_after(kSocketTimeout);
  co_await http::async_write(peer_.stream(), response, asio::use_awaitable);
}

asio::awaitable<void> Reply::send(const EngineError& error) {
  begun_ = true;
  http::response<http::string_body> response(static_cast<http::status>(status_of(error.code)), 11);
  format.clear();
  fill_head(response, "text/plain; charset=UTF-8", {});
  response.set("X-ClickHouse-Exception-Code", std::to_string(error.code));
  const auto text = error.message + '\n';
  response.body() = encoding_ == Encoding::identity ? text : encoded(encoding_, text);
  response.prepare_payload();
  peer_.expires_after(kSocketTimeout);
  co_await http::async_write(peer_.stream(), response, asio::use_awaitable);
}

asio::awaitable<void> Reply::begin(std::string_view type, std::string_view name) {
  begun_ = true;
  format = name;
  http::response<http::empty_body> response(http::status::ok, 11);
  fill_head(response, type, {});
  response.set("X-ClickHouse-Exception-Tag", exception_tag_);
  response.chunked(true);
  http::response_serializer<http::empty_body> serializer(response);
  peer_.expires_after(kSocketTimeout);
  co_await http::async_write_header(peer_.stream(), serializer, asio::use_awaitable);
}

asio::awaitable<void> Reply::write_chunk(std::string_view data) {
  peer_.expires_after(kSocketTimeout);
  co_await asio::async_write(peer_.stream(), http::make_chunk(asio::buffer(data)), asio::use_awaitable);
}

asio::awaitable<void> Reply::write(std::string_view data) {
  if (encoding_ == Encoding::identity) {
    if (!data.empty()) co_await write_chunk(data);
    co_return;
  }
  encoder_->put(data);
  std::string piece(kPiece, '\0');
  while (const auto size = encoder_->take(piece)) co_await write_chunk(std::string_view(piece).substr(0, size));
}

asio::awaitable<void> Reply::end() {
  if (encoding_ != Encoding::identity) {
    encoder_->finish();
    co_await write({});
  }
  peer_.expires_after(kSocketTimeout);
  co_await asio::async_write(peer_.stream(), http::make_chunk_last(), asio::use_awaitable);
}

asio::awaitable<void> Reply::break_off(const EngineError& error) {
  keep_alive_ = false;
  co_await write(fmt::format("\r\n__exception__\r\n{0}\r\n{1}\n{2} {0}\r\n__exception__\r\n", exception_tag_, error.message,
                             error.message.size() + 1));
  if (encoding_ == Encoding::identity) co_return;
  encoder_->finish();
  co_await write({});
}

}  // namespace tributary::clickhouse::embedded
