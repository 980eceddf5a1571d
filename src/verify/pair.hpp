#pragma once
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "destination/postgres/destination.hpp"
#include "postgres/connection.hpp"
#include "verify/clickhouse_side.hpp"
#include "verify/comparison.hpp"

namespace tributary::verify {

/// One destination of one tenancy.
struct Place {
  Uuid tenancy;
  std::string project;
  std::string branch;
  std::string destination;        ///< its id; queue::kSharedClickHouse is the one that all share
  std::string connection_string;  ///< of a PostgreSQL

  bool is_clickhouse() const;
};

/// A destination's table has another shape than its mapping's: what() names table, column, expected and found.
class TableDiffers : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A destination and the source, each on a connection of its own, to be compared mapping by mapping.
/// Threads: the loop of open(). Errors: what the clients of the two throw: postgres::Error, clickhouse::Error.
class Pair {
 public:
  /// `clickhouse`, nullopt: there is none, and a Place that is it cannot be opened.
  static asio::awaitable<std::unique_ptr<Pair>> open(postgres::ConnectOptions source, Place place,
                                                     destination::postgres_target::Params params,
                                                     std::optional<ClickHouseAccess> clickhouse);

  /// Compares one mapping. With `repairs`, what differs is mended as it is found. `mapping` outlives the call. Throws TableDiffers, too: every row would
  /// be a difference, and none could be mended.
  struct Params {
    ComparisonParams comparison;
    bool repairs = false;
  };
  asio::awaitable<Progress> compare(const mapping::Mapping& mapping, Params params, Progress begun, Comparison::Found found,
                                    Comparison::Advanced advanced, std::stop_token stop);

  /// Whether the destination has all that the source had numbered when this was called: waits for it until the deadline, or `stop`.
  asio::awaitable<bool> catches_up(const mapping::Mapping& mapping, Deadline deadline, std::stop_token stop);

  const Place& place() const { return place_; }
  /// The one to the destination; null where that is ClickHouse.
  postgres::Connection* destination() { return destination_ ? &*destination_ : nullptr; }

 private:
  asio::awaitable<void> check_table(const mapping::Mapping& mapping);
  std::unique_ptr<DestinationSide> destination_side(const mapping::Mapping& mapping);
  mapping::DestinationKind kind() const;

  Pair(Place place, postgres::Connection source) : place_(std::move(place)), source_(std::move(source)) {}

  const Place place_;
  postgres::Connection source_;
  std::optional<postgres::Connection> destination_;
  std::optional<ClickHouseAccess> clickhouse_;
  std::chrono::milliseconds patience_{};  ///< for an answer to the least question
  bool source_is_utf8_ = false;
  bool destination_is_utf8_ = false;
};

}  // namespace tributary::verify
