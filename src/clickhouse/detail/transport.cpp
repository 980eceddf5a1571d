#include "clickhouse/detail/transport.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <optional>
#include <variant>

#include "base/look_up.hpp"
#include "clickhouse/error.hpp"

namespace tributary::clickhouse::detail {

namespace beast = boost::beast;
namespace ssl = asio::ssl;
using boost::system::error_code;
using Plain = beast::tcp_stream;
using Tls = ssl::stream<beast::tcp_stream>;

struct Transport::Impl {
  using Stream = std::variant<Plain, Tls>;

  Impl(const asio::any_io_executor& executor, std::shared_ptr<ssl::context> context, std::stop_token closing_token)
      : tls(std::move(context)),
        stream(tls ? Stream(std::in_place_type<Tls>, executor, *tls) : Stream(std::in_place_type<Plain>, executor)),
        closing(std::move(closing_token)),
        on_closing(closing, [this] { socket().close(); }) {}

  Plain& socket() { return tls ? std::get<Tls>(stream).next_layer() : std::get<Plain>(stream); }
  void begin(Deadline deadline) {
    if (deadline.is_never())
      socket().expires_never();
    else
      socket().expires_at(deadline.when());
  }
  asio::awaitable<void> connect(asio::ip::tcp::endpoint endpoint, const std::string& host, Deadline deadline);
  asio::awaitable<void> handshake(const std::string& host);
  /// Throws what ended an operation; a cancellation also where it came too late to end it, as the next co_await would throw otherwise. A plain function,
  /// as a cancelled coroutine cannot await anything.
  void check(error_code error, bool cancelled, std::string_view what) const;

  const std::shared_ptr<ssl::context> tls;  ///< null: plain
  Stream stream;
  const std::stop_token closing;
  std::stop_callback<std::function<void()>> on_closing;
};

namespace {

std::string why(error_code error) {
  if (error == beast::error::timeout) return "the deadline passed";
  if (error == ssl::error::stream_truncated || error == asio::error::eof) return "the server closed it";
  return error.message();
}

bool is_cancelled(const asio::cancellation_state& state) { return state.cancelled() != asio::cancellation_type::none; }

}  // namespace

std::shared_ptr<ssl::context> make_tls_context(const ConnectOptions& options) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  error_code error;
  if (options.ca_file.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(options.ca_file, error);
  if (error)
    throw Error(ErrorKind::usage, fmt::format("cannot read certificates from \"{}\": {}", options.ca_file, error.message()));
  context->set_verify_mode(options.verify_certificate ? ssl::verify_peer : ssl::verify_none);
  return context;
}

void Transport::Impl::check(error_code error, bool cancelled, std::string_view what) const {
  if (!error && !cancelled) return;
  if (closing.stop_requested()) throw Error(ErrorKind::connection, "the client was closed");
  if (cancelled) throw Error(ErrorKind::deadline, "the operation was cancelled");
  const auto kind = error == beast::error::timeout ? ErrorKind::deadline : ErrorKind::connection;
  throw Error(kind, fmt::format("{}: {}", what, why(error)));
}

asio::awaitable<void> Transport::Impl::handshake(const std::string& host) {
  auto& secure = std::get<Tls>(stream);
  auto* const handle = secure.native_handle();
  error_code not_numeric;
  asio::ip::make_address(host, not_numeric);
  bool prepared = true;
  if (not_numeric)
    prepared = SSL_set_tlsext_host_name(handle, host.c_str()) == 1 && SSL_set1_host(handle, host.c_str()) == 1;
  else  // an address is not a server name (RFC 6066)
    prepared = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), host.c_str()) == 1;
  if (!prepared) throw Error(ErrorKind::usage, "the host's name cannot be one of a certificate");
  error_code error;
  co_await secure.async_handshake(ssl::stream_base::client, asio::redirect_error(asio::use_awaitable, error));
  const auto verdict = SSL_get_verify_result(handle);
  if (error && verdict != X509_V_OK && SSL_get_verify_mode(handle) != SSL_VERIFY_NONE) {
    throw Error(ErrorKind::connection,
                fmt::format("the server's certificate was refused: {}", X509_verify_cert_error_string(verdict)));
  }
  check(error, is_cancelled(co_await asio::this_coro::cancellation_state), "TLS failed");
}

