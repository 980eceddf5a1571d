#pragma once
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace tributary::clickhouse::embedded {

/// What a statement took.
struct QueryTime {
  std::chrono::microseconds cpu{0};
  std::chrono::microseconds wall{0};
};

/// CPU time of this process, shared out equally among the statements that run at the time: the engine does not tell which of its threads worked for whom.
/// Exact for a statement that runs alone. Threads: one.
class CpuShares {
 public:
  using Clock = std::chrono::nanoseconds (*)();
  /// `clock`: the CPU time that was used so far.
  explicit CpuShares(Clock clock = process_time) : clock_(clock), last_(clock()) {}

  /// A statement begins. What it returns is for end().
  std::chrono::nanoseconds begin();
  /// It ends. Returns its share. REQUIRES: one begin() for each end().
  std::chrono::nanoseconds end(std::chrono::nanoseconds begun);

  static std::chrono::nanoseconds process_time();

 private:
  void settle();

  Clock clock_;
  std::chrono::nanoseconds last_;
  std::chrono::nanoseconds share_{0};  ///< that one who had been there all the time would have by now
  int running_ = 0;
};

/// The last statements' times, by query id. Threads: one.
class QueryTimes {
 public:
  explicit QueryTimes(std::size_t most) : most_(most) {}
  /// The oldest is forgotten for it.
  void add(const std::string& query_id, QueryTime time);
  std::optional<QueryTime> find(const std::string& query_id) const;

 private:
  std::size_t most_;
  std::deque<std::string> order_;
  std::unordered_map<std::string, QueryTime> times_;
};

}  // namespace tributary::clickhouse::embedded
