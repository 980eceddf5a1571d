#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mapping/mapping.hpp"
#include "postgres/connection.hpp"

namespace tributary::cli::demo {

namespace asio = boost::asio;

/// A row that is not in a customer's database as it is in the source.
struct Difference {
  enum class Kind { missing, unexpected, different, unreadable };
  std::string database;
  std::string table;
  std::string key;
  Kind kind = Kind::missing;
  std::string column;    ///< the first that differs
  std::string expected;  ///< its text, or NULL
  std::string actual;    ///< for an unreadable database: why

  std::string to_string() const;
};

struct Verification {
  std::uint64_t rows = 0;          ///< compared and equal
  std::uint64_t differences = 0;
  std::vector<Difference> first;   ///< at most kShown
  static constexpr std::size_t kShown = 10;
  bool equal() const { return differences == 0; }
  /// A database that cannot be read differs, too.
  void add_unreadable(std::string database, std::string error);
};

/// Which rows of which database are compared. `source` and `customer` are connections; nothing may be written meanwhile.
struct VerifyParams {
  postgres::Connection& source;
  postgres::Connection& customer;
  Uuid tenancy;
  std::string database;  ///< for the report
};

/// Compares each table of a customer's database with what sql/expected.sql says that it must hold: every row, every column, in both directions. Two
/// ordered streams side by side: memory does not grow with the tables. Adds to `result`. Throws postgres::Error, and std::logic_error
/// where sql/expected.sql does not know a mapping.
asio::awaitable<void> verify(VerifyParams params, std::span<const mapping::Mapping> mappings, Verification& result);

}  // namespace tributary::cli::demo
