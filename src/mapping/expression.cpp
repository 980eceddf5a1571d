#include "mapping/expression.hpp"

#include <cctype>

namespace tributary::mapping {
namespace {

/// End of the quoted text that begins at `begin` (a doubled quote is part of it); npos where it is not closed.
std::size_t end_of_quoted(std::string_view sql, std::size_t begin) {
  const char quote = sql[begin];
  // Only an E string gives the backslash a meaning.
  const bool escapes = quote == '\'' && begin > 0 && (sql[begin - 1] == 'E' || sql[begin - 1] == 'e');
  for (auto i = begin + 1; i < sql.size(); ++i) {
    if (escapes && sql[i] == '\\') {
      ++i;
    } else if (sql[i] == quote) {
      if (i + 1 == sql.size() || sql[i + 1] != quote) return i + 1;
      ++i;
    }
  }
  return std::string_view::npos;
}

std::string unquoted(std::string_view quoted) {
  std::string result;
  for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
    result += quoted[i];
    if (quoted[i] == '"') ++i;
  }
  return result;
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

char at(std::string_view sql, std::size_t position) { return position < sql.size() ? sql[position] : '\0'; }

}  // namespace

std::optional<std::string> expression_mistake(std::string_view sql) {
  int depth = 0;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (c == '\'' || c == '"') {
      const auto end = end_of_quoted(sql, i);
      if (end == std::string_view::npos) return std::string("a ") + c + " is not closed";
      i = end - 1;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      if (--depth < 0) return "a ) without its (";
    } else if (c == ';') {
      return "a semicolon";
    } else if (c == '$') {
      return "a $: parameters and dollar quotes have no place here";
    } else if ((c == '-' && at(sql, i + 1) == '-') || (c == '/' && at(sql, i + 1) == '*')) {
      return "a comment";
    }
  }
  if (depth > 0) return "a ( is not closed";
  return std::nullopt;
}

std::vector<ColumnReference> column_references(std::string_view sql) {
  std::vector<ColumnReference> result;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    if (sql[i] != '"' && sql[i] != '\'') continue;
    const auto begin = i;
    const auto end = end_of_quoted(sql, begin);
    i = end - 1;
    if (sql[begin] == '\'') continue;
    // "schema"."name", "function"(…) and ::"type" are no columns.
    const char before = begin == 0 ? '\0' : sql[begin - 1];
    if (at(sql, end) == '.' || at(sql, end) == '(' || before == ':') continue;
    ColumnReference reference;
    reference.column = unquoted(sql.substr(begin, end - begin));
    if (before == '.') {
      auto start = begin - 1;
      while (start > 0 && is_word(sql[start - 1])) --start;
      if (start == begin - 1) continue;  // the qualifier is quoted itself
      reference.qualifier = sql.substr(start, begin - 1 - start);
    }
    result.push_back(std::move(reference));
  }
  return result;
}

}  // namespace tributary::mapping
