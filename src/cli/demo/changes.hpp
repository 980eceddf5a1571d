#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <deque>
#include <stop_token>
#include <vector>

#include "cli/demo/tenants.hpp"

namespace tributary::cli::demo {

struct ChangesParams {
  postgres::ConnectOptions source;
  double per_second = 0;  ///< statements, all connections together; 0: none
  std::int64_t seed = 1;
  int connections = 4;    ///< a durable commit takes a millisecond or so: one connection alone does some 500 a second
};

/// The application: goes on changing its tenants' rows by plain SQL (sql/changes.sql), large tenants more than small ones.
///
/// Lifetime: outlives its loop's run. Threads: one loop. Errors: a statement that loses a race (a deadlock, a duplicate) is skipped, as an
/// application would try something else; a lost connection is thrown.
class Changes {
 public:
  Changes(asio::any_io_executor executor, ChangesParams params, const std::vector<Tenant>& tenants);

  /// Until `stop`.
  asio::awaitable<void> run(std::stop_token stop);
  std::uint64_t statements() const { return statements_; }  ///< that changed something
  std::uint64_t rows() const { return rows_; }  ///< cascades not counted

 private:
  asio::awaitable<void> work(int number, std::stop_token stop);

  const ChangesParams params_;
  std::vector<Uuid> tenancies_;
  std::vector<double> shares_;
  std::deque<Pause> pauses_;
  Tasks workers_;
  std::uint64_t statements_ = 0;
  std::uint64_t rows_ = 0;
};

}  // namespace tributary::cli::demo
