#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include "base/secrets.hpp"
#include "clickhouse/options.hpp"
#include "mapping/mapping.hpp"
#include "queue/mend.hpp"
#include "verify/pair.hpp"

namespace tributary::verify {

/// Where the shared ClickHouse is now, and as whom it is asked: see ClickHouseAccess.
struct ClickHousePlace {
  clickhouse::ConnectOptions writer;
  clickhouse::ConnectOptions reader;
  bool as_tenant = false;
};

/// When tombstones go.
struct CollectionParams {
  std::chrono::milliseconds every{60'000};            ///< zero: never
  std::chrono::milliseconds keep{7 * 24 * 3'600'000};  ///< younger ones stay, whoever has applied them
  std::chrono::milliseconds longest_wait{
      30LL * 24 * 3'600'000};  ///< a destination that has failed, or was paused, for longer holds nothing back
};

struct MenderParams {
  postgres::ConnectOptions source;
  Secrets secrets;  ///< that open destinations' connection strings
  Uuid installation;
  destination::postgres_target::Params destination;  ///< how one is connected to
  std::chrono::milliseconds idle_pause{5'000};  ///< between two looks for something to do
  std::chrono::milliseconds busy_pause{250};    ///< while there is something that waits for the synchronisation
  /// After a move was seen, nobody who claimed the tenancy before can still be writing to its old place: longer than a batch may take (sync.apply_timeout).
  std::chrono::milliseconds settling{120'000};
  CollectionParams collection;
  ComparisonParams comparison{.patience = std::chrono::milliseconds(5'000)};
  std::function<std::optional<ClickHousePlace>()> clickhouse = [] { return std::nullopt; };  ///< nullopt: nowhere now
};

/// Does what tributary.mend asks for, one after the other: takes a watermark back where everything is to be read again, waits until the synchronisation has caught
/// up, compares all rows, and sends what differs once more by the ordinary way. Of all processes one does so at a time; whoever takes over goes on with what is
/// open, and the steps may be done twice. What cannot be done now goes behind all others; what fails rests, longer each time.
///
/// Between these it takes rows of tenancies that were moved out of the places in the shared ClickHouse that they left (tributary.left_place).
///
/// Now and then it removes old tombstones, too: see Collector.
///
/// Lifetime: `mappings` outlive run(). Threads: one loop. Errors: logged, noted with what failed, and tried again.
class Mender {
 public:
  Mender(MenderParams params, const std::vector<mapping::Mapping>& mappings);

  /// Until `stop`.
  asio::awaitable<void> run(std::stop_token stop);

 private:
  asio::awaitable<bool> take_turn();
  asio::awaitable<bool> pass(std::stop_token stop);
  asio::awaitable<bool> vacate(queue::LeftPlace place, std::stop_token stop);
  struct Result {
    bool finished = false;
    bool cannot_be_reached = false;  ///< its server: nor can anything else there
    std::string error;  ///< empty: finished, or to be looked at again
  };
  asio::awaitable<Result> try_to(const queue::Mend& mend, std::stop_token stop);
  asio::awaitable<void> postpone(const queue::Mend& mend, std::string error);
  bool expect_clickhouse(bool is_there);
  asio::awaitable<bool> work_on(Pair& pair, const queue::Mend& mend, const mapping::Mapping& mapping,
                                std::optional<ClickHouseAccess> clickhouse, std::stop_token stop);

  const MenderParams params_;
  const std::vector<mapping::Mapping>& mappings_;
  std::optional<postgres::Connection> source_;  ///< which holds the lock, if anybody here does
  bool has_turn_ = false;
  std::mt19937_64 random_{std::random_device{}()};  ///< of the rests between tries
  std::optional<Deadline> clickhouse_expected_;  ///< while it is nowhere: from then on that is a failure
};

}  // namespace tributary::verify
