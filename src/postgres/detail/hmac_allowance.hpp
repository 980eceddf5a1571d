#pragma once

namespace tributary::postgres::detail {

/// While one lives, libpq computes at most so many HMACs on this thread and then fails. A server that asks for SCRAM says how many rounds there are, and
/// libpq believes it: two thousand million of them would hold up the event loop for half an hour, whatever the deadline.
class HmacAllowance {
 public:
  static constexpr int kMost = 50'000;  ///< PostgreSQL's own default is 4,096 rounds. About 50 ms

  HmacAllowance();
  ~HmacAllowance();
  HmacAllowance(const HmacAllowance&) = delete;
  HmacAllowance& operator=(const HmacAllowance&) = delete;
};

}  // namespace tributary::postgres::detail
