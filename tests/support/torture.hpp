#pragma once
#include <cstdint>
#include <string>

namespace tributary::test {

struct TortureParams {
  std::string binary;  ///< of tributary
  int rounds = 10;     ///< a process is killed in each
  std::uint64_t seed = 0;
};

/// Three `tributary serve` (two with every role, one a sequencer) under a random load of plain SQL (support/application.hpp) from several connections.
/// At random moments a random one of the three is killed with SIGKILL and replaced. Then the load ends, and every destination must become equal to
/// its source: throws with the first differences otherwise.
void torture(const TortureParams& params);

}  // namespace tributary::test