asio::awaitable<void> Transport::Impl::connect(asio::ip::tcp::endpoint endpoint, const std::string& host, Deadline deadline) {
  begin(deadline);
  error_code error;
  co_await socket().async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  check(error, is_cancelled(co_await asio::this_coro::cancellation_state), "no connection");
  error_code ignored;
  socket().socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  socket().socket().set_option(asio::socket_base::keep_alive(true), ignored);
  if (tls) co_await handshake(host);
}

asio::awaitable<std::unique_ptr<Transport>> Transport::open(const ConnectOptions& options, std::shared_ptr<ssl::context> tls,
                                                            std::stop_token closing, Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  deadline = deadline.capped(options.connect_timeout);
  const auto found = co_await look_up(options.host, deadline, closing);
  if (closing.stop_requested()) throw Error(ErrorKind::connection, "the client was closed");
  if (is_cancelled(co_await asio::this_coro::cancellation_state)) throw Error(ErrorKind::deadline, "the operation was cancelled");
  if (found.addresses.empty()) {
    const auto kind = found.error == asio::error::timed_out ? ErrorKind::deadline : ErrorKind::connection;
    throw Error(kind, fmt::format("could not look up the host \"{}\": {}", options.host, found.error.message()));
  }
  std::optional<Error> failure;
  for (std::size_t i = 0; i < found.addresses.size(); ++i) {
    // An address that swallows packets must leave time for the next one.
    const auto share = deadline.remaining() / static_cast<int>(found.addresses.size() - i);
    const auto& address = found.addresses[i];
    auto impl = std::make_unique<Impl>(executor, tls, closing);
    try {
      co_await impl->connect({address, options.port}, options.host, deadline.capped(share));
      co_return std::unique_ptr<Transport>(new Transport(std::move(impl)));
    } catch (const Error& error) {
      failure = Error(error.kind(), fmt::format("could not connect to {} ({}) port {}: {}", options.host, address.to_string(),
                                                options.port, error.what()));
    }
    if (closing.stop_requested() || is_cancelled(co_await asio::this_coro::cancellation_state)) break;
  }
  throw *failure;
}

Transport::Transport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Transport::~Transport() = default;

asio::awaitable<std::size_t> Transport::read_some(std::span<std::byte> into, Deadline deadline) {
  impl_->begin(deadline);
  const asio::mutable_buffer buffer(into.data(), into.size());
  error_code error;
  std::size_t size = 0;
  if (impl_->tls)
    size = co_await std::get<Tls>(impl_->stream).async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  else
    size = co_await std::get<Plain>(impl_->stream).async_read_some(buffer, asio::redirect_error(asio::use_awaitable, error));
  if (error == asio::error::eof) error = {};
  impl_->check(error, is_cancelled(co_await asio::this_coro::cancellation_state), "the connection broke");
  co_return size;
}

asio::awaitable<void> Transport::write(std::span<const asio::const_buffer> buffers, Deadline deadline) {
  impl_->begin(deadline);
  error_code error;
  if (impl_->tls)
    co_await asio::async_write(std::get<Tls>(impl_->stream), buffers, asio::redirect_error(asio::use_awaitable, error));
  else
    co_await asio::async_write(std::get<Plain>(impl_->stream), buffers, asio::redirect_error(asio::use_awaitable, error));
  impl_->check(error, is_cancelled(co_await asio::this_coro::cancellation_state), "the connection broke");
}

bool Transport::is_quiet() {
  char byte = 0;
  const auto got = ::recv(impl_->socket().socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace tributary::clickhouse::detail
