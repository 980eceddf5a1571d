#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "mapping/mapping.hpp"
#include "postgres/connection.hpp"

namespace tributary::sequencer {

namespace asio = boost::asio;

/// Changed rows of a table, or tombstones ("DeletedRow"), that have no new sequence id yet.
struct Flagged {
  /// What is flagged beyond this is not counted: looking must not get dearer while a backlog grows.
  static constexpr std::int64_t kMost = 100'000;

  std::string table;
  std::int64_t count = 0;  ///< at most kMost
};

/// Of each sequenced table, in the order of sequenced_tables(). `tenancies`: of these only; nullopt: of all. Throws postgres::Error.
asio::awaitable<std::vector<Flagged>> count_flagged(postgres::Connection& source, std::span<const mapping::Mapping> mappings,
                                                    std::optional<std::vector<Uuid>> tenancies, Deadline deadline);

/// The one that was given last, by anybody; 0: none.
asio::awaitable<std::int64_t> last_id(postgres::Connection& source, Deadline deadline);

/// What waits for the sequencer: rows, tombstones and markers, added up.
struct Unnumbered {
  std::int64_t count = 0;
  bool is_capped = false;  ///< there may be more: of one of the tables, Flagged::kMost were counted
  std::int64_t last_id = 0;  ///< given by anybody
};
asio::awaitable<Unnumbered> read_unnumbered(postgres::Connection& source, std::span<const mapping::Mapping> mappings,
                                            Deadline deadline);

/// Whether until `patience` is over something waits, and no id is given: returns false as soon as one is. Throws postgres::Error.
asio::awaitable<bool> stands_still(postgres::Connection& source, std::span<const mapping::Mapping> mappings, Unnumbered before,
                                   Deadline patience, Deadline deadline);

}  // namespace tributary::sequencer
