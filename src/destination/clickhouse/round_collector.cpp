#include "destination/clickhouse/round_collector.hpp"

#include <algorithm>
#include <utility>

namespace tributary::destination::clickhouse_target {

namespace {

constexpr std::chrono::seconds kLongestForACrowd{1};

}  // namespace

asio::awaitable<bool> RoundCollector::wait_for_room(Deadline deadline) {
  while (is_full()) {
    const auto turn = std::make_shared<Event>(executor_);
    waiting_for_room_.push_back(turn);
    if (!co_await turn->wait(deadline)) co_return false;
  }
  co_return true;
}

void RoundCollector::join(std::shared_ptr<Waiter> waiter) {
  if (round_.waiters.empty()) round_.begun = Clock::now();
  round_.waiters.push_back(std::move(waiter));
  if (is_full()) changed_.set();
}

void RoundCollector::dismiss() {
  if (round_.waiters.empty()) round_ = {};
}

void RoundCollector::withdraw() {
  if (announced_-- == pace_.crowd + 1) changed_.set();
}

// Each round is a part, so a backlog should come in few. Whoever is part of one has waited longer than this already.
RoundCollector::Clock::time_point RoundCollector::due() const {
  const auto due = std::max(round_.begun + pace_.age, last_sent_ + pace_.pause);
  return announced_ > pace_.crowd ? due + std::min<Clock::duration>(2 * pace_.pause, kLongestForACrowd) : due;
}

asio::awaitable<std::optional<Round>> RoundCollector::take() {
  if (round_.waiters.empty()) co_return std::nullopt;
  while (!is_full() && Clock::now() < due()) co_await changed_.wait(Deadline::at(due()));
  for (const auto& turn : std::exchange(waiting_for_room_, {})) turn->set();
  co_return std::exchange(round_, {});
}

void RoundCollector::sent(const Round& round) {
  last_sent_ = Clock::now();
  for (const auto& waiter : round.waiters) {
    waiter->is_done = true;
    waiter->done.set();
  }
}

}  // namespace tributary::destination::clickhouse_target
