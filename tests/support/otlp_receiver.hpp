#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "support/fake_server.hpp"

namespace tributary::test {

/// A collector of traces: what it was sent over OTLP/HTTP, in JSON, to /v1/traces. Anything else it answers with 400 or 404.
class OtlpReceiver {
 public:
  OtlpReceiver();

  std::string url() const { return "http://127.0.0.1:" + server_.port(); }

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
  unsigned take(const std::string& body);

  mutable std::mutex mutex_;
  std::vector<Span> spans_;
  std::map<std::string, std::string> headers_;
  std::atomic<int> requests_{0};
  std::atomic<unsigned> status_{200};
  FakeServer server_;  ///< last: it calls what is above
};

}  // namespace tributary::test
