#pragma once
#include <boost/asio/awaitable.hpp>

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>

#include "cli/demo/customers.hpp"
#include "cli/demo/lag.hpp"

namespace tributary::cli::demo {

/// Measures lag from outside, as a customer would: commit a change to the source, and look into the customer's database until it is there.
///
/// A probe raises a number in a team of its own in the tenant (`probe` in "serverMetadata"; the other changes leave that alone) and takes the time when
/// COMMIT has returned. From then on it asks the customer's database for that number about every millisecond, over a connection that is open
/// already. Its lag is the time until the answer has it: at most one question later than the moment of visibility. Nothing
/// of the service is asked or trusted, and both times come from one clock.
///
/// Each database has a probe of its own, one at a time, so that a slow one delays no other's; one that waits longer than a second is
/// counted as it stands, or a database that never answers would look like no lag at all.
///
/// Lifetime: outlives its loop's run. Threads: one loop. Errors: throws what the source does.
class Probes {
 public:
  using Clock = LagWindow::Clock;
  /// `per_second`: of all databases together.
  Probes(asio::any_io_executor executor, postgres::ConnectOptions source, std::span<Customer> customers, double per_second);

  /// Until `stop`.
  asio::awaitable<void> run(std::stop_token stop);
  const LagWindow& window() const { return window_; }
  /// Of this customer's database: what was seen last, or how long the current probe has been waiting if that is longer.
  std::optional<Clock::duration> lag(std::size_t customer) const;
  /// Quantile since then, waiting probes included.
  std::optional<Clock::duration> quantile(double q, Clock::time_point since) const;

 private:
  struct State {
    explicit State(asio::any_io_executor executor) : pause(std::move(executor)) {}
    Pause pause;
    std::optional<Clock::time_point> waiting_since;
    std::optional<Clock::duration> last;
  };
  asio::awaitable<void> probe_customer(std::size_t number, std::stop_token stop);
  asio::awaitable<void> make_probe(std::size_t number);
  asio::awaitable<void> probe_once(std::size_t number, std::stop_token stop);
  asio::awaitable<bool> visible(std::size_t number, std::int64_t value);

  const std::span<Customer> customers_;
  const Clock::duration interval_;  // of one database
  postgres::Pool source_;
  std::deque<State> states_;
  Tasks tasks_;
  LagWindow window_;
  std::int64_t next_value_;
};

}  // namespace tributary::cli::demo
