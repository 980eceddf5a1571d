#include "queue/poller.hpp"

#include <algorithm>
#include <ranges>
#include <utility>

#include "base/together.hpp"
#include "postgres/listener.hpp"
#include "source/presence.hpp"
#include "telemetry/log.hpp"

namespace tributary::queue {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

constexpr auto kQueryTimeout = 10s;
constexpr std::int64_t kRevivedAtOnce = 5'000;  ///< the rest comes with the next round

std::vector<telemetry::TraceContext> parse_traces(std::string_view text) {
  std::vector<telemetry::TraceContext> traces;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (const auto trace = telemetry::TraceContext::parse(text.substr(0, end))) traces.push_back(*trace);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return traces;
}

}  // namespace

Poller::Poller(asio::any_io_executor executor, postgres::Pool& pool, PollerParams params, telemetry::Metrics& metrics,
               Dispatch dispatch)
    : pool_(pool),
      params_(params),
      executor_(executor),
      dispatch_(std::move(dispatch)),
      wake_(executor),
      next_round_(executor),
      looks_(metrics.counter("tributary_queue_looks_total")),
      claims_(metrics.counter("tributary_queue_claims_total")),
      revived_(metrics.counter("tributary_queue_revived_total")),
      errors_(metrics.counter("tributary_queue_errors_total")) {}

void Poller::finished(Uuid request) {
  asio::post(executor_, [this, request] {
    const auto tenancy = forget(request);
    if (tenancy) hand_out_next(*tenancy);
    if (passed_over_ || stopping_) wake_.set();
    if (claimed_.empty()) passed_over_ = false;
  });
}

std::optional<Uuid> Poller::forget(Uuid request) {
  in_progress_.fetch_sub(1);
  return claimed_.extract(request).mapped();
}

void Poller::hand_out(Claim claim) {
  claimed_.emplace(claim.request, claim.tenancy);
  if (claim.tenancy) {
    const auto [tenancy, is_free] = next_of_.try_emplace(*claim.tenancy);
    if (!is_free) {
      // Two are claimed where another process took the first away; it may take one that waits, too.
      if (tenancy->second) forget(tenancy->second->request);
      tenancy->second = std::move(claim);
      return;
    }
  }
  dispatch_(std::move(claim));
}

void Poller::hand_out_next(Uuid tenancy) {
  const auto place = next_of_.find(tenancy);
  auto next = std::exchange(place->second, std::nullopt);
  if (next)
    dispatch_(*std::move(next));
  else
    next_of_.erase(place);
}

asio::awaitable<void> Poller::run(std::stop_token stop) {
  const bool tells = params_.kind == DestinationKind::postgres;  // each process with the role has one of this kind
  postgres::Listener listener(
      pool_.options(), {"tributary_queue"},
      [this](const postgres::Notification& heard) {
        if (params_.process.empty() || heard.payload != params_.process) wake_.set();
      },
      tells ? source::presence_sql(source::Role::sync) : "");
  Together parts(executor_);
  std::stop_callback pass_on(stop, [&parts] { parts.request_stop(); });
  parts.start(poll(parts.stop_token()));
  parts.start(maintain(parts.stop_token()));
  parts.start(listener.run(parts.stop_token()));
  co_await parts.wait();
}

asio::awaitable<void> Poller::claim_some(std::stop_token stop) {
  for (int free = params_.max_claims - in_progress_.load(); free > 0 && !stop.stop_requested();
       free = params_.max_claims - in_progress_.load()) {
    looks_.add();
    std::vector<Claim> claims;
    const auto began = std::chrono::steady_clock::now();
    {
      auto connection = co_await pool_.acquire(Deadline::after(kQueryTimeout));
      claims = co_await claim(*connection, params_.kind, Uuid::random(), params_.lease, free, Deadline::after(kQueryTimeout));
    }
    if (claims.empty()) break;
    claims_.add(claims.size());
    if (params_.tracer != nullptr) trace(claims, began);
    in_progress_.fetch_add(static_cast<int>(claims.size()));
    const bool all_taken = static_cast<int>(claims.size()) < free;
    for (auto& one : claims) hand_out(std::move(one));
    if (all_taken) break;
    passed_over_ = true;
  }
}

