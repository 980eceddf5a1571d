#pragma once
#include <string>
#include <vector>

#include "servers.hpp"

namespace tributary::bench {

/// What pgbench runs: so many transactions of each client, not so many seconds, as a loaded machine may spend those on connecting.
struct PgbenchRun {
  std::string script;
  int clients = 1;
  int threads = 1;
  int transactions = 1;  ///< of each client
};

struct PgbenchRates {
  double per_second = 0;  ///< transactions, without the time for connecting
  std::vector<double> milliseconds;  ///< of each transaction
};

/// Runs the script with prepared statements, over TCP. Throws std::runtime_error where pgbench fails.
PgbenchRates pgbench(Servers& servers, const postgres::ConnectOptions& database, const PgbenchRun& run);

}  // namespace tributary::bench
