#include "clickhouse/detail/exception_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "bytes.hpp"

namespace tributary::clickhouse::detail {
namespace {

constexpr std::string_view kTag = "dmrdfnujjqvszhav";

std::string tagged(std::string_view message) {
  return "\r\n__exception__\r\n" + std::string(kTag) + "\r\n" + std::string(message) + "\n" + std::to_string(message.size()) +
         ' ' + std::string(kTag) + "\r\n__exception__\r\n";
}

struct Scanned {
  std::string data;
  std::optional<ServerException> exception;
};

Scanned scan(std::string_view body, std::string_view tag, std::size_t piece_size) {
  ExceptionScanner scanner(tag);
  Scanned result;
  for (std::size_t at = 0; at < body.size(); at += piece_size) {
    // A copy, as bytes that a scanner keeps must not be those of a buffer that is used again.
    const std::string piece(body.substr(at, piece_size));
    result.data += text_of(scanner.data(bytes_of(piece)));
  }
  result.data += text_of(scanner.rest());
  result.exception = scanner.exception();
  return result;
}

TEST(ExceptionText, ReadsEveryForm) {
  const auto now = parse_exception(
      "Code: 62. DB::Exception: Syntax error: failed (at 'selec') (line 1). (SYNTAX_ERROR) (version 26.5.1.1 (official "
      "build))\n");
  ASSERT_TRUE(now);
  EXPECT_EQ(now->code, 62);
  EXPECT_EQ(now->name, "SYNTAX_ERROR");
  EXPECT_EQ(now->message, "Syntax error: failed (at 'selec') (line 1).");

  const auto old =
      parse_exception("Code: 193, e.displayText() = DB::Exception: Wrong password for user a, e.what() = DB::Exception\n");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->code, 193);
  EXPECT_EQ(old->name, "");
  EXPECT_EQ(old->message, "Wrong password for user a");

  const auto other = parse_exception("Code: 210. DB::NetException: Connection refused (localhost:1). (NETWORK_ERROR)");
  ASSERT_TRUE(other);
  EXPECT_EQ(other->name, "NETWORK_ERROR");
  EXPECT_EQ(other->message, "Connection refused (localhost:1).");
}

TEST(ExceptionText, IsNotFoundInOtherText) {
  for (const auto* text :
       {"", "Code: ", "Code: x. DB::Exception: a", "Code: 62", "Code: 62. nothing", "<html>502 Bad Gateway</html>"}) {
    EXPECT_FALSE(parse_exception(text)) << text;
  }
}

TEST(ExceptionScanner, FindsTheTaggedBlockHoweverItIsCut) {
  const std::string data = "1\r\n2\r\n__exception__\r\nanother tag\r\n";
  const auto body =
      data + tagged("Code: 395. DB::Exception: boom\nsecond line: while executing. (FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)");
  for (std::size_t size = 1; size <= body.size(); ++size) {
    const auto found = scan(body, kTag, size);
    ASSERT_EQ(found.data, data) << size;
    ASSERT_TRUE(found.exception) << size;
    EXPECT_EQ(found.exception->code, 395);
    EXPECT_EQ(found.exception->name, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO");
    EXPECT_EQ(found.exception->message, "boom\nsecond line: while executing.");
  }
}

RC_GTEST_PROP(ExceptionScanner, PassesDataOnAsItIs, (const std::vector<bool>& choices)) {
  // Of pieces of the marker, so that near misses are common.
  std::string body;
  for (const bool choice : choices) body += choice ? "\r\n__exception__\r\n" : std::string(kTag.substr(0, 5)) + "\r\n";
  const auto size = *rc::gen::inRange<std::size_t>(1, 40);
  const auto found = scan(body, kTag, size);
  RC_ASSERT(found.data == body);
  RC_ASSERT(!found.exception);
}

TEST(ExceptionScanner, DoesNotBelieveAnExceptionWithoutItsTag) {
  const std::string body = "Code: 395. DB::Exception: boom (version 26.5.1.1)\n";
  const auto found = scan(body, kTag, 7);
  EXPECT_EQ(found.data, body);
  EXPECT_FALSE(found.exception);
}

TEST(ExceptionScanner, FindsTheOlderForms) {
  const std::string large(100'000, 'x');
  for (const std::size_t size : {1'000UL, 200'000UL}) {
    const auto marked = scan(large + "__exception__\r\nCode: 395. DB::Exception: boom. (A_NAME) (version 24.12.1.1)\n", "", size);
    ASSERT_TRUE(marked.exception);
    EXPECT_EQ(marked.exception->name, "A_NAME");
    const auto bare = scan(large + "Code: 395, e.displayText() = DB::Exception: boom, e.what() = DB::Exception\n", "", size);
    ASSERT_TRUE(bare.exception);
    EXPECT_EQ(bare.exception->code, 395);
    EXPECT_EQ(bare.exception->message, "boom");
    EXPECT_FALSE(scan(large, "", size).exception);
  }
}

}  // namespace
}  // namespace tributary::clickhouse::detail