// One statement claims for many traces, so each has a span of it. What a retry enqueues is part of no trace and begins one.
void Poller::trace(std::vector<Claim>& claims, std::chrono::steady_clock::time_point began) const {
  for (auto& claim : claims) {
    const auto traces = parse_traces(claim.traceparent);
    auto span = params_.tracer->start("external-db-sync.poller.claimPendingRequests",
                                      traces.empty() ? telemetry::TraceContext{} : traces.front(), telemetry::SpanKind::consumer);
    span.began_at(began);
    for (std::size_t i = 1; i < traces.size(); ++i) span.link(traces[i]);
    span.set("stack.external-db-sync.pending-count", claims.size());
    span.set("stack.external-db-sync.queued-ms", claim.waited.count());
    if (claim.tenancy) span.set("stack.external-db-sync.tenancy-id", *claim.tenancy);
    span.set("stack.external-db-sync.destination-kind", to_string(claim.kind));
    claim.trace = span.context();
  }
}

asio::awaitable<void> Poller::poll(std::stop_token stop) {
  Backoff backoff{100ms, 5s};
  int failures = 0;
  while (!stop.stop_requested()) {
    try {
      co_await claim_some(stop);
      failures = 0;
    } catch (const postgres::Error& error) {
      errors_.add();
      telemetry::log(Level::warning, "queue", "claiming failed, will try again", {{"error", error.what()}});
      ++failures;
    }
    const auto pause = failures > 0 ? backoff.delay(failures, 0.5) : params_.longest_pause;
    co_await wake_.wait(Deadline::after(pause), stop);
    // Whatever it was that woke us may be about a tenancy that is being worked on: its next request can be claimed once this one is finished.
    if (!claimed_.empty()) passed_over_ = true;
  }
  stopping_ = true;
  // What was handed out is finished by the engine under our lease.
  while (in_progress_.load() > 0) co_await wake_.wait(Deadline::after(params_.longest_pause));
}

std::vector<Uuid> Poller::requests() const {
  const auto all = claimed_ | std::views::keys;
  return {all.begin(), all.end()};
}

// Somebody else has those that are gone: what waits need not be begun any more.
asio::awaitable<void> Poller::renew_leases() {
  const auto asked = requests();
  std::vector<Uuid> kept;
  {
    auto connection = co_await pool_.acquire(Deadline::after(kQueryTimeout));
    kept = co_await renew(*connection, asked, params_.lease, Deadline::after(kQueryTimeout));
  }
  std::ranges::sort(kept);
  for (auto& next : next_of_ | std::views::values) {
    if (!next || !std::ranges::binary_search(asked, next->request) || std::ranges::binary_search(kept, next->request)) continue;
    forget(next->request);
    next.reset();
  }
}

// Runs on after `stop` until everything handed out is finished: a lease must not run out while the last batch is being applied.
asio::awaitable<void> Poller::maintain(std::stop_token stop) {
  auto next_renewal = Deadline::after(params_.lease / 3);
  while (!stop.stop_requested() || in_progress_.load() > 0) {
    // Once stopping, the token would end every wait at once.
    if (stop.stop_requested())
      co_await next_round_.wait(Deadline::after(std::min(params_.longest_pause, params_.lease / 3)));
    else
      co_await next_round_.wait(Deadline::after(std::min(params_.revive_every, params_.lease / 3)), stop);
    try {
      if (next_renewal.expired()) {
        if (!claimed_.empty()) co_await renew_leases();
        next_renewal = Deadline::after(params_.lease / 3);
      }
      if (!stop.stop_requested()) {
        auto connection = co_await pool_.acquire(Deadline::after(kQueryTimeout));
        const auto count =
            co_await revive(*connection, params_.kind, params_.lease, kRevivedAtOnce, requests(), Deadline::after(kQueryTimeout));
        if (count > 0) {
          revived_.add(count);
          wake_.set();
        }
      }
    } catch (const postgres::Error& error) {
      errors_.add();
      telemetry::log(Level::warning, "queue", "renewing or reviving failed, will try again", {{"error", error.what()}});
    }
  }
}

}  // namespace tributary::queue
