#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace tributary::test {

/// A blocking HTTP/1.1 client of one connection to this machine, for tests: it says exactly what it is told to say.
/// Every read that lasts longer than 30 s throws, so that a test cannot hang.
class HttpClient {
 public:
  explicit HttpClient(std::uint16_t port);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  using Fields = std::map<std::string, std::string>;
  struct Answer {
    unsigned status = 0;
    Fields fields;  ///< names in lower case
    std::string body;  ///< unzipped where it came zipped
  };

  /// A whole request, with Host and, where there is a body, Content-Length.
  Answer request(std::string_view method, std::string_view target, std::string_view body = "", const Fields& fields = {});
  Answer get(std::string_view target, const Fields& fields = {}) { return request("GET", target, "", fields); }

  /// Bytes as they are. Throws where the server has closed.
  void send(std::string_view bytes);
  /// The next answer. `to_head`: it is one to HEAD, without a body.
  Answer read(bool to_head = false);
  /// What has come of a body that is still coming: at least one byte; empty at its end. After start_reading().
  std::string read_piece();
  Answer start_reading();  ///< the head only
  /// Waits for the server to close; false where it sends something instead.
  bool is_closed();
  /// Whether it has closed already. What came instead stays to be read.
  bool is_closed_now();
  /// Whether something of an answer has come.
  bool has_answer();
  /// Closes without a goodbye (RST).
  void abort();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tributary::test
