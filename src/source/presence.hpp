#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <string>

#include "base/deadline.hpp"
#include "postgres/connection.hpp"

/// Which roles somebody has, on whatever machine: for as long as a process has one, a session of its own holds a shared advisory lock in the source, which goes
/// with the session.
namespace tributary::source {

namespace asio = boost::asio;

enum class Role { sequencer = 1, sync = 2 };

/// What a session says once, to be counted until it ends. It never waits.
std::string presence_sql(Role role);

/// Processes that have the role now. A machine that vanished counts until the source's TCP notices.
struct Presence {
  std::int64_t sequencer = 0;
  std::int64_t sync = 0;
};
/// Throws postgres::Error.
asio::awaitable<Presence> read_presence(postgres::Connection& source, Deadline deadline);

}  // namespace tributary::source
