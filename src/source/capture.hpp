#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mapping/mapping.hpp"

/// What capture needs to know of the source's tables: mappings turned round, since several may read one table.
namespace tributary::source {

struct CapturedTable {
  std::string name;
  std::string tenancy_column;
  std::vector<std::string> key;         ///< source key, the tenancy column among it
  std::vector<std::string> timestamps;  ///< source columns that a tombstone keeps in "data"
  std::vector<std::vector<std::string>>
      lookups;  ///< columns by which a target key is looked up, where the source key does not begin with them
  std::vector<std::vector<std::string>>
      shared;  ///< the same of target keys that several rows can have: mapping::target_key_is_shared()
};

/// Rows of `table` are part of what is made of rows of `parent`.
struct CapturedDependency {
  std::string table;
  std::string parent;
  std::vector<std::pair<std::string, std::string>> on;  ///< (column of table, key column of parent)
};

/// Each table once, in order of the mappings. Throws as capture_steps().
std::vector<CapturedTable> captured_tables(std::span<const mapping::Mapping> mappings);
std::vector<CapturedDependency> captured_dependencies(std::span<const mapping::Mapping> mappings);
/// Those of the tables whose rows markers name: parents of dependencies, and where several rows can have one target key.
std::vector<std::string> marked_tables(std::span<const mapping::Mapping> mappings);
/// The step of capture_steps() that notes them.
inline constexpr std::string_view kMarkedTablesStep = "tables that markers name";

/// `public."Table"`.
std::string public_table(std::string_view name);
/// "<table>_<suffix>", cut in the middle (and told apart by a hash) where PostgreSQL would cut the end off.
std::string object_name(std::string_view table, std::string_view suffix);

}  // namespace tributary::source
