#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>

#include "clickhouse/client.hpp"
#include "destination/destination.hpp"
#include "mapping/clickhouse_plan.hpp"

namespace tributary::destination::clickhouse_target {

namespace ch = tributary::clickhouse;
namespace sql = mapping::clickhouse;

enum class Extent {
  missing,  ///< tables and views: where nothing of them is missing, nothing is run
  all,      ///< views, users, policies and grants too, made anew each time: `tributary clickhouse migrate`
};

/// How the schema stands once it was applied.
struct SchemaState {
  std::optional<Failure> failure;  ///< nothing can be written: a newer schema, another installation's
  std::map<std::string, Failure> of_mappings;  ///< by name, those whose table differs: says table, column, expected and found
  std::size_t statements = 0;  ///< that were run
};

/// Reads what is there and runs the statements that the mappings need (mapping::clickhouse::plan). `user`: see there.
/// Applied again, it changes nothing; two at once, of several processes too, are no error. Tables that differ are left as they are.
/// A table that is made while positions of its mapping are on record was dropped: every tenancy starts over with it, at a higher generation.
/// Throws clickhouse::Error of what the server does not do.
asio::awaitable<SchemaState> apply_schema(ch::Client& client, std::span<const mapping::Mapping> mappings,
                                          const sql::Options& options, const sql::TenantUser* user, Extent extent,
                                          Deadline deadline);

/// How the mapping's table differs from what rows are written to and read from, in a sentence; empty: it does not, or there is none.
asio::awaitable<std::string> table_difference(ch::Client& client, const mapping::Mapping& mapping, Deadline deadline);

/// Which tables these are: another id where one was made since, as after a loss of data or for a new mapping. REQUIRES: the schema is there.
asio::awaitable<std::string> store_id(ch::Client& client, Deadline deadline);

}  // namespace tributary::destination::clickhouse_target
