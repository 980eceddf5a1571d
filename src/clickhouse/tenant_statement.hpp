#pragma once
#include <stdexcept>
#include <string>
#include <string_view>

namespace tributary::clickhouse {

/// A text that is no tenant's statement. what() is a sentence for the tenant.
class StatementRefused : public std::runtime_error {
 public:
  StatementRefused(int code, const std::string& message) : std::runtime_error(message), code_(code) {}
  int code() const { return code_; }  ///< ClickHouse's number for it: 62 SYNTAX_ERROR, 164 READONLY

 private:
  int code_;
};

/// What tenants may send: one SELECT, with FORMAT or without, and nowhere the word SETTINGS outside of quotes. The one rule for servers, where grants and row policies alone
/// would still let a tenant kill or list the queries of all others (they are the same user), and for the embedded engine.
///
/// Returns the statement's tokens with a blank in each gap between them. Its comments are gone, so that the server's lexer, which knows more kinds of
/// blanks and comments than ours, finds nothing to read differently. Throws StatementRefused, also on what it still might. Pure.
std::string tenant_statement(std::string_view text);

}  // namespace tributary::clickhouse
