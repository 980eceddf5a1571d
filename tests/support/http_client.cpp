#include "support/http_client.hpp"

#include <sys/socket.h>
#include <zlib.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>
#include <optional>

namespace tributary::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

std::string unzipped(const std::string& zipped) {
  z_stream stream{};
  inflateInit2(&stream, MAX_WBITS + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zipped.data()));
  stream.avail_in = static_cast<uInt>(zipped.size());
  std::string text;
  std::string piece(64 * 1024, '\0');
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&stream, Z_NO_FLUSH);
    text.append(piece, 0, piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) throw std::runtime_error("an answer is not gzip");
  return text;
}

template <class Message>
HttpClient::Answer head_of(const Message& message) {
  HttpClient::Answer answer{.status = message.result_int()};
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    answer.fields[name] = std::string(field.value());
  }
  return answer;
}

}  // namespace

struct HttpClient::Impl {
  asio::io_context loop;
  asio::ip::tcp::socket socket{loop};
  beast::flat_buffer buffer;
  std::optional<http::response_parser<http::buffer_body>> parser;  ///< of what is read in pieces
};

HttpClient::HttpClient(std::uint16_t port) : impl_(std::make_unique<Impl>()) {
  impl_->socket.connect({asio::ip::make_address("127.0.0.1"), port});
  impl_->socket.set_option(asio::ip::tcp::no_delay(true));
  const timeval longest{.tv_sec = 30, .tv_usec = 0};
  ::setsockopt(impl_->socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof longest);
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

HttpClient::Answer HttpClient::request(std::string_view method, std::string_view target, std::string_view body,
                                       const Fields& fields) {
  auto text = std::string(method) + ' ' + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n";
  for (const auto& [name, value] : fields) text += name + ": " + value + "\r\n";
  if (!body.empty() || method != "GET") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  send(text + "\r\n" + std::string(body));
  return read(method == "HEAD");
}

void HttpClient::send(std::string_view bytes) { asio::write(impl_->socket, asio::buffer(bytes)); }

HttpClient::Answer HttpClient::read(bool to_head) {
  http::response_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  parser.skip(to_head);
  http::read(impl_->socket, impl_->buffer, parser);
  auto answer = head_of(parser.get());
  answer.body = std::move(parser.get().body());
  if (const auto coding = answer.fields.find("content-encoding"); coding != answer.fields.end() && !answer.body.empty())
    answer.body = unzipped(answer.body);
  return answer;
}

HttpClient::Answer HttpClient::start_reading() {
  impl_->parser.emplace();
  impl_->parser->body_limit(boost::none);
  http::read_header(impl_->socket, impl_->buffer, *impl_->parser);
  return head_of(impl_->parser->get());
}

std::string HttpClient::read_piece() {
  std::string piece(64 * 1024, '\0');
  auto& body = impl_->parser->get().body();
  while (!impl_->parser->is_done()) {
    body.data = piece.data();
    body.size = piece.size();
    boost::system::error_code error;
    http::read_some(impl_->socket, impl_->buffer, *impl_->parser, error);
    if (error && error != http::error::need_buffer) throw boost::system::system_error(error);
    if (body.size < piece.size()) return piece.substr(0, piece.size() - body.size);
  }
  return {};
}

bool HttpClient::is_closed() {
  char byte = 0;
  boost::system::error_code error;
  const auto size = impl_->buffer.size() + impl_->socket.read_some(asio::buffer(&byte, 1), error);
  if (error == asio::error::try_again || error == asio::error::would_block)
    throw std::runtime_error("the server neither closes nor sends");
  return size == 0;
}

bool HttpClient::is_closed_now() {
  char byte = 0;
  const auto size = ::recv(impl_->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size == 0 || (size < 0 && errno != EAGAIN);
}

bool HttpClient::has_answer() {
  char byte = 0;
  return impl_->buffer.size() > 0 || ::recv(impl_->socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void HttpClient::abort() {
  impl_->socket.set_option(asio::socket_base::linger(true, 0));
  impl_->socket.close();
}

}  // namespace tributary::test
