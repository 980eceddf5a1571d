#pragma once
#include <boost/json/object.hpp>

#include <chrono>
#include <deque>
#include <map>

#include "dashboard/context.hpp"
#include "dashboard/entries.hpp"
#include "dashboard/rates.hpp"
#include "queue/health.hpp"
#include "queue/queue.hpp"

/// How things stand, on one page (docs/dashboard.md). All throw postgres::Error.
namespace tributary::dashboard {

/// What is counted by looking at every tenancy.
struct Totals {
  std::int64_t tenancies = 0;
  EntryCounts entries;
  std::chrono::sys_time<std::chrono::milliseconds> counted_at;
};
asio::awaitable<Totals> count_all(postgres::Connection& source, Scope scope, Deadline deadline);

/// The tenancies of a project, all its branches.
asio::awaitable<std::vector<Uuid>> tenancies_of(postgres::Connection& source, std::string project, Deadline deadline);

/// How fast the source's sequence grows, whoever the sequencer is. One loop.
class SequenceWatch {
 public:
  /// {"last_sequence_id", "ids_per_second"}: the latter null where nobody has looked within the last seconds, or the sequence jumped. Throws postgres::Error.
  asio::awaitable<boost::json::object> read(postgres::Connection& source, Deadline deadline);
  /// For how long rows of a project (nullopt: of anybody) have waited for their ids while none was given, as looks on end have seen it; nullopt: none waits. What
  /// was read last is the id that it goes by.
  std::optional<std::chrono::milliseconds> standstill(const std::optional<std::string>& project, bool waits);

 private:
  struct Still {
    std::chrono::steady_clock::time_point since;
    std::chrono::steady_clock::time_point seen;
    std::int64_t id;
  };
  struct Reading {
    std::chrono::steady_clock::time_point at;
    std::int64_t id;
  };
  std::deque<Reading> readings_;  ///< oldest first
  std::int64_t last_id_ = 0;
  std::map<std::optional<std::string>, Still> still_;  ///< of those that were looked at within the last seconds
};

/// Of everything where `project` is none, else of its tenancies (`scope`), without what is told of the whole. Costs what waits and what is in trouble, not what there is.
asio::awaitable<boost::json::object> read_overview(const Context& context, const Rates& rates, SequenceWatch& sequence,
                                                   postgres::Connection& source, std::optional<std::string> project, Scope scope,
                                                   Totals totals, Deadline deadline);

boost::json::object to_json(const queue::Fusebox& fusebox);
boost::json::object to_json(const queue::Counts& counts);
boost::json::object to_json(const queue::Behind& behind);
}  // namespace tributary::dashboard
