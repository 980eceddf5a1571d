#pragma once
#include <cstdint>
#include <limits>

namespace tributary::postgres::detail {

/// How much libpq may still read of one connection. It believes whatever length a message claims, makes room for it, and reads on as long as the network
/// has more, within one call: so what it gets must be limited below it.
struct ReceiveMeter {
  std::uint64_t total = 0;  ///< bytes since the connection was opened
  std::uint64_t until = std::numeric_limits<std::uint64_t>::max();  ///< total after which the socket looks empty to libpq

  void allow(std::uint64_t more) { until = total + more; }
  bool exhausted() const { return total >= until; }
};

/// While one lives, what libpq reads on this thread counts on `meter`. For calls into libpq that may read; not across a co_await.
class Metered {
 public:
  explicit Metered(ReceiveMeter& meter);
  ~Metered();
  Metered(const Metered&) = delete;
  Metered& operator=(const Metered&) = delete;
};

}  // namespace tributary::postgres::detail
