#include "telemetry/exporter.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <random>
#include <stdexcept>
#include <stop_token>

#include "base/event.hpp"
#include "base/look_up.hpp"
#include "telemetry/log.hpp"

namespace tributary::telemetry {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using Request = http::request<http::string_body>;
using asio::use_awaitable;

/// What is said when the collector does not answer in time.
std::string why(const boost::system::system_error& error) {
  return error.code() == beast::error::timeout ? "it did not answer in time" : error.code().message();
}

/// Answers that ask to come again (the specification's list). Any other is not to be repeated.
bool asks_again(unsigned status) { return status == 429 || status == 502 || status == 503 || status == 504; }

/// The status says everything: what else is answered is left unread.
template <class Stream>
asio::awaitable<unsigned> exchange(Stream& stream, const Request& request) {
  co_await http::async_write(stream, request, use_awaitable);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> answer;
  co_await http::async_read_header(stream, buffer, answer, use_awaitable);
  co_return answer.get().result_int();
}

}  // namespace

OtlpEndpoint OtlpEndpoint::parse(std::string_view url) {
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed) throw std::invalid_argument("is not a URL: it looks like http://127.0.0.1:4318");
  const boost::urls::url_view view = *parsed;
  OtlpEndpoint endpoint;
  if (view.scheme() == "https")
    endpoint.tls = true;
  else if (view.scheme() != "http")
    throw std::invalid_argument("begins with neither http:// nor https://");
  if (view.host().empty()) throw std::invalid_argument("names no host");
  if (view.has_userinfo() || view.has_query() || view.has_fragment())
    throw std::invalid_argument("has more than a host, a port and a path; what a collector wants to know goes into headers");
  endpoint.host =
      view.host_type() == boost::urls::host_type::ipv6 ? std::string(view.host_ipv6_address().to_string()) : view.host();
  if (view.has_port() && view.port_number() == 0) throw std::invalid_argument("names a port that is none");
  if (view.has_port()) endpoint.port = view.port_number();
  std::string path(view.encoded_path());
  while (path.ends_with('/')) path.pop_back();
  endpoint.target = path + "/v1/traces";
  return endpoint;
}

struct Exporter::State : std::enable_shared_from_this<Exporter::State> {
  State(asio::any_io_executor loop, Tracer& from, ExporterParams given, Metrics& metrics)
      : executor(loop),
        tracer(from),
        params(std::move(given)),
        exported(metrics.counter("tributary_spans_exported_total")),
        refused(metrics.counter("tributary_spans_dropped_total", {{"reason", "refused"}})),
        wake(loop),
        over(loop) {
    if (!params.endpoint.tls) return;
    tls.emplace(ssl::context::tls_client);
    boost::system::error_code ignored;  // without certificates every handshake says so
    tls->set_default_verify_paths(ignored);
    tls->set_verify_mode(ssl::verify_peer);
  }

  asio::awaitable<void> run();
  asio::awaitable<void> pause();
  asio::awaitable<void> send_waiting();
  asio::awaitable<unsigned> post();
  Request request() const;
  void failed(std::string_view error);
  void answered(unsigned status);

  const asio::any_io_executor executor;
  Tracer& tracer;
  const ExporterParams params;
  Counter& exported;
  Counter& refused;
  std::optional<ssl::context> tls;
  Event wake;  ///< there is much to send, or the end has come
  Event over;
  std::vector<SpanRecord> batch;  ///< that is being sent, or comes again
  int failures = 0;               ///< on end
  bool stopping = false;
  bool is_over = false;
  std::stop_source cut_off;  ///< ends a request that is under way
  std::minstd_rand random{std::random_device{}()};
};

asio::awaitable<void> Exporter::State::run() {
  const auto self = shared_from_this();
  while (!stopping) {
    co_await pause();
    co_await send_waiting();
  }
  if (!cut_off.stop_requested()) co_await send_waiting();
  const auto left = batch.size() + tracer.take(std::numeric_limits<std::size_t>::max()).size();
  if (left > 0) log(Level::warning, "telemetry", "the last spans could not be delivered", {{"spans", left}});
  is_over = true;
  over.set();
}

