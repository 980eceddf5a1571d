#pragma once
#include <chrono>
#include <stop_token>
#include <string>

#include "base/deadline.hpp"
#include "postgres/connection.hpp"

/// What the source knows of the shared ClickHouse. All throw postgres::Error.
namespace tributary::queue {

namespace asio = boost::asio;

/// Whether the shared ClickHouse is a destination, for every process. Switched off, what waits for it is dropped from the queue; switched on again, every
/// store is a new one.
asio::awaitable<void> use_clickhouse(postgres::Connection& connection, bool used, Deadline deadline);

/// Enqueues every tenancy for ClickHouse, in small transactions of at most `step_time` each, unless that was done for this store; then notes that it was. Broken off, it
/// is begun anew. Returns whether it was done now.
asio::awaitable<bool> fill_clickhouse(postgres::Connection& connection, std::string store, std::chrono::milliseconds step_time,
                                      std::stop_token stop);

/// Whatever the ClickHouse that is back had failed for is due now; in steps, as above.
asio::awaitable<void> resume_clickhouse(postgres::Connection& connection, std::chrono::milliseconds step_time,
                                        std::stop_token stop);

}  // namespace tributary::queue
