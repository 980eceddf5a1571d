#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "base/uuid.hpp"
#include "destination/destination.hpp"
#include "postgres/guard.hpp"
#include "postgres/pool.hpp"

namespace tributary::destination::postgres_target {

struct Params {
  std::chrono::milliseconds connect_timeout{10'000};
  std::size_t max_connections = 4;                 ///< per database and event loop
  std::chrono::milliseconds idle_timeout{30'000};  ///< an unused connection is closed after this
  tributary::postgres::Guard guard;                ///< for what tenants wrote
};

/// A connection string of a tenancy under `params.guard`, as sessions of destinations need it: the one way from one to the other. Throws Error{usage} that says
/// what is not allowed.
tributary::postgres::ConnectOptions connect_options(std::string_view connection_string, Uuid tenancy, const Params& params);

/// Who writes: recorded in the destination, so that two cannot take turns without noticing.
struct Owner {
  Uuid installation;
  Uuid tenancy;
};

/// A tenancy's own PostgreSQL: COPY into staging, merge and watermark in one transaction; a handful of rows in one round trip.
/// Looks everything up with an empty search_path and full names. See destination::Destination for the promises.
std::unique_ptr<Destination> make_destination(asio::any_io_executor executor, tributary::postgres::ConnectOptions options,
                                              Owner owner, Params params);

/// A connection for looking on, as the destination's own are: with an empty search_path, UTC and deadlines. Throws postgres::Error.
asio::awaitable<tributary::postgres::Connection> open_session(tributary::postgres::ConnectOptions options, Deadline deadline);

/// How the mapping's table differs from what rows are written to and read from, in a sentence; empty: it does not, or there is none. What else an INSERT
/// must give a value is left out: it keeps nobody from reading. Throws postgres::Error.
asio::awaitable<std::string> table_difference(tributary::postgres::Connection& connection, const mapping::Mapping& mapping,
                                              Deadline deadline);

/// Connects, says what the server is and whether tables can be created: `tributary destination test`.
struct Check {
  bool ok = false;
  std::string server_version;
  std::string message;  ///< what is wrong and what to do
};
asio::awaitable<Check> check(tributary::postgres::ConnectOptions options, Deadline deadline);

}  // namespace tributary::destination::postgres_target
