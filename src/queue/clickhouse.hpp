#pragma once
#include <cstdint>
#include <string>

#include "base/deadline.hpp"
#include "postgres/connection.hpp"

/// What the source knows of the shared ClickHouse. All throw postgres::Error.
namespace tributary::queue {

namespace asio = boost::asio;

/// Whether the shared ClickHouse is a destination, for every process. Switched off, what waits for it is dropped from the queue; switched on again, every
/// store is a new one.
asio::awaitable<void> use_clickhouse(postgres::Connection& connection, bool used, Deadline deadline);

/// Enqueues every tenancy for ClickHouse, in small transactions, unless that was done for this store; then notes that it was. Broken off, it is begun anew.
/// Returns whether there was something to do.
asio::awaitable<bool> fill_clickhouse(postgres::Connection& connection, std::string store, Deadline deadline);

/// Whatever the ClickHouse that is back had failed for is due now. Returns how many tenancies.
asio::awaitable<std::uint64_t> resume_clickhouse(postgres::Connection& connection, Deadline deadline);

}  // namespace tributary::queue
