#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "base/deadline.hpp"
#include "destination/clickhouse/round.hpp"

namespace tributary::destination::clickhouse_target {

/// When a round goes.
struct Pace {
  std::size_t bytes = 0;                ///< once it is so large, …
  std::chrono::milliseconds age{0};     ///< … or has waited for so long, …
  std::chrono::milliseconds pause{0};   ///< … and the one before is there for so long
  std::size_t crowd = 0;  ///< more callers than that announced: they are waited for, up to twice the pause
};

/// Inside of Writer: gathers callers into the round that collects, and says when it goes. Sends nothing.
///
/// Lifetime: outlives its coroutines and what announce() returned. Threads: one event loop. Memory: a round takes no more once it is full.
class RoundCollector {
 public:
  RoundCollector(asio::any_io_executor executor, Pace pace) : executor_(executor), pace_(pace), changed_(executor) {}

  /// Until the round that collects is not full. False: at the deadline it still was.
  asio::awaitable<bool> wait_for_room(Deadline deadline);
  /// For a caller's rows; he joins afterwards, or calls dismiss().
  ch::Block& block_of(const Table& table) { return round_.block_of(table); }
  void join(std::shared_ptr<Waiter> waiter);
  /// A caller does not join after all. Rows of his may go with others': they lie past his watermark.
  void dismiss();

  /// A caller is on his way, from now to withdraw().
  void announce() { ++announced_; }
  void withdraw();

  /// The round that collected, once it is due; nullopt: nobody waits. To be followed by sent().
  asio::awaitable<std::optional<Round>> take();
  /// Tells its waiters, whose outcomes are set.
  void sent(const Round& round);

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point due() const;
  bool is_full() const { return round_.bytes() >= pace_.bytes; }

  const asio::any_io_executor executor_;
  const Pace pace_;
  Round round_;
  Event changed_;  ///< it is full, or due() is earlier than it was
  Clock::time_point last_sent_;
  std::size_t announced_ = 0;
  std::vector<std::shared_ptr<Event>> waiting_for_room_;
};

}  // namespace tributary::destination::clickhouse_target
