#include "base/sql_text.hpp"

#include <stdexcept>

namespace tributary {
namespace {

void refuse_nul(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) throw std::invalid_argument("a NUL cannot stand in SQL");
}

std::string doubled(std::string_view text, std::string_view to_double) {
  refuse_nul(text);
  std::string result;
  result.reserve(text.size() + 4);
  for (const char c : text) {
    if (to_double.find(c) != std::string_view::npos) result += c;
    result += c;
  }
  return result;
}

/// In ClickHouse a backslash escapes within every kind of quotes.
std::string escaped(std::string_view text, char quote) {
  refuse_nul(text);
  std::string result{quote};
  for (const char c : text) {
    if (c == '\\' || c == quote) result += '\\';
    result += c;
  }
  return result + quote;
}

}  // namespace

std::string quote_identifier(std::string_view name) { return '"' + doubled(name, "\"") + '"'; }

std::string quote_literal(std::string_view text) {
  // A backslash means itself only where standard_conforming_strings is on; in an E string it has one meaning everywhere.
  if (text.find('\\') == std::string_view::npos) return '\'' + doubled(text, "'") + '\'';
  return "E'" + doubled(text, "'\\") + '\'';
}

std::string quote_clickhouse_identifier(std::string_view name) { return escaped(name, '`'); }

std::string quote_clickhouse_literal(std::string_view text) { return escaped(text, '\''); }

}  // namespace tributary
