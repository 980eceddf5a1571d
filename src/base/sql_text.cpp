#include "base/sql_text.hpp"

#include <stdexcept>

namespace tributary {
namespace {

std::string doubled(std::string_view text, std::string_view to_double) {
  if (text.find('\0') != std::string_view::npos) throw std::invalid_argument("a NUL cannot stand in SQL");
  std::string result;
  result.reserve(text.size() + 4);
  for (const char c : text) {
    if (to_double.find(c) != std::string_view::npos) result += c;
    result += c;
  }
  return result;
}

}  // namespace

std::string quote_identifier(std::string_view name) { return '"' + doubled(name, "\"") + '"'; }

std::string quote_literal(std::string_view text) {
  // A backslash means itself only where standard_conforming_strings is on; in an E string it has one meaning everywhere.
  if (text.find('\\') == std::string_view::npos) return '\'' + doubled(text, "'") + '\'';
  return "E'" + doubled(text, "'\\") + '\'';
}

}  // namespace tributary
