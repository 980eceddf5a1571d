#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "support/database.hpp"
#include "support/process.hpp"

namespace tributary::test {

struct TortureParams {
  std::string binary;  ///< of tributary
  int rounds = 10;     ///< a process is killed in each, if nothing else is said
  std::uint64_t seed = 0;
};

/// Four `tributary serve` (two with every role, a sequencer, an engine) under a random load of plain SQL (support/load.hpp) from several connections. At random
/// moments, each after something was applied since the last, a random one of them, or all, are killed with SIGKILL and replaced. Then the load ends, and every
/// destination must become equal to its source: throws with the first differences otherwise.
void torture(const TortureParams& params);

/// Who is killed where there is a shared ClickHouse.
enum class Victim {
  host,  ///< the process of the embedded engine: its `tributary serve` starts another one
  service,  ///< `tributary serve`, which leaves the engine's process behind
};
/// The same with one `tributary serve` that runs the embedded engine: at its end each tenant's views, too, must equal the source.
void torture_clickhouse(const TortureParams& params, Victim victim);

/// Two `tributary serve` that reach source, destinations and ClickHouse (where it is installed) by a network that fails at any byte, in turns
/// here and there, `rounds` times, and then everywhere for longer than leases last.
void torture_network(const TortureParams& params);
/// Two of them, a sequencer and an engine; in each round one is stopped (SIGSTOP), mostly for longer than its leases last, and goes on, and
/// something is applied: in four rounds, each.
void torture_zombies(const TortureParams& params);

/// What the server that takes the source's place does not know.
enum class Loss {
  nothing,  ///< a streaming replica that had everything
  last_commits,  ///< one that had been cut off
  since_backup,  ///< a backup
};
/// The source's server is replaced under one `tributary serve`, once for each of `losses`, with a load before and after: at the end, customers' databases and the
/// shared ClickHouse (where it is installed) must equal what the last server knows.
void torture_failover(const TortureParams& params, std::span<const Loss> losses);

/// Of `tributary serve`, without ClickHouse. Small batches and short times, so that a kill meets every kind of step and what it left is soon taken over.
Process::Environment torture_settings(const Database& source);

}  // namespace tributary::test
