#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "queue/queue.hpp"

/// What an operator has paused: it gets no rows until somebody resumes it, delays nobody meanwhile, and keeps its backlog. All throw postgres::Error.
namespace tributary::queue {

/// One destination of one tenancy.
struct DestinationName {
  Uuid tenancy;
  std::string destination;
  friend auto operator<=>(const DestinationName&, const DestinationName&) = default;
};

/// $1 uuid[], $2 text[]: tenancies and destinations, for unnest().
postgres::Params name_params(std::span<const DestinationName> destinations);

/// Pauses a mapping of these destinations, or ("") each of them as a whole, once the batch that it is being given is done. Returns how many were not paused.
asio::awaitable<std::uint64_t> pause(postgres::Connection& connection, std::span<const DestinationName> destinations,
                                     std::string mapping, Deadline deadline);
/// Ends the pauses of a mapping of these destinations, or ("") every one that they have, and enqueues their tenancies. Returns how many there were.
asio::awaitable<std::uint64_t> end_pause(postgres::Connection& connection, std::span<const DestinationName> destinations,
                                         std::string mapping, Deadline deadline);

}  // namespace tributary::queue
