#include "queue/poller.hpp"

#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "fixture.hpp"

namespace tributary::sync {
namespace {

using namespace std::chrono_literals;

/// A poller on a loop of its own that claims only when it is woken, and renews its leases ten times a second. What it claims is kept until finish().
class PollerTest : public SyncTest {
 public:
  ~PollerTest() override {
    thread_.request_stop();
    for (const auto& request : unfinished_) poller_.finished(request);
    wait_until(
        [&] {
          while (const auto claim = take()) poller_.finished(claim->request);
          return poller_.in_progress() == 0;
        },
        "everything is finished");
    thread_.join();
  }

 protected:
  PollerTest()
      : pool_(loop_.get_executor(), queue::session_settings(source_.options()), {.max_connections = 2}),
        poller_(loop_.get_executor(), pool_,
                {.lease = 300ms, .longest_pause = 10min, .revive_every = 10min, .process = "this one"}, metrics_,
                [this](queue::Claim claim) {
                  const std::lock_guard lock(mutex_);
                  claims_.push_back(std::move(claim));
                }),
        tenancy_(add_tenancy(1, {})) {
    session_.run("DELETE FROM tributary.marker");
    thread_ = std::jthread([this](std::stop_token stop) {
      asio::co_spawn(loop_, poller_.run(std::move(stop)), [this](std::exception_ptr) { loop_.stop(); });
      loop_.run_for(5min);  // longer than any test waits
    });
    wait_until([&] { return source_listeners() > 0; }, "it listens");
  }
  void enqueue() { session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy_)); }
  void notify(std::string_view payload) { session_.run(fmt::format("SELECT pg_notify('tributary_queue', '{}')", payload)); }
  int in_progress() const { return poller_.in_progress(); }
  std::size_t handed_out() {
    const std::lock_guard lock(mutex_);
    return claims_.size();
  }
  std::uint64_t looks() { return metrics_.counter("tributary_queue_looks_total").value(); }

  std::optional<queue::Claim> take() {
    const std::lock_guard lock(mutex_);
    if (claims_.empty()) return std::nullopt;
    auto claim = std::move(claims_.front());
    claims_.pop_front();
    return claim;
  }
  queue::Claim wait_for_claim() {
    std::optional<queue::Claim> claim;
    wait_until([&] { return (claim = take()).has_value(); }, "something is claimed");
    unfinished_.insert(claim->request);
    return *std::move(claim);
  }
  void finish(const queue::Claim& claim) {
    test::run([&]() -> asio::awaitable<void> {
      const auto deadline = Deadline::after(20s);
      auto connection = co_await postgres::Connection::open(queue::session_settings(source_.options()), deadline);
      co_await queue::finish(connection, claim, false, deadline);
    });
    poller_.finished(claim.request);
    unfinished_.erase(unfinished_.find(claim.request));
  }
  /// By another process, which puts the tenancy back, and the poller claims it again. Returns the new request.
  std::string take_lease_away() {
    session_.run(fmt::format(R"(DELETE FROM "OutgoingRequest"; SELECT tributary.enqueue(ARRAY['{}'::uuid]))", tenancy_));
    look_once_more();
    EXPECT_EQ(in_flight(), 1);
    return session_.value(R"(SELECT id FROM "OutgoingRequest")");
  }
  long long in_flight() { return session_.number(R"(SELECT count("startedFulfillingAt") FROM "OutgoingRequest")"); }
  /// Behind whatever the last look has led to.
  void look_once_more() {
    for (int i = 0; i < 2; ++i) {
      const auto before = looks();
      notify("");
      wait_until([&] { return looks() > before; }, "it looks once more");
    }
  }

 private:
  long long source_listeners() {
    return session_.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'");
  }

  asio::io_context loop_{1};
  telemetry::Metrics metrics_;
  postgres::Pool pool_;
  std::mutex mutex_;
  std::deque<queue::Claim> claims_;
  std::multiset<Uuid> unfinished_;  ///< of wait_for_claim()
  queue::Poller poller_;
  const std::string tenancy_;
  std::jthread thread_;
};

TEST_F(PollerTest, ARequestThatCameWhileItsTenancyWasWorkedOnIsClaimedAfterwards) {
  enqueue();
  notify("");
  const auto first = wait_for_claim();
  const auto before = looks();
  enqueue();
  notify("");
  wait_until([&] { return looks() > before; }, "it looks, and may not claim");
  EXPECT_FALSE(take());
  finish(first);
  const auto second = wait_for_claim();
  EXPECT_NE(second.request, first.request);
  finish(second);
}

// Or a process that is too busy to keep its leases would have more to do with each one that it loses.
TEST_F(PollerTest, WorksOnATenancyOnceAtATimeHoweverOftenItsLeaseIsLost) {
  enqueue();
  notify("");
  const auto first = wait_for_claim();
  take_lease_away();
  const auto request = take_lease_away();
  ASSERT_EQ(handed_out(), 0U);
  wait_until([&] { return in_progress() == 2; }, "there are the one that is worked on, and the one whose lease is ours");
  finish(first);
  const auto last = wait_for_claim();
  EXPECT_EQ(last.request.to_string(), request);
  finish(last);
  EXPECT_EQ(session_.number(R"(SELECT count(*) FROM "OutgoingRequest")"), 0);
}

TEST_F(PollerTest, WhatWaitsAndIsTakenOverByOthersIsNotBegun) {
  enqueue();
  notify("");
  const auto first = wait_for_claim();
  take_lease_away();
  session_.run(R"(DELETE FROM "OutgoingRequest")");
  wait_until([&] { return in_progress() == 1; }, "the lease of the one that waits cannot be renewed");
  finish(first);
  wait_until([&] { return in_progress() == 0; }, "it is finished");
  EXPECT_EQ(handed_out(), 0U);
}

// It has the request, but not that it was claimed.
TEST_F(PollerTest, AServerInTheSourcesPlaceMayGiveTheSameRequestOnceMore) {
  enqueue();
  notify("");
  const auto first = wait_for_claim();
  session_.run(R"(UPDATE "OutgoingRequest" SET "startedFulfillingAt" = NULL, "leaseToken" = NULL, "leaseUntil" = NULL)");
  look_once_more();
  EXPECT_EQ(in_progress(), 2);
  finish(first);
  const auto second = wait_for_claim();
  EXPECT_EQ(second.request, first.request);
  finish(second);
  EXPECT_EQ(session_.number(R"(SELECT count(*) FROM "OutgoingRequest")"), 0);
}

// The sequencer in the same process calls wake(): listening to what it sends, too, would claim everything twice, the second time in vain.
TEST_F(PollerTest, DoesNotListenToItsOwnProcess) {
  notify("");
  wait_until([&] { return looks() > 1; }, "it looks");
  const auto before = looks();
  for (int i = 0; i < 100; ++i) notify("this one");
  notify("another one");
  wait_until([&] { return looks() > before; }, "it looks again");
  EXPECT_LE(looks(), before + 2) << "one may have been on its way before";
}

}  // namespace
}  // namespace tributary::sync
