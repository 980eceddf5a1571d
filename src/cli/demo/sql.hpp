#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/embedded.hpp"

namespace tributary {

std::span<const EmbeddedFile> embedded_demo_sql();  ///< src/cli/demo/sql/*.sql, sorted by name

}  // namespace tributary

namespace tributary::cli::demo {

/// What follows a line `--; <name>` in a file of sql/, up to the next one.
struct SqlSection {
  std::string_view name;
  std::string_view text;
};

/// In file order. REQUIRES: the file exists.
std::vector<SqlSection> sql_sections(std::string_view file);
/// REQUIRES: file and section exist.
std::string sql_section(std::string_view file, std::string_view name);

}  // namespace tributary::cli::demo
