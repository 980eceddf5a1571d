#include "clickhouse/tenant_statement.hpp"

#include <algorithm>

#include "clickhouse/embedded/statement.hpp"

namespace tributary::clickhouse {
namespace {

using namespace std::string_view_literals;
using embedded::Lexer;
using embedded::Statement;
using embedded::Token;

constexpr int kSyntaxError = 62;
constexpr int kReadonly = 164;

// The engine's parser takes time by the square of what it has to understand, 30 s for 18,000 words, and cannot be stopped.
constexpr int kMostDepth = 100;
constexpr int kMostTokens = 2'000;  ///< besides numbers, texts and commas, so that lists may be long

bool is_of_a_list(const Token& token) {
  return token.kind == Token::Kind::number || token.kind == Token::Kind::text || token.value == ",";
}

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c < 0x80; });
}

/// Digits, with an exponent or without, or hexadecimal or binary ones. Where a number begins with a dot, or has a sign in its exponent, the engine ends it
/// before other letters and reads them as a word of their own: .5SETTINGS.
bool is_number(std::string_view text) {
  const auto only = [&](std::string_view which) { return text.find_first_not_of(which) == std::string_view::npos; };
  constexpr auto kDigits = "0123456789_"sv;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    text.remove_prefix(std::min(text.find_first_not_of("0123456789abcdefABCDEF_"), text.size()));
    return text.empty() || ((text[0] == 'p' || text[0] == 'P') && (text.remove_prefix(1), only(kDigits)));
  }
  if (text.starts_with("0b") || text.starts_with("0B")) return text.remove_prefix(2), only("01_");
  text.remove_prefix(std::min(text.find_first_not_of(kDigits), text.size()));
  return text.empty() || ((text[0] == 'e' || text[0] == 'E') && (text.remove_prefix(1), only(kDigits)));
}

/// Why this token is refused, or empty.
std::string_view token_fault(const Token& token, bool after_colon) {
  switch (token.kind) {
    case Token::Kind::other:
      return "a quote or comment is not closed, or there is a $";
    case Token::Kind::symbol:
      // A backslash ends a statement, as \G does in a terminal.
      return "()[]{},.;:+-*/%=<>!?|^"sv.find(token.value) == std::string_view::npos ? "a character is not allowed" : "";
    case Token::Kind::word:
      if (after_colon && token.is("Identifier")) return "a parameter cannot be an identifier";
      // The engine knows blanks, quotes and minus signs of Unicode.
      return is_ascii(token.value) ? "" : "a character outside of quotes is not allowed";
    case Token::Kind::number:
      return is_number(token.value) ? "" : "a number goes on as a word; names that begin with a digit are written in quotes";
    case Token::Kind::quoted_name: {
      // The tree of EXPLAIN AST could be misread by it.
      const auto is_odd = [](unsigned char c) { return c < 0x20 || c == '\\' || c == '(' || c == ')'; };
      return std::ranges::any_of(token.value, is_odd) ? "a name contains a character that is not allowed" : "";
    }
    case Token::Kind::text:
      return "";
  }
  return "";
}

StatementRefused syntax_error(std::string_view what) { return {kSyntaxError, "Syntax error: " + std::string(what)}; }

std::string plain_text(std::string_view statement) {
  std::string result;
  std::size_t end = 0;
  int count = 0;
  bool after_colon = false;
  for (Lexer lexer(statement); const auto token = lexer.next();) {
    if (const auto fault = token_fault(*token, after_colon); !fault.empty()) throw syntax_error(fault);
    count += is_of_a_list(*token) ? 0 : 1;
    if (count > kMostTokens || token->depth > kMostDepth) throw syntax_error("the query is too long, or too deep");
    // At any depth: engines apply those of a subquery whatever readonly says, and a row policy in it follows them (ClickHouse#116028).
    if (token->is("SETTINGS"))
      throw StatementRefused(kReadonly, "the query may change no setting; a column named settings is written in quotes");
    if (!result.empty() && token->at > end) result += ' ';
    result += token->value;
    end = token->end();
    after_colon = token->value == ":";
  }
  return result;
}

}  // namespace

std::string tenant_statement(std::string_view text) {
  auto plain = plain_text(text);
  const auto statement = embedded::look_at(plain);
  switch (statement.kind) {
    case Statement::Kind::read:
      if (Lexer(statement.tail).next()) throw StatementRefused(kReadonly, "the query may change no setting");
      return plain;
    case Statement::Kind::empty:
      throw syntax_error("the query is empty");
    case Statement::Kind::several:
      throw syntax_error("the query has several statements");
    case Statement::Kind::insert:
    case Statement::Kind::other:
      throw syntax_error("only a SELECT is allowed, without INTO OUTFILE");
  }
  return plain;
}

}  // namespace tributary::clickhouse
