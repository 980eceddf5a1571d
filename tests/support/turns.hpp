#pragma once
#include <chrono>
#include <functional>

#include "base/event.hpp"
#include "postgres/pool.hpp"

namespace tributary::test {

/// Takes the pool's only connection away whenever nobody has it, and gives it back when somebody has waited for it for `time`, at the beginning of which
/// `meanwhile` is called; until `done`. Returns how often.
inline asio::awaitable<int> whenever_somebody_waits(postgres::Pool& pool, Event& done, std::function<void()> meanwhile,
                                                    std::chrono::milliseconds time = {}) {
  int waits = 0;
  for (bool is_done = false; !is_done;) {
    const auto held = co_await pool.acquire(Deadline::never());
    while (!is_done && pool.counts().waiting == 0) is_done = co_await done.wait(Deadline::after(std::chrono::milliseconds(10)));
    if (is_done) break;
    ++waits;
    meanwhile();
    is_done = co_await done.wait(Deadline::after(time));
  }
  co_return waits;
}

}  // namespace tributary::test
