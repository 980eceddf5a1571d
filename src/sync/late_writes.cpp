#include "sync/late_writes.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/backoff.hpp"
#include "queue/mend.hpp"
#include "telemetry/log.hpp"

namespace tributary::sync {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

constexpr Backoff kBetweenLooks{1'000ms, 30'000ms};
constexpr auto kLookTime = 30s;

asio::awaitable<void> compare_once_more(postgres::Connection& source, const LateWrites::Write& write, Deadline deadline) {
  const auto tenancy = co_await queue::tenancy_at(source, write.project, write.branch, deadline);
  if (!tenancy) co_return;  // nobody sees these rows
  const queue::Suspect suspect{
      .mapping = write.mapping, .table = write.table, .watermark = write.through, .doubt = queue::Doubt::late};
  if (co_await queue::request_mends(source, {*tenancy, write.destination}, {&suspect, 1}, deadline) == 0) co_return;
  telemetry::log(Level::warning, "sync", "rows were written that the source may have forgotten since, and are compared with it",
                 {{"tenancy", tenancy->to_string()}, {"destination", write.destination}, {"mapping", write.mapping}});
}

bool has_ended(const LateWrites::Write& write) { return write.ended <= std::chrono::steady_clock::now(); }

}  // namespace

void LateWrites::add(std::vector<Write> writes) {
  std::ranges::move(writes, std::back_inserter(writes_));
  if (writes_.empty() || std::exchange(settling_, true)) return;
  asio::co_spawn(executor_, keep_settling(shared_from_this()), asio::detached);
}

asio::awaitable<void> LateWrites::keep_settling(std::shared_ptr<LateWrites> self) {
  asio::steady_timer pause(self->executor_);
  int failures = 0;
  while (!self->writes_.empty()) {
    pause.expires_after(kBetweenLooks.delay(++failures, 1));
    co_await pause.async_wait(asio::use_awaitable);
    try {
      co_await self->settle(Deadline::never());
      failures = 0;
    } catch (const std::exception& error) {
      telemetry::log(Level::warning, "sync", "the source failed, whether it is the one that rows were read from is asked again",
                     {{"error", error.what()}});
    }
  }
  self->settling_ = false;
}

// What was added while the source was asked may have ended after its answer: the next look is for that.
asio::awaitable<void> LateWrites::settle(Deadline until) {
  if (std::ranges::none_of(writes_, has_ended)) co_return;
  auto source = co_await source_.acquire(until);
  const auto deadline = until.capped(kLookTime);
  const auto still_open = std::ranges::partition(writes_, has_ended).begin();
  std::vector<Write> ended(std::make_move_iterator(writes_.begin()), std::make_move_iterator(still_open));
  writes_.erase(writes_.begin(), still_open);
  std::size_t settled = 0;
  std::exception_ptr failure;
  try {
    const auto jump = co_await queue::last_jump(*source, deadline);
    for (; settled < ended.size(); ++settled) {
      if (ended[settled].jump != jump) co_await compare_once_more(*source, ended[settled], deadline);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  if (!failure) co_return;
  std::move(ended.begin() + static_cast<std::ptrdiff_t>(settled), ended.end(), std::back_inserter(writes_));
  std::rethrow_exception(failure);
}

}  // namespace tributary::sync
