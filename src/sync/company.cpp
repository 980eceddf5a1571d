#include <ranges>

#include "sync/policy.hpp"
#include "sync/tenancy_sync.hpp"
#include "telemetry/log.hpp"

/// TenancySync's destinations beside each other: whoever is slow or failed before goes on alone, and nobody waits for it.
namespace tributary::sync {

using namespace std::chrono_literals;
using telemetry::Level;

// A destination that failed before is tried apart from the others: it may hang again.
void TenancySync::start_alone(TargetPointer target) {
  hold(*target);
  target->left_behind = true;
  target->alone = true;
  asio::co_spawn(services_.executor, alone(shared_from_this(), std::move(target)), asio::detached);
}

asio::awaitable<void> TenancySync::alone(std::shared_ptr<TenancySync> self, TargetPointer target) {
  const Work work = [self](TargetPointer t) -> asio::awaitable<void> {
    Targets only{std::move(t)};
    co_await self->sync(only, false);
  };
  co_await self->guarded(target, work);
  co_await self->come_back(target);
}

asio::awaitable<destination::Positions> TenancySync::positions(TargetPointer target) {
  const bool may_hang = services_.has_company() && (target->alone || !services_.destinations.answers(tenancy_, target->entry.id));
  std::optional<FairTurnstile::Place> place;
  if (may_hang) {
    auto& turnstile = target->alone ? services_.first_answers_alone : services_.first_answers;
    place.emplace((co_await turnstile.enter(tenancy_.to_string(), Deadline::never())).value());  // nobody cancels it
  }
  auto positions = co_await target->destination->positions(target->mappings, apply_deadline());
  services_.destinations.note_answer(tenancy_, target->entry.id, !positions.failure);
  co_return positions;
}

// Whoever configures them by way of Tributary is refused; straight into the source anybody can write thousands. Of those not synced, as many as are synced
// say so: what is on record is part of every claim.
asio::awaitable<void> TenancySync::refuse_surplus() {
  const auto most = most_destinations();
  if (claim_.destinations.size() <= most) co_return;
  const auto message = fmt::format(
      "not synced: its branch has {} destinations, and destinations.most_per_project is {}; remove some, or have it raised",
      claim_.destinations.size(), most);
  std::vector<queue::Park> surplus;
  for (const auto& entry : claim_.destinations | std::views::drop(most) | std::views::take(most)) {
    const auto whole = readiness(claim_, entry.id, "");
    if (whole == Readiness::paused || whole == Readiness::resting) continue;
    const int failures = failures_so_far(claim_, entry.id, "") + 1;
    const auto retry_in = retry_delay(destination::FailureKind::refused, failures, services_.params.retry, services_.uniform());
    surplus.push_back({.tenancy = tenancy_,
                       .destination = entry.id,
                       .mapping = "",
                       .attempts = failures,
                       .retry_in = retry_in,
                       .sqlstate = "",
                       .error = message});
  }
  if (surplus.empty()) co_return;
  auto source = co_await services_.connect_to_source();
  co_await queue::park(*source, surplus, source_deadline());
}

std::size_t TenancySync::most_destinations() const {
  return claim_.deleted ? claim_.destinations.size() : services_.params.destination.guard.most_destinations;
}

// One that is still busy with an earlier turn is left out of this one. Where its promise is gone, as the source has forgotten it or it was removed and is configured
// again, this request would be the last that anybody heard of it.
asio::awaitable<void> TenancySync::promise_anew() {
  const auto is_busy = [&](const auto& entry) { return services_.busy.contains({tenancy_, entry.id}); };
  for (const auto& entry : claim_.destinations) {
    const auto is_promise = [&](const auto& state) { return state.destination == entry.id && state.mapping.empty(); };
    if (!is_busy(entry) || std::ranges::any_of(claim_.states, is_promise)) continue;
    auto source = co_await services_.connect_to_source();
    if (!is_busy(entry)) continue;
    co_await queue::postpone(*source, tenancy_, entry.id, services_.params.lease, false, source_deadline());
    // It has come through meanwhile, and nobody else would take the promise back.
    if (!is_busy(entry)) co_await queue::postpone(*source, tenancy_, entry.id, 0ms, true, source_deadline());
  }
}

/// Says anew for everything in Services::busy that it is being worked on, until there is nothing.
asio::awaitable<void> TenancySync::keep_held(std::shared_ptr<Services> services) {
  asio::steady_timer pause(services->executor);
  while (!services->busy.empty()) {
    const auto lapse = Deadline::after(services->params.lease);
    pause.expires_after(services->params.lease / 3);
    co_await pause.async_wait(asio::use_awaitable);
    std::string failure;
    try {
      auto source = co_await services->connect_to_source();
      const std::vector<Services::DestinationKey> held(services->busy.begin(), services->busy.end());
      for (const auto& [tenancy, destination] : held) {
        if (!services->busy.contains({tenancy, destination})) continue;
        co_await queue::keep_postponed(*source, tenancy, destination, services->params.lease,
                                       Deadline::after(services->params.source_timeout));
      }
      if (lapse.expired()) failure = "it was too slow";
    } catch (const postgres::Error& error) {
      failure = error.what();
    }
    if (!failure.empty())
      telemetry::log(Level::warning, "sync", "the source failed, slow destinations may be tried by two at once",
                     {{"destinations", services->busy.size()}, {"error", failure}});
  }
  services->keeping = false;
}

asio::awaitable<void> TenancySync::guarded(TargetPointer target, Work work) {
  try {
    co_await work(target);
  } catch (const postgres::Error& error) {
    // Only the source throws here: what a destination does comes back as an outcome.
    remembered_ = false;
    target->parked = true;
    telemetry::log(Level::warning, "sync", "the source failed while syncing a destination",
                   {{"tenancy", tenancy_.to_string()}, {"destination", target->entry.id}, {"error", error.what()}});
  } catch (const std::exception& error) {
    remembered_ = false;
    target->parked = true;
    services_.metrics.counter("tributary_sync_defects_total").add();
    telemetry::log(Level::error, "sync", "a defect while syncing a destination",
                   {{"tenancy", tenancy_.to_string()}, {"destination", target->entry.id}, {"error", error.what()}});
  }
}

std::chrono::milliseconds TenancySync::patience_with(const Targets& targets) const {
  if (targets.size() == 1) return services_.params.patience;  // nobody waits but for the tenancy's next turn
  std::chrono::milliseconds longest{};
  for (const auto& target : targets) {
    const auto usual = services_.destinations.usual(tenancy_, target->entry.id);
    longest = std::max(longest, sync::patience_with(usual, services_.params.patience));
  }
  return longest;
}

asio::awaitable<void> TenancySync::each(Targets& targets, bool with_patience, Work work,
                                        std::optional<std::chrono::milliseconds> patience) {
  if (!with_patience) {
    for (const auto& target : targets) co_await guarded(target, work);
    drop_absent(targets, false);
    co_return;
  }
  const auto one_is_done = std::make_shared<Event>(services_.executor);
  for (const auto& target : targets) {
    target->running = true;
    asio::co_spawn(
        services_.executor,
        [](std::shared_ptr<TenancySync> self, TargetPointer t, Work step, std::shared_ptr<Event> done) -> asio::awaitable<void> {
          co_await self->guarded(t, step);
          t->running = false;
          done->set();
          if (t->left_behind) co_await self->come_back(t);
        }(shared_from_this(), target, work, one_is_done),
        asio::detached);
  }
  const auto is_running = [](const auto& target) { return target->running; };
  const auto until = services_.has_company() ? Deadline::after(patience.value_or(services_.params.patience)) : Deadline::never();
  while (std::any_of(targets.begin(), targets.end(), is_running) && !until.expired()) co_await one_is_done->wait(until);
  for (const auto& target : targets) {
    if (target->running) co_await leave_behind(target);
  }
  drop_absent(targets, true);
}

// One that is tried alone counts as left behind from its start: only in company does that mean absent.
void TenancySync::drop_absent(Targets& targets, bool in_company) {
  std::erase_if(targets, [&](const auto& target) { return target->parked || (in_company && target->left_behind); });
}

asio::awaitable<void> TenancySync::leave_behind(TargetPointer target) {
  hold(*target);
  try {
    // The promise that outlives this process: without it, the finished request would be the last that anybody heard of this destination.
    // No longer: the others' transactions wait for this.
    auto source = co_await services_.source.acquire(source_deadline());
    co_await queue::postpone(*source, tenancy_, target->entry.id, services_.params.lease, false, source_deadline());
  } catch (const postgres::Error& error) {
    remembered_ = false;  // then the request itself is the promise: its lease runs out
    telemetry::log(Level::warning, "sync", "the source failed, the tenancy will be tried again",
                   {{"tenancy", tenancy_.to_string()}, {"destination", target->entry.id}, {"error", error.what()}});
  }
  target->left_behind = true;
  if (!target->running) co_await come_back(target);  // it was done while the promise was written
}

void TenancySync::hold(Target& target) {
  services_.busy.insert({tenancy_, target.entry.id});
  if (!std::exchange(services_.keeping, true)) asio::co_spawn(services_.executor, keep_held(shared_services_), asio::detached);
  ++services_.left_behind;
  target.held = true;
}

void TenancySync::let_go(Target& target) {
  if (!std::exchange(target.held, false)) return;
  services_.busy.erase({tenancy_, target.entry.id});
  --services_.left_behind;
}

// What was left behind has ended its step, well or parked: the rest is done with the tenancy's next turn. Not in company, or one that takes longer
// than the others' patience for every single step would never get through with a load.
asio::awaitable<void> TenancySync::come_back(TargetPointer target) {
  target->load.reset();
  try {
    if (!target->parked) {
      if (target->alone && failures_so_far(claim_, target->entry.id, "") > 0) log_recovery(*target);
      auto source = co_await services_.connect_to_source();
      if (!target->alone) co_await queue::postpone(*source, tenancy_, target->entry.id, 0ms, true, source_deadline());
      let_go(*target);  // before anybody can claim what is enqueued now
      if (target->alone)
        co_await queue::resume(*source, services_.kind, tenancy_, target->entry.id, source_deadline());
      else
        co_await queue::enqueue(*source, services_.kind, tenancy_, source_deadline());
    }
  } catch (const postgres::Error& error) {
    telemetry::log(Level::warning, "sync", "the source failed, a destination will be tried again",
                   {{"tenancy", tenancy_.to_string()}, {"destination", target->entry.id}, {"error", error.what()}});
  }
  let_go(*target);
}

}  // namespace tributary::sync
