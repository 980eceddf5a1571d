#include <sys/socket.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>

#include "http/detail/connection.hpp"
#include "http/detail/gzip.hpp"
#include "http/detail/head.hpp"
#include "http/detail/target.hpp"
#include "telemetry/log.hpp"

namespace tributary::http::detail {
namespace {

/// Of a request whose client left: nobody reads it, it is for the log and the metrics. The number is nginx's.
constexpr unsigned kClientClosedRequest = 499;

using namespace std::chrono_literals;
using telemetry::Level;

constexpr std::size_t kFirstRead = 512;      ///< what an idle connection holds ready
constexpr std::size_t kWorthGzip = 1024;     ///< below it an answer fits into a packet or two anyway
constexpr std::size_t kMostGzip = 1024 * 1024;  ///< above it the loop would be busy for too long
constexpr std::size_t kLargeBody = 16 * 1024;
constexpr auto kLinger = 2s;
constexpr std::size_t kMostLingered = 4 * 1024 * 1024;

constexpr KnownError kBadRequest{400, "BAD_REQUEST", "The request is not HTTP/1.1"};
constexpr KnownError kHeaderTooLarge{431, "REQUEST_HEADER_TOO_LARGE",
                                     "The request's header fields are larger than the server takes"};

RawRequest raw_request(wire::request<wire::string_body>& message) {
  RawRequest raw{.method = std::string(message.method_string()),
                 .target = std::string(origin_form(message.target())),
                 .body = std::move(message.body())};
  for (const auto& field : message) raw.headers.add(field.name_string(), field.value());
  raw.id = request_id(raw.headers);
  return raw;
}

/// A body of which nobody knows that it is small.
bool may_be_large(const wire::request_parser<wire::string_body>& parser) {
  return parser.chunked() || parser.content_length_remaining().value_or(0) > kLargeBody;
}

/// What the client may be told of a request that cannot be read; nullopt where there is nobody to be told.
std::optional<Error> mistake(const boost::system::error_code& error, const ServerParams& params) {
  if (error == wire::error::header_limit)
    return Error(kHeaderTooLarge, fmt::format("The request's header fields are larger than {} bytes", params.most_header_bytes));
  if (error == wire::error::body_limit) {
    const auto message = fmt::format("Request validation failed:\n  - body is larger than {} bytes", params.most_body_bytes);
    return Error(kSchemaError, message, {{"message", message}});
  }
  const bool is_gone = error == wire::error::end_of_stream || error == wire::error::partial_message;
  if (is_gone || error.category() != make_error_code(wire::error::bad_target).category()) return std::nullopt;
  return Error(kBadRequest, "The request is not HTTP/1.1: " + error.message());
}

/// Pieces of a stream, as HTTP/1.1 has them. To HTTP/1.0 they go as they are, and the connection's end is theirs.
class StreamWriter : public Writer {
 public:
  StreamWriter(beast::tcp_stream& stream, std::chrono::milliseconds timeout, bool chunked, std::stop_token stop)
      : stream_(stream), timeout_(timeout), chunked_(chunked), stop_(std::move(stop)) {}

  asio::awaitable<void> write(std::string_view data) override {
    if (data.empty()) co_return;  // an empty chunk would be the last one
    stream_.expires_after(timeout_);
    if (chunked_)
      co_await asio::async_write(stream_, wire::make_chunk(asio::buffer(data)), asio::use_awaitable);
    else
      co_await asio::async_write(stream_, asio::buffer(data), asio::use_awaitable);
    written_ += data.size();
  }
  std::stop_token stop() const override { return stop_; }

  asio::awaitable<void> end() {
    stream_.expires_after(timeout_);
    if (chunked_) co_await asio::async_write(stream_, wire::make_chunk_last(), asio::use_awaitable);
  }
  std::size_t written() const { return written_; }

