#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::clickhouse::detail {

/// An exception as the server writes it into the body of an answer.
struct ServerException {
  int code = 0;
  std::string name;     ///< "SYNTAX_ERROR"; empty where the server is too old to say it
  std::string message;  ///< without code, name and version
};

/// Reads "Code: 62. DB::Exception: Syntax error: … (SYNTAX_ERROR) (version 26.5.1.1 (official build))" and the form of before 2021, "Code: 62,
/// e.displayText() = DB::Exception: Syntax error: …, e.what() = DB::Exception". nullopt where `text` does not begin like one of them.
std::optional<ServerException> parse_exception(std::string_view text);

/// Tells data from an exception in the body of an answer that began well. Three forms are in use:
/// - With the header X-ClickHouse-Exception-Tag (since 25.11) the body ends in
///   "\r\n__exception__\r\n" tag "\r\n" message "\n" length " " tag "\r\n__exception__\r\n". The tag is random: data cannot be taken for it.
/// - From 24.11 on it ends in "__exception__\r\n" message, and the connection breaks.
/// - Before, it ends in the bare message. The last 16 KiB are looked at; data that ends like a message is taken for one.
class ExceptionScanner {
 public:
  /// `tag`: of the header; empty where there is none.
  explicit ExceptionScanner(std::string_view tag);

  /// Of the next piece of the body, what is data; in the two older forms an exception is passed on with it, as only the end tells. Valid until the next
  /// call, or as long as `piece`.
  std::span<const std::byte> data(std::span<const std::byte> piece);
  /// At the end of the body, however it came: bytes that turned out to be data after all.
  std::span<const std::byte> rest() const;
  /// At the end of the body.
  std::optional<ServerException> exception() const;

 private:
  std::span<const std::byte> data_before_marker(std::span<const std::byte> piece);
  void keep_tail(std::span<const std::byte> piece);

  std::string marker_;  ///< empty: an older form
  bool found_ = false;  ///< the marker; held_ is what follows it
  std::vector<std::byte> held_;  ///< the beginning of a marker perhaps, or what follows one; in an older form the body's tail
  std::vector<std::byte> joined_;
};

}  // namespace tributary::clickhouse::detail
