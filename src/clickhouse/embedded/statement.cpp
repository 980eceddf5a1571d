#include "clickhouse/embedded/statement.hpp"

#include <cctype>

namespace tributary::clickhouse::embedded {
namespace {

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<signed char>(c) < 0; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_symbol(const Token& token, std::string_view symbol) { return token.kind == Token::Kind::symbol && token.value == symbol; }

std::string_view between(std::string_view text, std::size_t from, std::size_t to) { return text.substr(from, to - from); }

/// Where the data of an INSERT begin: blanks on the same line belong to the statement, and one line break.
std::size_t data_after(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t')) ++at;
  if (at < text.size() && text[at] == '\r') ++at;
  if (at < text.size() && text[at] == '\n') ++at;
  return at;
}

Statement look_at_insert(std::string_view text) {
  Statement result{.kind = Statement::Kind::insert, .body = text, .data = text.size()};
  std::optional<std::size_t> settings;
  const auto finish = [&](std::size_t end) {
    result.body = text.substr(0, settings.value_or(end));
    result.tail = settings ? between(text, *settings, end) : std::string_view();
  };
  Lexer lexer(text);
  std::optional<Token> previous;
  while (const auto token = lexer.next()) {
    const bool opens_subquery = previous && is_symbol(*previous, "(") && (token->is("SELECT") || token->is("WITH"));
    if (opens_subquery || (token->depth == 0 && (token->is("SELECT") || token->is("WITH") || token->is("FROM"))))
      return {.kind = Statement::Kind::other, .body = text};
    if (token->depth == 0 && token->is("SETTINGS")) settings = token->at;
    if (token->depth == 0 && is_symbol(*token, ";")) {
      finish(token->at);
      return result;
    }
    if (token->depth == 0 && token->is("VALUES")) {
      finish(token->at);
      result.format = "Values";
      result.data = token->end();
      return result;
    }
    if (token->depth == 0 && token->is("FORMAT")) {
      const auto name = lexer.next();
      if (!name) break;
      finish(token->at);
      result.format = name->value;
      result.data = data_after(text, name->end());
      return result;
    }
    previous = token;
  }
  finish(text.size());
  return result;
}

/// FORMAT takes its name from the end of a statement only: anywhere else it may be a column's name.
void take_format(std::string_view text, const std::vector<Token>& all, std::size_t end, Statement& result) {
  result.body = text.substr(0, end);
  for (std::size_t i = all.size(); i-- > 1;) {
    const auto& name = all[i];
    const bool last = i + 1 == all.size();
    if (all[i - 1].depth != 0 || !all[i - 1].is("FORMAT") || name.kind != Token::Kind::word) continue;
    if (!last && !all[i + 1].is("SETTINGS")) continue;
    result.body = text.substr(0, all[i - 1].at);
    result.format = name.value;
    result.tail = between(text, name.end(), end);
    return;
  }
}

bool writes_a_file(const std::vector<Token>& all) {
  for (const auto& token : all) {
    if (token.is("OUTFILE")) return true;
  }
  return false;
}

}  // namespace

bool Token::is(std::string_view word) const {
  return kind == Kind::word && std::ranges::equal(value, word, [](char a, char b) {
           return std::toupper(static_cast<unsigned char>(a)) == std::toupper(static_cast<unsigned char>(b));
         });
}

void Lexer::skip_blanks() {
  while (at_ < text_.size()) {
    const auto rest = text_.substr(at_);
    if (is_blank(rest[0])) {
      ++at_;
    } else if (rest.starts_with("--") || rest.starts_with("//") || rest.starts_with("#!") || rest.starts_with("# ")) {
      at_ = std::min(text_.find('\n', at_), text_.size());
    } else if (rest.starts_with("/*")) {
      const auto end = comment_end(at_);
      if (end == std::string_view::npos) return;
      at_ = end;
    } else {
      return;
    }
  }
}

/// Comments stand in comments. npos: it is not closed.
std::size_t Lexer::comment_end(std::size_t from) const {
  int depth = 0;
  for (auto at = from; at + 1 < text_.size(); ++at) {
    const auto pair = text_.substr(at, 2);
    if (pair == "/*") {
      ++depth;
      ++at;
    } else if (pair == "*/") {
      ++at;
      if (--depth == 0) return at + 1;
    }
  }
  return std::string_view::npos;
}

std::size_t Lexer::quoted_end(std::size_t from, char quote) const {
  for (auto at = from + 1; at < text_.size(); ++at) {
    if (text_[at] == '\\') {
      ++at;
    } else if (text_[at] == quote) {
      if (at + 1 == text_.size() || text_[at + 1] != quote) return at + 1;
      ++at;
    }
  }
  return std::string_view::npos;
}

std::optional<Token> Lexer::next() {
  skip_blanks();
  if (at_ >= text_.size()) return std::nullopt;
  const auto from = at_;
  const char first = text_[from];
  Token token{.kind = Token::Kind::symbol, .value = text_.substr(from, 1), .at = from, .depth = depth_};
  if (first == '\'' || first == '"' || first == '`') {
    token.kind = first == '\'' ? Token::Kind::text : Token::Kind::quoted_name;
    const auto end = quoted_end(from, first);
    if (end == std::string_view::npos) token.kind = Token::Kind::other;
    token.value = between(text_, from, std::min(end, text_.size()));
  } else if (in_word(first)) {
    token.kind = is_digit(first) ? Token::Kind::number : Token::Kind::word;
    auto end = from;
    while (end < text_.size() && in_word(text_[end])) ++end;
    token.value = between(text_, from, end);
  } else if (first == '(' || first == '[' || first == '{') {
    ++depth_;
  } else if (first == ')' || first == ']' || first == '}') {
    token.depth = --depth_;
  } else if (first == '$' || text_.substr(from, 2) == "/*") {
    token.kind = Token::Kind::other;
    if (first == '/') token.value = text_.substr(from);
  }
  at_ = token.end();
  return token;
}

std::vector<Token> tokens(std::string_view text) {
  std::vector<Token> all;
  Lexer lexer(text);
  while (const auto token = lexer.next()) all.push_back(*token);
  return all;
}

Statement look_at(std::string_view text, bool complete) {
  const auto first = Lexer(text).next();
  if (!first) return {};
  if (first->is("INSERT")) return look_at_insert(text);

  Statement result{.kind = Statement::Kind::other, .body = text};
  if (!complete) return result;
  auto all = tokens(text);
  auto end = text.size();
  const auto stop = std::ranges::find_if(all, [](const Token& token) { return is_symbol(token, ";") && token.depth <= 0; });
  if (stop != all.end()) {
    end = stop->at;
    while (!all.empty() && is_symbol(all.back(), ";")) all.pop_back();
    if (!all.empty() && all.back().at > end) return {.kind = Statement::Kind::several, .body = text};
    if (all.empty()) return {};
    result.body = text.substr(0, end);
  }
  if (writes_a_file(all)) return result;
  if (all.front().is("SELECT") || all.front().is("WITH") || all.front().is("FROM") || is_symbol(all.front(), "(")) {
    result.kind = Statement::Kind::read;
    take_format(text, all, end, result);
  }
  return result;
}

}  // namespace tributary::clickhouse::embedded
