#include "sync/clickhouse_keeper.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <string>

#include "base/backoff.hpp"
#include "base/event.hpp"
#include "queue/clickhouse.hpp"
#include "telemetry/log.hpp"

namespace tributary::sync {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

constexpr auto kTimeout = 30s;
constexpr auto kCleaning = 2h;  // every table is written anew
/// Short, as everybody's rows wait for the end of it.
constexpr Backoff kBetweenLooks{250ms, 5'000ms};

/// What the source is told once the server answers.
asio::awaitable<void> welcome(postgres::Pool& source, std::string store, bool was_away, std::stop_token stop) {
  auto connection = co_await source.acquire(Deadline::never());  // as Services::connect_to_source() does
  if (co_await queue::fill_clickhouse(*connection, std::move(store), kTimeout, stop))
    telemetry::log(Level::info, "clickhouse", "a new shared ClickHouse: every tenancy is sent there from the beginning", {});
  if (was_away) co_await queue::resume_clickhouse(*connection, kTimeout, stop);
}

}  // namespace

asio::awaitable<void> keep_clickhouse(destination::clickhouse_target::Writer& writer, postgres::Pool& source,
                                      std::function<void()> known, std::stop_token stop) {
  std::minstd_rand random{std::random_device{}()};
  std::uniform_real_distribution<double> uniform(0, 1);
  int failures = 0;
  bool was_away = true;  // whatever had failed before this process began is due, too
  while (!stop.stop_requested()) {
    auto look = co_await writer.look(Deadline::after(kTimeout));
    bool failed = look.failure.has_value();
    was_away = was_away || failed;
    if (!failed) {
      try {
        co_await welcome(source, std::move(look.store), was_away, stop);
        was_away = false;
        known();
      } catch (const postgres::Error& error) {
        failed = true;
        telemetry::log(Level::warning, "clickhouse", "the source failed, what waits for ClickHouse is enqueued later",
                       {{"error", error.what()}});
      }
    }
    failures = failed ? failures + 1 : 0;
    co_await writer.wait_for_news(failed ? Deadline::after(kBetweenLooks.delay(failures, uniform(random))) : Deadline::never(),
                                  stop);
  }
}

asio::awaitable<void> clean_clickhouse(std::shared_ptr<destination::clickhouse_target::Writer> writer,
                                       std::chrono::milliseconds every, std::chrono::milliseconds kept, std::stop_token stop) {
  Event never(co_await asio::this_coro::executor);
  for (auto pause = std::min<std::chrono::milliseconds>(every, 1h);; pause = every) {
    co_await never.wait(Deadline::after(pause), stop);
    if (stop.stop_requested()) co_return;
    const auto failure = co_await writer->clean_up(kept, Deadline::after(kCleaning));
    if (failure)
      telemetry::log(Level::warning, "clickhouse", "deleted rows stay on ClickHouse's disk until the next time",
                     {{"sqlstate", failure->sqlstate}, {"error", failure->message}});
    else
      telemetry::log(Level::info, "clickhouse", "what was deleted is off ClickHouse's disk", {});
  }
}

}  // namespace tributary::sync
