#include "cli/demo/probes.hpp"

#include <algorithm>
#include <utility>

#include "cli/demo/sql.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;

constexpr auto kLook = 1ms;
constexpr auto kLookAfterFailure = 100ms;
constexpr auto kCountedAsItStands = 1s;
constexpr auto kStatementTime = 30s;

}  // namespace

Probes::Probes(asio::any_io_executor executor, postgres::ConnectOptions source, std::span<Customer> customers, double per_second)
    : customers_(customers),
      interval_(std::chrono::duration_cast<Clock::duration>(
          std::chrono::duration<double>(static_cast<double>(customers.size()) / per_second))),
      source_(executor, std::move(source), {.max_connections = 4}),
      tasks_(executor),
      // Greater than any that an earlier run left in a database.
      next_value_(
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count() *
          1'000) {
  for (std::size_t i = 0; i < customers_.size(); ++i) states_.emplace_back(executor);
}

asio::awaitable<void> Probes::run(std::stop_token stop) {
  for (std::size_t i = 0; i < customers_.size(); ++i) tasks_.add(probe_customer(i, tasks_.stop_token()));
  co_await tasks_.join(std::move(stop));
  source_.close();
}

asio::awaitable<void> Probes::probe_customer(std::size_t number, std::stop_token stop) {
  // Spread over the interval, so that they do not all write at once.
  auto next = Clock::now() + interval_ * static_cast<Clock::rep>(number) / static_cast<Clock::rep>(customers_.size());
  bool made = false;
  while (!stop.stop_requested()) {
    co_await states_[number].pause.until(Deadline::at(next), stop);
    if (stop.stop_requested()) co_return;
    if (!std::exchange(made, true)) co_await make_probe(number);
    co_await probe_once(number, stop);
    next = std::max(next + interval_, Clock::now());
  }
}

asio::awaitable<void> Probes::make_probe(std::size_t number) {
  postgres::Params params;
  params.add(customers_[number].tenancy);
  auto connection = co_await source_.acquire(Deadline::after(kStatementTime));
  co_await connection->execute_prepared(sql_section("probe.sql", "make"), std::move(params), Deadline::after(kStatementTime));
}

asio::awaitable<void> Probes::probe_once(std::size_t number, std::stop_token stop) {
  auto& state = states_[number];
  const auto value = next_value_++;
  {
    postgres::Params params;
    params.add(customers_[number].tenancy).add(value);
    const auto write = sql_section("probe.sql", "write");
    auto connection = co_await source_.acquire(Deadline::after(kStatementTime));
    co_await connection->execute_prepared(write, std::move(params), Deadline::after(kStatementTime));
  }
  const auto committed = Clock::now();
  state.waiting_since = committed;
  while (!stop.stop_requested()) {
    const auto asked = Clock::now();
    bool failed = false;
    try {
      if (co_await visible(number, value)) {
        state.last = Clock::now() - committed;
        window_.add(Clock::now(), *state.last);
        break;
      }
    } catch (const postgres::Error&) {
      failed = true;  // no tables yet, or no server: that, too, is lag
    }
    co_await state.pause.until(Deadline::at(asked + (failed ? kLookAfterFailure : kLook)), stop);
  }
  state.waiting_since.reset();
}

asio::awaitable<bool> Probes::visible(std::size_t number, std::int64_t value) {
  const auto look = sql_section("probe.sql", "look");
  auto connection = co_await customers_[number].pool->acquire(Deadline::after(kStatementTime));
  postgres::Params params;
  params.add(value);
  const auto found = co_await connection->execute_prepared(look, std::move(params), Deadline::after(kStatementTime));
  co_return !found.empty();
}

std::optional<Probes::Clock::duration> Probes::lag(std::size_t customer) const {
  const auto& state = states_[customer];
  if (!state.waiting_since) return state.last;
  const auto waiting = Clock::now() - *state.waiting_since;
  return std::max(waiting, state.last.value_or(waiting));
}

std::optional<Probes::Clock::duration> Probes::quantile(double q, Clock::time_point since) const {
  auto all = window_;
  const auto now = Clock::now();
  for (const auto& state : states_) {
    if (state.waiting_since && now - *state.waiting_since > kCountedAsItStands) all.add(now, now - *state.waiting_since);
  }
  return all.quantile(q, since);
}

}  // namespace tributary::cli::demo
