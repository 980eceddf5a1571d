#pragma once
#include <boost/json/object.hpp>

#include <chrono>
#include <deque>

#include "dashboard/context.hpp"
#include "dashboard/entries.hpp"
#include "dashboard/rates.hpp"
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

 private:
  struct Reading {
    std::chrono::steady_clock::time_point at;
    std::int64_t id;
  };
  std::deque<Reading> readings_;  ///< oldest first
};

/// Of everything where `scope` is none, else of these tenancies, without what is told of the whole. Costs what waits and what is in trouble, not what there is.
asio::awaitable<boost::json::object> read_overview(const Context& context, const Rates& rates, SequenceWatch& sequence,
                                                   postgres::Connection& source, Scope scope, Totals totals, Deadline deadline);

boost::json::object to_json(const queue::Fusebox& fusebox);
boost::json::object to_json(const queue::Counts& counts);
}  // namespace tributary::dashboard
