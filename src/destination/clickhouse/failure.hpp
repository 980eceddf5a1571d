#pragma once
#include <exception>

#include "clickhouse/error.hpp"
#include "destination/destination.hpp"

namespace tributary::destination::clickhouse_target {

/// What the engine is told of an error: the one place where a ClickHouse error becomes a Failure. Its `sqlstate` is the one that PostgreSQL would give the
/// same fault, so that the engine's policy, the metrics and `tributary status` need to know one vocabulary only.
Failure to_failure(const clickhouse::Error& error);
/// The same of whatever was thrown; anything but a ClickHouse error is a defect of ours.
Failure to_failure(const std::exception_ptr& error);
/// A deadline passed before the server answered.
Failure timed_out();

/// The server as a whole cannot be written to, whatever the table: no connection, no password, no room on its disk. A lack of memory is not among them: other rows
/// may need less.
bool concerns_server(const Failure& failure);

}  // namespace tributary::destination::clickhouse_target
