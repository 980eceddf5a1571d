#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dashboard/context.hpp"
#include "queue/health.hpp"

/// Destinations as the source knows them: none is asked. All throw postgres::Error.
namespace tributary::dashboard {

/// Of the shared ClickHouse there is one for each tenancy.
struct Entry {
  Uuid tenancy;
  std::string project;
  std::string branch;
  std::string destination;
  std::string connection_string;  ///< as it is stored; empty for ClickHouse
  bool deleted = false;  ///< its tenancy is, and what it holds of that is still to be removed
  std::string state;     ///< "ok", "failing", "quarantine", "paused"
  std::int64_t mending = 0;  ///< mappings of it that are to be compared with the source
  std::vector<queue::Trouble> troubles;

  bool is_clickhouse() const { return destination == queue::kSharedClickHouse; }
  queue::DestinationName name() const { return {tenancy, destination}; }
};

/// Where a list goes on.
struct EntryCursor {
  std::string project;
  std::string branch;
  std::string destination;
  Uuid tenancy;
};

struct EntryFilter {
  Scope scope;
  /// Deleted ones, too. A project that was made again may have another owner.
  bool with_deleted = true;
  std::string destination;  ///< empty: all
  std::string state;  ///< empty: all; "trouble": all but ok
  std::string kind;   ///< empty: all; "postgres", "clickhouse"
  std::string search;  ///< part of a project's or a destination's id, any case
  std::optional<EntryCursor> after;
  std::int64_t limit = 50;
};

/// By project, branch and id. Costs what is given, or where `state` is no good one, what is in trouble.
asio::awaitable<std::vector<Entry>> list_entries(postgres::Connection& source, EntryFilter filter, Deadline deadline);
/// What fails before what waits for a person, each the longest first.
asio::awaitable<std::vector<Entry>> list_worst(postgres::Connection& source, Scope scope, std::int64_t limit, Deadline deadline);

/// Of one kind.
struct StateCounts {
  std::int64_t total = 0;
  std::int64_t failing = 0;
  std::int64_t quarantine = 0;
  std::int64_t paused = 0;
};
struct EntryCounts {
  StateCounts postgres;
  StateCounts clickhouse;
};
/// How many are in trouble. Totals stay as they are.
asio::awaitable<void> count_troubled(postgres::Connection& source, Scope scope, EntryCounts& counts, Deadline deadline);
/// How many there are: looks at every tenancy of the scope.
asio::awaitable<void> count_totals(postgres::Connection& source, Scope scope, EntryCounts& counts, Deadline deadline);

/// As docs/dashboard.md has it. To others than operators ClickHouse's errors are not told: they can show other tenants' values.
boost::json::object to_json(const Entry& entry, const Secrets& secrets, bool to_operator);
boost::json::object to_json(const queue::Trouble& trouble, bool to_operator);

/// $n uuid[] of a statement: NULL where all are meant.
void add_scope(postgres::Params& params, const Scope& scope);
/// SELECT of (tenancy_id, destination_id, state, since): what is not ok, where this condition on tenancy_id and destination_id holds.
std::string troubled_sql(std::string_view condition);

}  // namespace tributary::dashboard