/// After a failure, however much there is to send.
asio::awaitable<void> Exporter::State::pause() {
  const auto until = Deadline::after(
      failures == 0 ? params.every : params.retry.delay(failures, std::uniform_real_distribution<>(0, 1)(random)));
  while (!stopping && !until.expired()) {
    if (co_await wake.wait(until) && failures == 0) co_return;
  }
}

asio::awaitable<void> Exporter::State::send_waiting() {
  for (;;) {
    if (batch.empty()) batch = tracer.take(params.batch);
    if (batch.empty() || cut_off.stop_requested()) co_return;
    std::optional<std::string> error;
    try {
      answered(co_await post());
    } catch (const boost::system::system_error& failure) {
      error = why(failure);
    }
    if (error) failed(*error);
    if (failures > 0) co_return;
  }
}

void Exporter::State::failed(std::string_view error) {
  if (++failures == 1)
    log(Level::warning, "telemetry", "the collector of traces fails, its spans are kept while there is room",
        {{"host", params.endpoint.host}, {"port", params.endpoint.port}, {"error", error}});
}

void Exporter::State::answered(unsigned status) {
  if (asks_again(status)) return failed("it answered " + std::to_string(status));
  const bool taken = status >= 200 && status < 300;
  (taken ? exported : refused).add(batch.size());
  batch.clear();
  if (!taken)
    log(Level::warning, "telemetry", "the collector of traces refused spans",
        {{"host", params.endpoint.host}, {"port", params.endpoint.port}, {"status", status}});
  if (failures > 0 && taken) log(Level::info, "telemetry", "the collector of traces takes spans again");
  failures = 0;
}

Request Exporter::State::request() const {
  Request request(http::verb::post, params.endpoint.target, 11);
  const auto& host = params.endpoint.host;
  const bool is_ipv6 = host.find(':') != std::string::npos;
  request.set(http::field::host, fmt::format("{}:{}", is_ipv6 ? '[' + host + ']' : host, params.endpoint.port));
  request.set(http::field::user_agent, "tributary/" + params.resource.version);
  request.set(http::field::content_type, "application/json");
  request.set(http::field::connection, "close");
  for (const auto& [name, value] : params.headers) request.set(name, value);
  request.body() = otlp_json(batch, params.resource);
  request.prepare_payload();
  return request;
}

/// A connection for each request: there is one a second at most, or a busy collector next door.
asio::awaitable<unsigned> Exporter::State::post() {
  const auto deadline = Deadline::after(params.timeout);
  const auto found = co_await look_up(params.endpoint.host, deadline, cut_off.get_token());
  if (found.addresses.empty()) throw boost::system::system_error(found.error ? found.error : asio::error::host_not_found);
  std::vector<asio::ip::tcp::endpoint> places;
  for (const auto& address : found.addresses) places.emplace_back(address, params.endpoint.port);

  const auto sent = request();
  beast::tcp_stream stream(executor);
  const std::stop_callback close(cut_off.get_token(), [&stream] { stream.close(); });
  stream.expires_at(deadline.when());
  co_await stream.async_connect(places, use_awaitable);
  if (!tls) co_return co_await exchange(stream, sent);
  ssl::stream<beast::tcp_stream&> secure(stream, *tls);
  SSL_set_tlsext_host_name(secure.native_handle(), params.endpoint.host.c_str());
  secure.set_verify_callback(ssl::host_name_verification(params.endpoint.host));
  co_await secure.async_handshake(ssl::stream_base::client, use_awaitable);
  co_return co_await exchange(secure, sent);
}

Exporter::Exporter(asio::any_io_executor executor, Tracer& tracer, ExporterParams params, Metrics& metrics)
    : state_(std::make_shared<State>(executor, tracer, std::move(params), metrics)) {
  // Not to be kept by the tracer, which may outlive the loop.
  tracer.notify(state_->params.batch, [state = std::weak_ptr(state_)] {
    if (const auto exporter = state.lock()) exporter->wake.notify();
  });
}

Exporter::~Exporter() = default;

asio::awaitable<void> Exporter::run() { return state_->run(); }

asio::awaitable<void> Exporter::stop(Deadline deadline) {
  const auto state = state_;
  state->stopping = true;
  state->wake.set();
  while (!state->is_over && co_await state->over.wait(deadline)) {
  }
  state->cut_off.request_stop();
  while (!state->is_over) co_await state->over.wait(Deadline::never());
}

}  // namespace tributary::telemetry
