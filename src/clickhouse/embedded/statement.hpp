#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What has to be known about a statement's text before the engine gets it. Pure. The engine is the one that parses SQL; here are only its tokens.
namespace tributary::clickhouse::embedded {

struct Token {
  /// other: a quote or comment that is not closed, or what may begin a here-document. Whoever must be sure what a text holds refuses it.
  enum class Kind { word, quoted_name, text, number, symbol, other };
  Kind kind;
  std::string_view value;  ///< with its quotes
  std::size_t at;  ///< offset in the text
  int depth;  ///< of round, square and curly brackets around it

  bool is(std::string_view word) const;  ///< a word, whatever its case
  std::size_t end() const { return at + value.size(); }
};

/// Goes through a text token by token; comments and blanks are passed over.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  /// nullopt at the end.
  std::optional<Token> next();

 private:
  void skip_blanks();
  std::size_t comment_end(std::size_t from) const;
  std::size_t quoted_end(std::size_t from, char quote) const;
  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

std::vector<Token> tokens(std::string_view text);

struct Statement {
  enum class Kind {
    empty,
    read,  ///< SELECT, WITH, VALUES in parentheses …: its answer can be of any size
    insert,  ///< INSERT whose data follow
    other,  ///< everything else: its answer is small
    several  ///< more than one, which ClickHouse's HTTP interface refuses
  };
  Kind kind = Kind::empty;
  std::string_view body;  ///< read: without FORMAT and what follows it; insert: up to SETTINGS, FORMAT or VALUES; other: all
  std::string_view tail;  ///< read: what follows the format's name (SETTINGS …); insert: SETTINGS …
  std::string_view format;  ///< that the statement names; empty where none
  std::size_t data = 0;  ///< insert: offset of its data in the text
};

/// `text` is what the client sent, or, where `complete` is false, its beginning: enough of it to hold an INSERT up to its data.
/// The result refers to `text`.
Statement look_at(std::string_view text, bool complete = true);

}  // namespace tributary::clickhouse::embedded
