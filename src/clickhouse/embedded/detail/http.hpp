#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <span>
#include <string>

#include "clickhouse/embedded/codec.hpp"
#include "clickhouse/embedded/detail/peer.hpp"
#include "clickhouse/embedded/engine.hpp"
#include "clickhouse/embedded/request.hpp"

/// The two directions of a request. All wait at most kSocketTimeout for the peer, and throw boost::system::system_error where it is gone.
namespace tributary::clickhouse::embedded {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

inline constexpr std::chrono::seconds kSocketTimeout{120};

using Parser = http::request_parser<http::buffer_body>;

/// The body of a request, uncompressed, in pieces. Throws CodecError besides.
class Body {
 public:
  Body(Peer& peer, beast::flat_buffer& buffer, Parser& parser, Encoding encoding);

  /// 0: at its end.
  asio::awaitable<std::size_t> read(std::span<char> output);
  /// Reads the rest of it and throws it away, uncompressed or not. False where that is more than `most` bytes: some are left then.
  asio::awaitable<bool> drain(std::uint64_t most = std::numeric_limits<std::uint64_t>::max());
  bool at_end() const { return parser_.is_done() && given_all_; }

 private:
  asio::awaitable<std::size_t> read_raw(std::span<char> output);

  Peer& peer_;
  beast::flat_buffer& buffer_;
  Parser& parser_;
  std::unique_ptr<Codec> decoder_;
  std::string raw_;
  bool given_all_ = false;
};

/// The answer to a request, in one piece or several.
class Reply {
 public:
  Reply(Peer& peer, const Query& query, bool keep_alive);

  bool begun() const { return begun_; }
  bool keeps_alive() const { return keep_alive_; }
  /// The connection takes no further request.
  void close_after() { keep_alive_ = false; }
  /// The whole answer. REQUIRES: not begun.
  asio::awaitable<void> send(unsigned status, std::string_view type, std::string_view body, const Counts& counts = {});
  asio::awaitable<void> send(const EngineError& error);
  /// The head of an answer whose size is not known yet.
  asio::awaitable<void> begin(std::string_view type, std::string_view format);
  asio::awaitable<void> write(std::string_view data);
  asio::awaitable<void> end();
  /// REQUIRES: begun. The client sees the message, in the form that servers have for it since 25.11, and that the answer is cut off.
  asio::awaitable<void> break_off(const EngineError& error);

  std::string format;  ///< of the answer, for its head

 private:
  template <class Message>
  void fill_head(Message& message, std::string_view type, const Counts& counts) const;
  asio::awaitable<void> write_chunk(std::string_view data);

  Peer& peer_;
  const std::string id_;
  const std::string exception_tag_;  ///< tells an error in the middle of the data from data
  const Encoding encoding_;
  std::unique_ptr<Codec> encoder_;
  bool keep_alive_;
  bool begun_ = false;
};

}  // namespace tributary::clickhouse::embedded
