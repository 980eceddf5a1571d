#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mapping/mapping.hpp"
#include "postgres/timestamp.hpp"
#include "queue/pause.hpp"

/// How things stand, as the source knows it: no destination is asked. All throw postgres::Error.
namespace tributary::queue {

/// The switches that stop sequencer and poller for everybody.
struct Fusebox {
  bool sequencer = true;
  bool poller = true;
};
asio::awaitable<Fusebox> read_fusebox(postgres::Connection& source, Deadline deadline);
/// nullopt: stays as it is.
asio::awaitable<void> write_fusebox(postgres::Connection& source, std::optional<bool> sequencer, std::optional<bool> poller,
                                    Deadline deadline);

/// Something is wrong with one mapping of a destination, or ("") with the destination as a whole.
struct Trouble {
  Uuid tenancy;
  std::string destination;
  std::string mapping;
  int attempts = 0;
  bool paused = false;
  std::int64_t quarantined = 0;  ///< rows that it refused
  std::optional<std::chrono::milliseconds> retry_in;
  std::optional<postgres::Timestamp> since;
  std::string sqlstate;
  std::string error;
};
/// By tenancy, destination and mapping.
asio::awaitable<std::vector<Trouble>> read_troubles(postgres::Connection& source, Deadline deadline);
/// Of these destinations only.
asio::awaitable<std::vector<Trouble>> read_troubles(postgres::Connection& source, std::span<const DestinationName> destinations,
                                                    Deadline deadline);

/// The ClickHouse that all tenancies share.
struct ClickHouseState {
  bool used = false;
  std::int64_t waiting = 0;  ///< requests for it, in flight ones too
  std::int64_t failing = 0;  ///< tenancies that it did not take rows of, to be tried again
  std::int64_t paused = 0;   ///< tenancies for which it, or one of its mappings, is paused
  std::string error;         ///< the one that came last
};
asio::awaitable<ClickHouseState> read_clickhouse(postgres::Connection& source, Deadline deadline);

/// A tenancy that is not up to date since its changes are on their way: to its destinations of a kind, or to one that was left behind as slow. What has failed, or is
/// paused, is among the troubles.
struct Behind {
  enum class State {
    pending,  ///< nobody has taken it up
    in_flight,  ///< somebody has
    slow,  ///< its request is finished, this destination not
  };
  /// A change may be on its way for so long before somebody should know.
  static constexpr std::chrono::seconds kPatience{30};

  Uuid tenancy;
  std::string project;
  std::string branch;
  std::string kind;  ///< of destinations: to_string()
  std::string destination;  ///< the slow one; empty: all of that kind
  State state = State::pending;
  std::chrono::milliseconds age{0};  ///< since it was up to date; where a worker died, since its request was enqueued anew
};
std::string_view to_string(Behind::State state);
/// Those that have been behind for longest, first. `tenancies`: of these only. Costs what is on its way, not what there is.
asio::awaitable<std::vector<Behind>> read_behind(postgres::Connection& source, std::optional<std::vector<Uuid>> tenancies,
                                                 std::int64_t most, Deadline deadline);

/// Whether nothing is on its way, in one snapshot: no row without its sequence id, nothing queued or in flight, no slow destination
/// left behind. What is parked with an error does not count: it waits for its next try.
asio::awaitable<bool> is_drained(postgres::Connection& source, std::span<const mapping::Mapping> mappings, Deadline deadline);

}  // namespace tributary::queue
