#pragma once
#include <boost/asio/ssl/context.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "support/fake_server.hpp"

namespace tributary::test {

/// A collector of traces: what it was sent over OTLP/HTTP, in JSON, to /v1/traces. Anything else it answers with 400 or 404.
class OtlpReceiver {
 public:
  OtlpReceiver();
  /// Over TLS, with this file's certificate; its key is beside it (tests/with-postgres).
  explicit OtlpReceiver(const std::string& certificate);

  std::string url() const { return "http://127.0.0.1:" + server_.port(); }
  std::string port() const { return server_.port(); }
  int refused_handshakes() const { return refused_handshakes_; }  ///< of clients that did not like the certificate

  struct Span {
    std::string trace, id, parent, name, error;
    std::string service;  ///< of its resource
    std::int64_t began = 0, ended = 0;  ///< nanoseconds of 1970
    std::map<std::string, std::string> attributes;  ///< as text
    std::vector<std::string> links;  ///< their traces
  };
  std::vector<Span> spans() const;  ///< that it has taken
  int requests() const { return requests_; }
  std::string header(const std::string& name) const;  ///< of the last request; name in lower case

  /// From now on it answers so, and takes no spans unless that is 200. 0: it never answers.
  void answer(unsigned status) { status_ = status; }

 private:
  asio::awaitable<void> converse(FakeServer::Socket& socket);
  template <class Stream>
  asio::awaitable<void> answer_one(Stream& stream);
  unsigned take(const std::string& body);

  mutable std::mutex mutex_;
  std::vector<Span> spans_;
  std::map<std::string, std::string> headers_;
  std::atomic<int> requests_{0};
  std::atomic<unsigned> status_{200};
  std::atomic<int> refused_handshakes_{0};
  std::optional<asio::ssl::context> tls_;
  FakeServer server_;  ///< last: it calls what is above
};

}  // namespace tributary::test
