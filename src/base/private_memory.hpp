#pragma once
#include <string>

namespace tributary {

/// Overwrites a password that is not needed any more, and empties it. What was moved or copied elsewhere is not reached.
void wipe(std::string& secret);

/// From now on nobody but root reads this process's memory and environment: no core is dumped, whatever the kernel does with cores, and no debugger of the
/// same user attaches. Programs that it starts begin with the system's defaults, but for the size of their cores. Throws std::system_error.
void keep_memory_private();

}  // namespace tributary
