#pragma once
#include <string>
#include <string_view>

/// The one place where names and constants become SQL text.
/// Threads: pure functions.
namespace tributary {

/// `"a""b"` for a"b. Throws std::invalid_argument on a NUL, which no name in PostgreSQL can hold.
std::string quote_identifier(std::string_view name);

/// `'it''s'` for it's, whatever standard_conforming_strings says. For constants known when a text is generated (a table's name), never for
/// values, which are bound. Throws std::invalid_argument on a NUL.
std::string quote_literal(std::string_view text);

/// ClickHouse's: `a\`b` in backticks for a`b. Throws std::invalid_argument on a NUL, so that a name is the same in both databases.
std::string quote_clickhouse_identifier(std::string_view name);

/// ClickHouse's: 'it\'s'. The same uses and errors as quote_literal().
std::string quote_clickhouse_literal(std::string_view text);

}  // namespace tributary
