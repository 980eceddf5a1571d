#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Looking at SQL that a mapping file holds, without understanding it. Internal to this module.
namespace tributary::mapping {

/// A quoted name in an expression that is a column's: "isPrimary", or channel."value".
struct ColumnReference {
  std::string qualifier;  ///< empty where there is none
  std::string column;
};

/// What keeps `sql` from standing in the middle of another text, if anything: a quote or a parenthesis that is not closed, a semicolon, a comment,
/// a parameter or a dollar quote. The text is the operator's own and trusted; this catches slips, at the place of the slip.
std::optional<std::string> expression_mistake(std::string_view sql);

/// The columns that `sql` names in double quotes; unquoted ones are left to the server. REQUIRES: no expression_mistake.
std::vector<ColumnReference> column_references(std::string_view sql);

}  // namespace tributary::mapping
