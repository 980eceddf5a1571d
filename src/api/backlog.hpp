#pragma once
#include <boost/asio/awaitable.hpp>

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "mapping/mapping.hpp"
#include "postgres/connection.hpp"

namespace tributary::api {

namespace asio = boost::asio;

/// How far a destination is with a mapping. Those that are equally far have the same backlog, which is counted once.
struct Position {
  Uuid tenancy;
  std::optional<std::int64_t> watermark;  ///< nullopt: not known; nothing is counted

  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Backlog {
  std::optional<std::int64_t> changes;          ///< that the destination has to get; nullopt where its watermark is not known
  std::optional<std::int64_t> max_sequence_id;  ///< of the tenancy's rows; nullopt: none has an id
};

/// The backlog of each of these positions in a mapping, by one statement. Throws postgres::Error.
asio::awaitable<std::map<Position, Backlog>> read_backlogs(postgres::Connection& source, const mapping::Mapping& mapping,
                                                           std::set<Position> positions, Deadline deadline);

}  // namespace tributary::api
