#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "session.hpp"

namespace tributary::bench {

/// Single-row changes committed at a steady rate, and when each became visible elsewhere.
struct Watch {
  postgres::ConnectOptions source;
  std::string change;              ///< $1 which row, $2 the change's number: UPDATE of one row, committed by itself
  postgres::ConnectOptions target;
  std::string look;  ///< $1 which row, $2 number: returns a row once that change, or a later one of this row, is visible
  std::vector<std::string> rows;  ///< taken in turns
  std::chrono::microseconds every{10'000};
};

struct Lags {
  std::vector<double> visible_ms;  ///< from the return of the source's commit to a look that sees it
  std::vector<double> commit_ms;  ///< what the change itself took: one durable commit
  void append(const Lags& other);
};

/// Makes changes first … first + count - 1 and watches them.
///
/// How visibility is measured: by looking, every 0.1 ms, on the destination for the next change that is due, and only from the moment its
/// own transaction begins. A trigger there that noted the time would cost less, but it runs before the destination's commit, whose flush
/// is a good part of what is measured; a NOTIFY would add its own wake-up. The looks cost both sides that are compared the same.
Lags watch(const Watch& what, int first, int count);

}  // namespace tributary::bench
