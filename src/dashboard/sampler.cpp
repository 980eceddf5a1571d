#include "dashboard/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "api/errors.hpp"
#include "telemetry/log.hpp"

namespace tributary::dashboard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kPatience = 5s;  ///< with the source
constexpr auto kCountEvery = 10s;
/// Counting every tenancy may take at most this part of the time.
constexpr int kCountShare = 50;

}  // namespace

std::string to_event(std::string_view name, const json::object& data) {
  return fmt::format("event: {}\ndata: {}\n\n", name, json::serialize(data));
}

asio::awaitable<void> Sampler::run(std::stop_token stop) {
  auto next = Clock::now();
  while (!stop.stop_requested()) {
    rates_.sample(Clock::now(), std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now()));
    co_await tell();
    next = std::max(next + Rates::kEvery, Clock::now());
    co_await tick_.wait(Deadline::at(next), stop);
  }
}

asio::awaitable<void> Sampler::tell() {
  std::erase_if(listeners_, [](const auto& listener) { return listener.expired(); });
  std::map<std::optional<std::string>, std::shared_ptr<const std::string>> told;
  for (const auto& weak : std::vector(listeners_)) {
    const auto listener = weak.lock();
    if (!listener) continue;
    auto& events = told[listener->project];
    if (!events) events = std::make_shared<const std::string>(co_await this->events(listener->project));
    listener->events = events;
    listener->fresh.set();
  }
}

std::shared_ptr<Sampler::Listener> Sampler::listen(std::optional<std::string> project) {
  const auto listener = std::make_shared<Listener>(Listener{std::move(project), Event(context_.api.source.executor())});
  listeners_.push_back(listener);
  return listener;
}

asio::awaitable<std::string> Sampler::events(std::optional<std::string> project) {
  std::string events;
  try {
    events = to_event("overview", co_await overview(project, Deadline::after(kPatience)));
  } catch (const postgres::Error& error) {
    telemetry::log(telemetry::Level::debug, "dashboard", "the source does not tell how things stand", {{"error", error.what()}});
    events = to_event("trouble", {{"code", api::kUnavailable.code},
                                  {"error", "The source database does not answer. It is asked again every second."}});
  }
  if (!project && context_.applies_here && !rates_.empty()) events += to_event("point", rates_.last_point());
  co_return events;
}

asio::awaitable<json::object> Sampler::overview(std::optional<std::string> project, Deadline deadline) {
  auto source = co_await context_.api.source.acquire(deadline);
  Scope scope;
  if (project) scope = co_await tenancies_of(*source, *project, deadline);
  const auto counted = scope ? co_await count_all(*source, scope, deadline) : co_await totals(*source, deadline);
  co_return co_await read_overview(context_, rates_, sequence_, *source, std::move(project), std::move(scope), counted, deadline);
}

/// Of everything, as counted not long ago: not every look counts every tenancy. Where a count fails, the one before does until the next is due.
asio::awaitable<Totals> Sampler::totals(postgres::Connection& source, Deadline deadline) {
  const auto begun = Clock::now();
  if (totals_ && begun < count_again_) co_return *totals_;
  const auto back_off = [&] {
    const auto now = Clock::now();
    count_again_ = now + std::max<Clock::duration>(kCountEvery, kCountShare * (now - begun));
  };
  back_off();
  try {
    totals_ = co_await count_all(source, std::nullopt, deadline);
  } catch (const postgres::Error&) {
    back_off();
    throw;
  }
  back_off();
  co_return *totals_;
}

}  // namespace tributary::dashboard