 private:
  beast::tcp_stream& stream_;
  std::chrono::milliseconds timeout_;
  bool chunked_;
  std::stop_token stop_;
  std::size_t written_ = 0;
};

}  // namespace

Connection::Connection(std::shared_ptr<Server::State> server, asio::ip::tcp::socket socket)
    : server_(std::move(server)), stream_(std::move(socket)) {
  boost::system::error_code error;
  client_ = stream_.socket().remote_endpoint(error).address().to_string();
  stream_.socket().set_option(asio::ip::tcp::no_delay(true), error);
  in_open_ = server_->open.insert(server_->open.end(), this);
  server_->open_gauge.add(1);
}

Connection::~Connection() {
  leave_idle();
  server_->open.erase(in_open_);
  server_->open_gauge.add(-1);
  server_->place.set();
  server_->one_ended.set();
}

asio::awaitable<void> Connection::run() {
  try {
    while (co_await wait_for_request() && co_await exchange()) continue;
  } catch (const boost::system::system_error&) {
    // The client is gone, or too slow, or was cut off.
  }
}

void Connection::wind_up() {
  stop_.request_stop();
  if (!in_idle_) return;
  leave_idle();
  stream_.close();
}

void Connection::cut_off() {
  is_cut_off_ = true;
  stop_.request_stop();
  cancel_->emit(asio::cancellation_type::terminal);
  stream_.close();
}

void Connection::leave_idle() {
  if (in_idle_) server_->idle.erase(*in_idle_);
  in_idle_.reset();
}

/// Until its first bytes are there. False where there will be none.
asio::awaitable<bool> Connection::wait_for_request() {
  if (server_->draining) co_return false;
  if (buffer_.size() > 0) co_return true;
  buffer_.clear();
  buffer_.shrink_to_fit();
  in_idle_ = server_->idle.insert(server_->idle.end(), this);
  server_->place.set();
  stream_.expires_after(server_->params.idle_timeout);
  boost::system::error_code error;
  const auto size =
      co_await stream_.async_read_some(buffer_.prepare(kFirstRead), asio::redirect_error(asio::use_awaitable, error));
  buffer_.commit(size);
  leave_idle();
  co_return !error;
}

/// One request and its answer. True where another one may follow.
asio::awaitable<bool> Connection::exchange() {
  Parser parser;
  std::optional<Turnstile::Place> place;
  parser.header_limit(static_cast<std::uint32_t>(server_->params.most_header_bytes));
  parser.body_limit(server_->params.most_body_bytes);
  const auto problem = co_await read(parser, place);
  Told told{.begun = Deadline::Clock::now()};
  auto request = raw_request(parser.get());
  request.client = client_;
  const auto* endpoint = server_->router.find(request);
  const auto timeout = endpoint != nullptr ? endpoint->timeout : std::nullopt;
  request.deadline = Deadline::after(timeout.value_or(server_->params.handler_timeout));
  const bool ends_with_client = endpoint != nullptr && endpoint->ends_with_client;
  auto response = problem ? Response::of(*problem) : co_await handle(request, ends_with_client);
  told.route = response.status == kClientClosedRequest ? endpoint->path : response.route;
  told.project = response.project;
  told.status = response.status;
  if (response.status == kClientClosedRequest) {
    told.client_left = true;
    tell(request, told);
    co_return false;
  }
  told.bytes = response.body.size();
  bool open = !problem && parser.keep_alive() && !server_->draining;
  try {
    if (response.stream)
      told.bytes = co_await write_stream(request, response, parser.get().version(), open);
    else
      co_await write(request, std::move(response), parser.get().version(), open);
  } catch (const boost::system::system_error&) {
    told.client_left = true;
    open = false;
  }
  tell(request, told);
  const bool has_more_to_say = problem || buffer_.size() > 0;  // the client: a body, a pipelined request
  if (!open && !told.client_left && has_more_to_say) co_await linger();
  co_return open;
}

/// Reads a request whole; a large one takes a place. What is wrong with it where it can be answered; throws where it cannot.
asio::awaitable<std::optional<Error>> Connection::read(Parser& parser, std::optional<Turnstile::Place>& place) {
  stream_.expires_after(server_->params.read_timeout);
  boost::system::error_code error;
  co_await wire::async_read_header(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
  if (!error) {
    const auto& head = parser.get();
    if (head.version() == 11 && head.find(wire::field::host) == head.end())
      co_return Error(kBadRequest, "The request is not HTTP/1.1: it has no Host");
    if (may_be_large(parser)) {
      auto entered = co_await server_->large_bodies.enter(Deadline::after(server_->params.read_timeout));
      if (!entered) co_return Error(kBusy, "Too many large requests at once; try again later");
      place.emplace(std::move(*entered));
      stream_.expires_after(server_->params.read_timeout);
    }
    if (beast::iequals(head[wire::field::expect], "100-continue")) {
      const wire::response<wire::empty_body> go_on(wire::status::continue_, 11);
      co_await wire::async_write(stream_, go_on, asio::use_awaitable);
    }
    co_await wire::async_read(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, error));
  }
  if (!error) co_return std::nullopt;
  auto said = mistake(error, server_->params);
  if (!said) throw boost::system::system_error(error);
  co_return said;
}

/// The router's answer, or what stands for it where that takes too long, or where the client of a question left. Throws where the connection is cut off otherwise.
asio::awaitable<Response> Connection::handle(const RawRequest& request, bool ends_with_client) {
  const auto executor = co_await asio::this_coro::executor;
  // Shared, as the timer may have expired and not have said so yet when the answer is there.
  const auto cancel = std::make_shared<asio::cancellation_signal>();
  cancel_ = cancel;
  asio::steady_timer timer(executor, request.deadline.when());
  timer.async_wait([cancel](boost::system::error_code error) {
    if (!error) cancel->emit(asio::cancellation_type::terminal);
  });
  const auto watch = ends_with_client ? watch_client() : nullptr;
  try {
    auto answer = co_await asio::co_spawn(executor, server_->router.answer(request),
                                          asio::bind_cancellation_slot(cancel->slot(), asio::use_awaitable));
    if (!is_cut_off_ || !ends_with_client) co_return answer;
  } catch (...) {
    if (!is_cut_off_ && !request.deadline.expired()) throw;
  }
  if (is_cut_off_) {
    if (!ends_with_client) throw boost::system::system_error(asio::error::operation_aborted);
    Response unheard;
    unheard.status = kClientClosedRequest;
    co_return unheard;
  }
  co_return Response::of(Error(kTimeout, "The request took longer than the server allows; it may have been carried out"));
}

asio::awaitable<void> Connection::write(const RawRequest& request, Response response, unsigned version, bool keep_alive) {
  wire::response<wire::string_body> message(static_cast<wire::status>(response.status), version);
  write_fields(request, response, server_->params.allowed_origin, message);
  const bool zip = response.body.size() >= kWorthGzip && response.body.size() <= kMostGzip &&
                   is_compressible(response.content_type) && !response.headers.find("content-encoding") &&
                   accepts_gzip(request.headers.get("accept-encoding"));
  if (zip) message.set(wire::field::content_encoding, "gzip");
  message.body() = zip ? gzip(response.body) : std::move(response.body);
  message.keep_alive(keep_alive);
  message.prepare_payload();
  if (message.result() == wire::status::no_content) message.erase(wire::field::content_length);
  if (request.method == "HEAD") message.body().clear();  // its length stays
  stream_.expires_after(server_->params.write_timeout);
  co_await wire::async_write(stream_, message, asio::use_awaitable);
}

/// Returns how much was written; `open` becomes false where the connection's end is the answer's.
asio::awaitable<std::size_t> Connection::write_stream(const RawRequest& request, const Response& response, unsigned version,
                                                      bool& open) {
  const bool chunked = version >= 11;
  open = open && chunked;
  wire::response<wire::empty_body> message(static_cast<wire::status>(response.status), version);
  write_fields(request, response, server_->params.allowed_origin, message);
  message.keep_alive(open);
  message.chunked(chunked);
  wire::response_serializer<wire::empty_body> serializer(message);
  stream_.expires_after(server_->params.write_timeout);
  co_await wire::async_write_header(stream_, serializer, asio::use_awaitable);
  if (request.method == "HEAD") co_return 0;

  stop_ = std::stop_source();
  if (server_->draining) stop_.request_stop();
  StreamWriter writer(stream_, server_->params.write_timeout, chunked, stop_.get_token());
  const auto watch = watch_client();
  try {
    cancel_ = std::make_shared<asio::cancellation_signal>();
    co_await asio::co_spawn(co_await asio::this_coro::executor, response.stream(writer),
                            asio::bind_cancellation_slot(cancel_->slot(), asio::use_awaitable));
    co_await writer.end();
  } catch (const boost::system::system_error&) {
    open = false;  // the client is gone, which is how most streams of events end
  } catch (const std::exception& error) {
    open = false;  // without a last chunk, so that the client sees that it is not the whole
    telemetry::log(Level::error, "http", "a stream failed", {{"request", request.id}, {"error", error.what()}});
  }
  co_return writer.written();
}

/// Cuts the connection off when the client goes away while nothing is read or written, for as long as what is returned lives.
std::shared_ptr<void> Connection::watch_client() {
  const auto watch = std::make_shared<char>();
  stream_.socket().async_wait(asio::socket_base::wait_read,
                              [this, alive = std::weak_ptr(watch)](boost::system::error_code error) {
                                if (alive.expired() || error) return;
                                char byte = 0;
                                const auto size = ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
                                if (size == 0 || (size < 0 && errno != EAGAIN))
                                  cut_off();  // otherwise it is its next request, early
                              });
  return watch;
}

/// Lets the client read the answer before the connection is gone: what it still sends would otherwise destroy it.
asio::awaitable<void> Connection::linger() {
  boost::system::error_code error;
  stream_.socket().shutdown(asio::socket_base::shutdown_send, error);
  stream_.expires_after(kLinger);
  std::array<char, 4096> ignored;
  for (std::size_t total = buffer_.size(); !error && total < kMostLingered;)
    total += co_await stream_.async_read_some(asio::buffer(ignored), asio::redirect_error(asio::use_awaitable, error));
}

void Connection::tell(const RawRequest& request, const Told& told) {
  const auto time = Deadline::Clock::now() - told.begun;
  const auto& metrics = server_->metrics_of(request.method, told.route);
  metrics.duration->observe(time);
  metrics.requests[std::min<std::size_t>(told.status / 100, std::size(metrics.requests) - 1)]->add();
  const bool failed = told.status >= 500;
  if (!failed && !server_->params.log_requests) return;
  telemetry::log(failed ? Level::warning : Level::info, "http", told.client_left ? "request, whose client left" : "request",
                 {{"request", request.id},
                  {"client", client_},
                  {"project", told.project},
                  {"method", request.method},
                  {"path", shown_path(request.target)},
                  {"status", told.status},
                  {"bytes", told.bytes},
                  {"ms", std::chrono::duration<double, std::milli>(time).count()}});
}

}  // namespace tributary::http::detail
