#include "support/otlp_receiver.hpp"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace tributary::test {
namespace {

namespace http = boost::beast::http;
namespace json = boost::json;
using asio::use_awaitable;

std::string text_of(const json::object& value) {
  const auto& entry = *value.begin();
  return entry.value().is_string() ? std::string(entry.value().as_string()) : json::serialize(entry.value());
}

std::map<std::string, std::string> attributes_of(const json::object& owner) {
  std::map<std::string, std::string> attributes;
  for (const auto& each : owner.at("attributes").as_array())
    attributes[std::string(each.at("key").as_string())] = text_of(each.at("value").as_object());
  return attributes;
}

OtlpReceiver::Span span_of(const json::object& object, const std::string& service) {
  const auto text = [&](const char* name) {
    return object.contains(name) ? std::string(object.at(name).as_string()) : std::string();
  };
  OtlpReceiver::Span span{.trace = text("traceId"),
                          .id = text("spanId"),
                          .parent = text("parentSpanId"),
                          .name = text("name"),
                          .error = "",
                          .service = service,
                          .began = std::stoll(text("startTimeUnixNano")),
                          .ended = std::stoll(text("endTimeUnixNano")),
                          .attributes = attributes_of(object),
                          .links = {}};
  if (object.contains("status")) span.error = object.at("status").at("message").as_string();
  if (object.contains("links"))
    for (const auto& link : object.at("links").as_array()) span.links.emplace_back(link.at("traceId").as_string());
  return span;
}

}  // namespace

OtlpReceiver::OtlpReceiver() : server_([this](FakeServer::Socket& socket) { return converse(socket); }) {}

OtlpReceiver::OtlpReceiver(const std::string& certificate)
    : tls_(asio::ssl::context::tls_server), server_([this](FakeServer::Socket& socket) { return converse(socket); }) {
  tls_->use_certificate_chain_file(certificate);
  tls_->use_private_key_file(std::filesystem::path(certificate).replace_extension(".key"), asio::ssl::context::pem);
}

std::vector<OtlpReceiver::Span> OtlpReceiver::spans() const {
  const std::lock_guard lock(mutex_);
  return spans_;
}

std::string OtlpReceiver::header(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = headers_.find(name);
  return found == headers_.end() ? "" : found->second;
}

unsigned OtlpReceiver::take(const std::string& body) {
  try {
    const auto document = json::parse(body);
    for (const auto& of_resource : document.at("resourceSpans").as_array()) {
      const auto service = attributes_of(of_resource.at("resource").as_object())["service.name"];
      for (const auto& of_scope : of_resource.at("scopeSpans").as_array()) {
        const std::lock_guard lock(mutex_);
        for (const auto& span : of_scope.at("spans").as_array()) spans_.push_back(span_of(span.as_object(), service));
      }
    }
    return 200;
  } catch (const std::exception&) {
    return 400;
  }
}

asio::awaitable<void> OtlpReceiver::converse(FakeServer::Socket& socket) {
  if (!tls_) co_return co_await answer_one(socket);
  asio::ssl::stream<FakeServer::Socket&> secure(socket, *tls_);
  try {
    co_await secure.async_handshake(asio::ssl::stream_base::server, use_awaitable);
  } catch (const boost::system::system_error&) {
    ++refused_handshakes_;
    co_return;
  }
  co_await answer_one(secure);
}

template <class Stream>
asio::awaitable<void> OtlpReceiver::answer_one(Stream& stream) {
  boost::beast::flat_buffer buffer;
  http::request<http::string_body> request;
  co_await http::async_read(stream, buffer, request, use_awaitable);
  {
    const std::lock_guard lock(mutex_);
    headers_.clear();
    for (const auto& field : request) {
      std::string name(field.name_string());
      std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
      headers_[name] = field.value();
    }
  }
  unsigned status = status_;
  if (status == 200) status = request.target() == "/v1/traces" ? take(request.body()) : 404;
  ++requests_;
  if (status == 0)
    co_await stream.lowest_layer().async_wait(FakeServer::Socket::wait_read, use_awaitable);  // until the client has gone
  http::response<http::string_body> response(static_cast<http::status>(status), 11);
  response.body() = "{}";
  response.prepare_payload();
  co_await http::async_write(stream, response, use_awaitable);
}

}  // namespace tributary::test
