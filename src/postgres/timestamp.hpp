#pragma once
#include <chrono>

namespace tributary::postgres {

/// A timestamptz, or a timestamp taken as UTC, as the server keeps it. Its infinities are Timestamp::max() and Timestamp::min().
using Timestamp = std::chrono::sys_time<std::chrono::microseconds>;

}  // namespace tributary::postgres
