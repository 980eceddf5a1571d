#include "clickhouse/error.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/one_line.hpp"

namespace tributary::clickhouse {
namespace {

constexpr std::size_t kTextLimit = 4096;

/// ErrorCodes.cpp of the server has the numbers.
constexpr std::array kPassing{
    3,    // UNEXPECTED_END_OF_FILE: our body did not arrive whole
    33,   // CANNOT_READ_ALL_DATA: the same
    75,   // CANNOT_WRITE_TO_FILE_DESCRIPTOR: disk full
    159,  // TIMEOUT_EXCEEDED
    173,  // CANNOT_ALLOCATE_MEMORY
    202,  // TOO_MANY_SIMULTANEOUS_QUERIES
    203,  // NO_FREE_CONNECTION
    209,  // SOCKET_TIMEOUT
    210,  // NETWORK_ERROR
    225,  // NO_ZOOKEEPER
    236,  // ABORTED: the server stops
    241,  // MEMORY_LIMIT_EXCEEDED
    242,  // TABLE_IS_READ_ONLY: its replica has lost Keeper
    243,  // NOT_ENOUGH_SPACE
    252,  // TOO_MANY_PARTS
    254,  // NO_ACTIVE_REPLICAS
    279,  // ALL_CONNECTION_TRIES_FAILED
    285,  // TOO_FEW_LIVE_REPLICAS
    286,  // UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE
    319,  // UNKNOWN_STATUS_OF_INSERT
    394,  // QUERY_WAS_CANCELLED
    439,  // CANNOT_SCHEDULE_TASK
    473,  // DEADLOCK_AVOIDED
    745,  // SERVER_OVERLOADED
    999,  // KEEPER_EXCEPTION
};
constexpr std::array kPassingStatus{408, 429, 502, 503, 504};

}  // namespace

Error::Error(Details details) : std::runtime_error(one_line(details.message, kTextLimit)), details_(std::move(details)) {
  details_.message = what();
  details_.name = one_line(details_.name, kTextLimit);
}

Error::Error(ErrorKind kind, std::string message) : Error(Details{.kind = kind, .message = std::move(message)}) {}

bool Error::retryable() const {
  switch (kind()) {
    case ErrorKind::connection:
    case ErrorKind::deadline:
      return true;
    case ErrorKind::server:
      return code() == 0 ? std::ranges::count(kPassingStatus, details_.http_status) > 0
                         : std::ranges::count(kPassing, code()) > 0;
    case ErrorKind::protocol:
    case ErrorKind::usage:
      return false;
  }
  return false;
}

}  // namespace tributary::clickhouse
