#include "sync/slots.hpp"

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include <vector>

namespace tributary::sync {
namespace {

/// Takes a slot, says so, and gives it back when told.
asio::awaitable<void> hold(Slots& slots, int name, std::vector<int>& order, Event& until) {
  const auto slot = co_await slots.take();
  order.push_back(name);
  co_await until.wait(Deadline::never());
}

TEST(Slots, ServesWaitersInTheOrderOfTheirArrival) {
  asio::io_context loop(1);
  Slots slots(2);
  std::vector<int> order;
  std::vector<std::unique_ptr<Event>> ends;
  for (int i = 0; i < 5; ++i) {
    ends.push_back(std::make_unique<Event>(loop.get_executor()));
    asio::co_spawn(loop, hold(slots, i, order, *ends.back()), asio::detached);
  }
  loop.poll();
  EXPECT_EQ(order, (std::vector<int>{0, 1}));
  EXPECT_EQ(slots.waiting(), 3U);
  ends[1]->set();
  loop.poll();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2}));
  for (auto& end : ends) end->set();
  loop.run();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(slots.waiting(), 0U);
}

TEST(Slots, AWaiterThatIsDestroyedIsForgotten) {
  Slots slots(1);
  std::vector<int> order;
  {
    asio::io_context loop(1);
    Event never(loop.get_executor());
    asio::co_spawn(loop, hold(slots, 1, order, never), asio::detached);
    asio::co_spawn(loop, hold(slots, 2, order, never), asio::detached);
    loop.poll();
    EXPECT_EQ(slots.waiting(), 1U);
  }
  EXPECT_EQ(slots.waiting(), 0U);
}

}  // namespace
}  // namespace tributary::sync
