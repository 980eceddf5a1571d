#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "servers.hpp"

namespace tributary::bench {

/// What a ratio must be, from the issue that set it.
struct Goal {
  enum class Direction { at_least, at_most };
  Direction direction;
  double bound;

  bool met_by(double value) const { return direction == Direction::at_least ? value >= bound : value <= bound; }
};
inline Goal at_least(double bound) { return {Goal::Direction::at_least, bound}; }
inline Goal at_most(double bound) { return {Goal::Direction::at_most, bound}; }

/// One line of the report: what was measured, what was measured beside it in the same run, and their ratio.
struct Result {
  std::string name;
  std::string measured;
  std::string beside;
  double value = 0;          ///< the ratio, or a bare figure in `unit`
  std::optional<Goal> goal;  ///< none: for information
  std::string unit = "";     ///< empty: a ratio
};

struct Context {
  Servers& servers;
  bool quick = false;  ///< a smoke run: everything happens, small and once; the figures mean nothing

  int pairs = 5;  ///< how often the two sides of a comparison take turns
  long long clickhouse_users = 1'000'000;  ///< of clickhouse_backfill

  template <class T>
  T pick(T full, T small) const {
    return quick ? small : full;
  }
};

struct Benchmark {
  std::string_view name;
  std::string_view about;
  std::vector<Result> (*run)(Context&);
};

// Each in a file of its own. They share nothing but the two servers; each makes its databases and drops them.
std::vector<Result> backfill_empty(Context& context);
std::vector<Result> backfill_full(Context& context);
std::vector<Result> sequencing(Context& context);
std::vector<Result> latency(Context& context);
std::vector<Result> latency_beside_backfill(Context& context);
std::vector<Result> commit_throughput(Context& context);
std::vector<Result> bad_destinations(Context& context);
std::vector<Result> memory(Context& context);
std::vector<Result> api(Context& context);
std::vector<Result> clickhouse_backfill(Context& context);
std::vector<Result> clickhouse_fan_in(Context& context);
std::vector<Result> clickhouse_latency(Context& context);
std::vector<Result> clickhouse_queries(Context& context);
std::vector<Result> http(Context& context);
std::vector<Result> verify(Context& context);

}  // namespace tributary::bench
