#pragma once
#include <boost/json/object.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "queue/health.hpp"
#include "queue/queue.hpp"

/// What `tributary top` shows. Plain values and pure functions: no I/O, no clock.
namespace tributary::cli::top {

/// Series of /metrics by what stands before their value: tributary_lag_seconds_count{kind="postgres"}.
using Series = std::map<std::string, double, std::less<>>;
/// Prometheus' text format; lines that are none are passed over.
Series parse_series(std::string_view text);
/// Adds up what several processes count.
void add(Series& sum, const Series& more);

/// What was there at one moment.
struct Sample {
  std::chrono::steady_clock::time_point at;
  std::string source_error;  ///< the source could not be asked; what it tells stays empty then
  queue::Fusebox fusebox;
  queue::Counts queue;
  queue::ClickHouseState clickhouse;
  std::int64_t last_id = 0;  ///< of global_seq_id
  std::map<std::string, std::int64_t> flagged;  ///< by mapping: rows of its table without their new sequence id, at most 100,000
  struct Trouble {
    std::string destination;  ///< project/id or project@branch/id
    queue::Trouble what;
    std::chrono::milliseconds age{0};
  };
  std::vector<Trouble> troubles;  ///< of customers' databases
  Series series;  ///< of all processes that were asked
  std::vector<std::string> process_errors;
};

enum class Order { oldest, attempts, name };
std::string_view to_string(Order order);

/// What happened between two samples, and how things stand.
struct Frame {
  struct Lag {
    std::string kind;
    std::int64_t batches = 0;  ///< that these are of
    std::chrono::milliseconds p50{0}, p99{0};
  };
  struct Mapping {
    std::string name;
    std::int64_t flagged = 0;
    std::map<std::string, double> applied;  ///< rows a second, by kind of destination
  };
  Sample now;
  std::optional<double> ids;  ///< given a second; nullopt: there was no sample before
  std::vector<Lag> lags;  ///< of the time between; where nothing was applied then, since the processes started
  std::vector<Mapping> mappings;
  std::size_t troubled = 0;  ///< destinations and mappings, of which `now` has the worst
};
/// `before`: nullptr, there is none. `most`: how many troubles are kept.
Frame frame_of(const Sample* before, Sample now, Order order, std::size_t most);

struct Size {
  std::size_t columns = 80;
  std::size_t lines = 24;
};
/// Lines of at most that size, each with its line break. `footer`: the last line; empty: none.
std::string render(const Frame& frame, Size size, std::string_view footer);
boost::json::object to_json(const Frame& frame);

}  // namespace tributary::cli::top
