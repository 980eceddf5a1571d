#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/catalog.hpp"
#include "destination/postgres/destination.hpp"
#include "mapping/mapping.hpp"
#include "postgres/connection.hpp"
#include "postgres/timestamp.hpp"

namespace tributary::cli {

/// What one destination still has to get, told by the destination itself: its watermarks against the source's rows.
struct Backlog {
  std::int64_t changes = 0;  ///< rows and tombstones past the watermarks, or without their sequence id yet
  /// The oldest of its mappings'; nullopt where one that has something to get never was complete.
  std::optional<postgres::Timestamp> complete_until;
  std::string error;  ///< why the destination cannot be asked; empty otherwise
};

/// Asks one destination over and over, on a connection that it keeps. Both connections belong to the calling loop.
class BacklogReader {
 public:
  BacklogReader(DestinationRow destination, destination::postgres_target::Params params)
      : destination_(std::move(destination)), params_(std::move(params)) {}

  const DestinationRow& destination() const { return destination_; }
  /// A destination's trouble is in Backlog::error; throws postgres::Error where the source fails.
  asio::awaitable<Backlog> read(postgres::Connection& source, std::span<const mapping::Mapping> mappings, Deadline deadline);

 private:
  asio::awaitable<postgres::Result> watermarks(Deadline deadline);

  DestinationRow destination_;
  destination::postgres_target::Params params_;
  std::optional<postgres::Connection> connection_;
};

}  // namespace tributary::cli
