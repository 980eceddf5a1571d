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

}  // namespace tributary::sequencer
