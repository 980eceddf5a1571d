#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/backoff.hpp"
#include "base/deadline.hpp"
#include "telemetry/otlp.hpp"

namespace tributary::telemetry {

namespace asio = boost::asio;

/// Where an OTLP collector takes traces over HTTP.
struct OtlpEndpoint {
  bool tls = false;
  std::string host;  ///< name or address (IPv6 without brackets)
  std::uint16_t port = 4318;
  std::string target = "/v1/traces";

  /// http[s]://host[:port][/path], to which /v1/traces is added as the specification says. Throws std::invalid_argument, whose message does not repeat
  /// the URL.
  static OtlpEndpoint parse(std::string_view url);
};

struct ExporterParams {
  OtlpEndpoint endpoint;
  std::vector<std::pair<std::string, std::string>> headers;  ///< of each request: what a collector wants to know of us
  Resource resource;
  std::chrono::milliseconds every{1'000};  ///< what has ended waits at most so long, …
  std::size_t batch = 512;  ///< … or until it is so many, which is also the most of one request
  std::chrono::milliseconds timeout{10'000};  ///< of a request, from the look-up of the host to the answer
  Backoff retry{std::chrono::milliseconds(1'000), std::chrono::milliseconds(30'000)};
};

/// Sends a tracer's spans to a collector, batch after batch. One that is down is tried again with growing pauses while the tracer drops what it has no room
/// for; a batch that the collector refuses is dropped. Both are counted; nobody waits for either.
///
/// Lifetime: tracer and metrics outlive it; run() keeps what it needs alive itself, the tracer excepted. Threads: one loop, that of `executor`.
/// Errors: none are thrown; the log says when the collector fails and when it is back.
class Exporter {
 public:
  Exporter(asio::any_io_executor executor, Tracer& tracer, ExporterParams params, Metrics& metrics);
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  /// Until stop().
  asio::awaitable<void> run();
  /// Sends what is still waiting, at most until the deadline; returns when run() has ended. REQUIRES: run() was started, and no span ends any more.
  asio::awaitable<void> stop(Deadline deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tributary::telemetry
