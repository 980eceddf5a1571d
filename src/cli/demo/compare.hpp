#pragma once
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/demo/verify.hpp"
#include "postgres/copy.hpp"

namespace tributary::cli::demo {

/// The next rows of a table, in the order of their first field, its key as text, bytewise; all fields are text. False where there are none.
using RowSource = std::function<asio::awaitable<bool>(postgres::CopyBatch&)>;

/// Which table of which database is looked at, and what its columns are called.
struct TablePlace {
  std::string database;
  std::string table;
  std::vector<std::string> columns;
};

/// What sql/expected.sql says that a tenancy's rows of a target table are. Throws std::logic_error where it does not know the table.
asio::awaitable<RowSource> expected_rows(postgres::Connection& source, std::string_view table, Uuid tenancy);

/// Two ordered streams side by side: every row, every column, in both directions. Adds to `result`. Throws what the sources throw.
asio::awaitable<void> compare(RowSource expected_rows, RowSource actual_rows, TablePlace place, Verification& result);

}  // namespace tributary::cli::demo
