#pragma once
#include <functional>
#include <string>

#include "base/event.hpp"
#include "clickhouse/embedded/detail/server_state.hpp"

namespace tributary::clickhouse::embedded {

/// A statement on a thread of its own.
///
/// Lifetime: finish() must have returned before it is destroyed. Threads: the server's loop.
class RunningStatement {
 public:
  using Job = std::function<Outcome(Session& session)>;

  explicit RunningStatement(Server::State& server);
  ~RunningStatement();
  RunningStatement(const RunningStatement&) = delete;
  RunningStatement& operator=(const RunningStatement&) = delete;

  /// `comment`: its log_comment, by which it can be found and killed. Both are called on the loop: `at_end` once, and
  /// `at_kill` to end what waits for the statement's data, each time it is killed; neither may throw.
  void start(std::string comment, Job job, std::function<void()> at_end, std::function<void()> at_kill);
  bool started() const { return started_; }
  /// Ends it as soon as it can be; finish() returns after that. May come again: several find out that a client is gone.
  void kill();
  bool killed() const { return killed_; }
  bool ended() const { return outcome_.has_value(); }
  /// What it took. REQUIRES: ended.
  QueryTime time() const { return time_; }
  /// Asks the engine once to kill it, and waits for the answer, or that there will be none: finish() asks again. REQUIRES: started.
  asio::awaitable<void> kill_now();
  asio::awaitable<Outcome> finish();

 private:
  Server::State& server_;
  std::string comment_;
  std::function<void()> at_kill_;
  Event wake_;
  std::optional<Outcome> outcome_;
  std::chrono::steady_clock::time_point started_at_;
  std::chrono::nanoseconds cpu_at_start_{0};
  QueryTime time_;
  bool started_ = false;
  bool killed_ = false;
};

}  // namespace tributary::clickhouse::embedded
