#include "sync/tenancy_sync.hpp"

#include <ranges>
#include <set>

#include "destination/change.hpp"
#include "sync/policy.hpp"
#include "telemetry/log.hpp"

namespace tributary::sync {
namespace {

using namespace std::chrono_literals;
using destination::Batch;
using destination::Failure;
using destination::FailureKind;
using destination::Outcome;
using destination::Verdict;
using telemetry::Level;

/// The changes, or as many of them.
std::shared_ptr<const Changes> first_of(const std::shared_ptr<const Changes>& changes, std::int64_t rows) {
  if (static_cast<std::int64_t>(changes->rows.rows()) <= rows) return changes;
  auto first = std::make_shared<Changes>();
  first->mapping = changes->mapping;
  first->after = changes->after;
  first->read_at = changes->read_at;
  first->more = true;
  for (std::int64_t i = 0; i < rows; ++i) first->rows.append_row(changes->rows.row(static_cast<std::size_t>(i)));
  first->through = destination::parse_change(first->rows.row(first->rows.rows() - 1)).sequence_id;
  return first;
}

/// Where a destination stands with a mapping; -1: it has nothing yet, or that is not known.
std::int64_t watermark_of(const Target& target, std::string_view mapping) {
  if (target.positions.size() != target.mappings.size()) return -1;
  const auto found = std::ranges::find(target.mappings, mapping, &mapping::Mapping::name);
  if (found == target.mappings.end()) return -1;
  return target.positions[static_cast<std::size_t>(found - target.mappings.begin())].watermark;
}

}  // namespace

TenancySync::TenancySync(std::shared_ptr<Services> services, queue::Claim claim)
    : shared_services_(std::move(services)),
      services_(*shared_services_),
      claim_(std::move(claim)),
      tenancy_(claim_.tenancy.value_or(Uuid{})) {}

asio::awaitable<TenancySync::Result> TenancySync::run() {
  if (!claim_.tenancy) co_return Result{};
  co_await forget_removed();
  if (!claim_.exists && !claim_.deleted) co_return Result{};
  co_await refuse_surplus();
  co_await promise_anew();
  if (claim_.deleted) co_await look_for_rows();
  for (auto& target : choose(true)) start_alone(std::move(target));
  auto targets = choose(false);
  co_await sync(targets, true);
  bool more = false;
  for (const auto& target : targets) more = more || target->more;
  if (claim_.deleted && everything_read_) co_await leave(targets);
  co_return Result{.more = more, .may_finish = remembered_};
}

// What is remembered of a destination, or a mapping, that is no longer there would be due for ever.
asio::awaitable<void> TenancySync::forget_removed() {
  const auto is_configured = [&](const auto& state) {
    return std::any_of(claim_.destinations.begin(), claim_.destinations.end(),
                       [&](const auto& entry) { return entry.id == state.destination; });
  };
  const auto is_known = [&](const std::string& name) {
    const auto& mappings = services_.reader.mappings();
    return std::any_of(mappings.begin(), mappings.end(), [&](const auto& mapping) { return mapping.name == name; });
  };
  std::set<std::string_view> removed;
  for (const auto& state : claim_.states) {
    const bool configured = is_configured(state);
    if (configured && (state.mapping.empty() || is_known(state.mapping))) continue;
    if (!configured && !removed.insert(state.destination).second) continue;
    auto source = co_await services_.connect_to_source();
    if (configured)
      co_await queue::set_mapping_aside(*source, tenancy_, state.destination, state.mapping, source_deadline());
    else
      co_await queue::forget_destination(*source, claim_, state.destination, source_deadline());
  }
}

TenancySync::Targets TenancySync::choose(bool retrying) {
  Targets targets;
  for (const auto& entry : claim_.destinations | std::views::take(most_destinations())) {
    const auto whole = readiness(claim_, entry.id, "");
    if (whole == Readiness::paused || whole == Readiness::resting || services_.busy.contains({tenancy_, entry.id})) {
      continue;
    }
    const bool apart = whole == Readiness::retry && services_.has_company();
    if (apart == retrying) targets.push_back(make_target(entry));
  }
  return targets;
}

TargetPointer TenancySync::make_target(const queue::DestinationEntry& entry) {
  auto target = std::make_shared<Target>();
  target->entry = entry;
  for (const auto& mapping : services_.reader.mappings()) {
    const auto ready = readiness(claim_, entry.id, mapping.name);
    if (ready == Readiness::ready || ready == Readiness::retry)
      target->mappings.push_back(&mapping);
    else
      target->partial = true;
  }
  return target;
}

asio::awaitable<ChangesRead> TenancySync::fetch(std::vector<Want> wants) {
  auto source = co_await services_.connect_to_source();
  co_return co_await services_.reader.read(*source, tenancy_, std::move(wants), services_.params.small_rows, source_deadline());
}

asio::awaitable<void> TenancySync::sync(Targets& targets, bool with_patience) {
  if (!with_patience) {
    auto source = co_await services_.connect_to_source();
    for (const auto& target : targets)
      co_await queue::postpone(*source, tenancy_, target->entry.id, services_.params.lease, true, source_deadline());
  }
  co_await each(targets, with_patience, [this](TargetPointer target) { return prepare(std::move(target)); });

  std::vector<Want> wants;
  for (const auto& target : targets) {
    for (std::size_t i = 0; i < target->mappings.size(); ++i) {
      const Want want{.mapping = target->mappings[i], .after = target->positions[i].watermark};
      if (std::find(wants.begin(), wants.end(), want) == wants.end()) wants.push_back(want);
    }
  }
  if (wants.empty()) co_return;
  const auto began = std::chrono::steady_clock::now();
  auto span = start_span(kFetchSpan);
  const auto found = co_await fetch(wants);
  services_.observe_stage("fetch", "", began);
  for (std::size_t i = 0; i < wants.size(); ++i)
    if (has_lost_since_the_claim(wants[i], found.lost[i])) co_return co_await put_off(targets);
  const auto& read = found.changes;
  if (span.recorded()) {
    Extent extent;
    for (const auto& changes : read) extent.add(*changes);
    describe_fetch(span, extent);
    span.end();
  }
  // A deleted tenancy is forgotten only when all its tombstones are numbered and read; numbering them puts it into the queue again.
  for (const auto& changes : read) everything_read_ = everything_read_ && changes->complete_until.has_value();
  co_await each(
      targets, with_patience, [this, read = read](TargetPointer target) { return deliver(std::move(target), read); },
      patience_with(targets));

  for (std::size_t i = 0; i < wants.size(); ++i) {
    if (!read[i]->more) continue;
    drop_absent(targets, with_patience);  // whoever was left behind in the load before this one is still busy with it
    co_await load_behind(wants[i], targets, with_patience);
  }
  drop_absent(targets, with_patience);
  co_await each(targets, with_patience, [this](TargetPointer target) { return retry_quarantined(std::move(target)); });
}

/// Those that are given less at once come last, and by themselves: they are slow.
asio::awaitable<void> TenancySync::load_behind(Want want, const Targets& targets, bool with_patience) {
  std::map<std::int64_t, Targets, std::greater<>> behind;
  for (const auto& target : targets) {
    const auto place = place_of(*target, want.mapping);
    if (!place || target->parked || target->positions[*place].watermark != want.after || is_sparing(*target, *place)) continue;
    // Of a deleted tenancy, one more look at what came after: only a read that finds nothing more shows that it may be forgotten.
    if (services_.stopping || claim_.deleted) target->more = true;
    behind[rows_at_once(*target, *want.mapping)].push_back(target);
  }
  for (auto& [rows, alike] : behind) {
    if (!services_.stopping) co_await load(want, std::move(alike), with_patience);
  }
}

asio::awaitable<void> TenancySync::prepare(TargetPointer target) {
  auto found = services_.destinations.find(claim_, target->entry);
  if (!found.destination) {
    co_await park(target, "", std::move(found.failure));
    co_return;
  }
  target->destination = std::move(found.destination);
  if (claim_.mending || claim_.added.contains(target->entry.id)) target->destination->forget();
  auto positions = co_await this->positions(target);
  if (positions.of_another && !claim_.deleted && co_await take_over(*target, positions))
    positions = co_await target->destination->positions(target->mappings, apply_deadline());
  if (positions.of_another && claim_.deleted) {
    // The next tenancy has it already: nothing of ours is left there. leave() says so.
    std::vector<std::string> names;
    for (const auto* mapping : std::exchange(target->mappings, {})) names.push_back(mapping->name);
    co_await clear(target, std::move(names));
    co_return;
  }
  if (positions.failure) {
    co_await park(target, "", *positions.failure);
    co_return;
  }

  std::vector<const mapping::Mapping*> usable;
  for (std::size_t i = 0; i < target->mappings.size(); ++i) {
    if (const auto* position = std::get_if<destination::Position>(&positions.of_mappings[i])) {
      usable.push_back(target->mappings[i]);
      target->positions.push_back(*position);
    } else {
      co_await park(target, target->mappings[i]->name, std::get<Failure>(positions.of_mappings[i]));
    }
  }
  target->mappings = std::move(usable);
  // Of a deleted tenancy, too: it may come back under its own id, when its tombstones have moved the watermark past the jump.
  co_await note_suspects(target);
}

asio::awaitable<void> TenancySync::deliver(TargetPointer target, const ChangesList& read) {
  std::vector<Batch> together;
  std::vector<Batch> sparing;
  std::vector<std::string> healthy;
  bool anything = false;
  for (std::size_t i = 0; i < target->mappings.size(); ++i) {
    const auto found = std::find_if(read.begin(), read.end(), [&](const auto& changes) {
      return changes->mapping == target->mappings[i] && changes->after == target->positions[i].watermark;
    });
    if (found == read.end()) continue;
    Batch batch{.changes = *found, .position = target->positions[i]};
    const auto until = services_.sparing_until.find({tenancy_, target->entry.id, target->mappings[i]->name});
    if (until != services_.sparing_until.end() && until->second <= batch.position.watermark) services_.sparing_until.erase(until);
    if (batch.changes->more && !is_sparing(*target, i)) continue;
    batch.changes = first_of(*found, rows_at_once(*target, *target->mappings[i]));
    // With refused keys on record, each row's fate is wanted: one of them may be accepted now.
    const bool spare = is_sparing(*target, i) || quarantined(*target, *target->mappings[i], false) > 0;
    if (batch.changes->rows.empty()) healthy.push_back(target->mappings[i]->name);
    if (batch.changes->more) target->more = true;
    // At the end of a first load the customer is told, once, that a table without rows is complete.
    const bool completes_first_load = batch.position.loading && batch.changes->complete_until;
    anything = anything || !batch.changes->rows.empty() || completes_first_load;
    batch.completes = !spare;
    if (spare && !batch.changes->rows.empty())
      sparing.push_back(std::move(batch));
    else
      together.push_back(std::move(batch));
  }
  if (anything && !together.empty()) co_await apply_together(target, std::move(together));
  for (auto& batch : sparing) {
    if (!target->parked) co_await apply_sparing(target, std::move(batch));
  }
  if (!target->parked) co_await clear(target, std::move(healthy));
}

asio::awaitable<void> TenancySync::apply_together(TargetPointer target, std::vector<Batch> batches) {
  std::vector<const Batch*> pointers;
  for (const auto& batch : batches) {
    pointers.push_back(&batch);
    if (!batch.changes->rows.empty()) note_writing(*target, *batch.changes->mapping, batch.changes->through);
  }
  const auto began = std::chrono::steady_clock::now();
  auto span = start_span(kApplySpan);
  auto outcome = co_await target->destination->apply(pointers, apply_deadline());
  services_.observe_stage("apply", batches.size() == 1 ? batches.front().changes->mapping->name : "", began);
  end_apply(span, *target, batches, outcome);
  for (const auto& batch : batches) learn(*target, *batch.changes->mapping, batch.changes->rows.rows(), outcome, began);
  if (outcome.verdict == Verdict::durable) {
    const auto took = std::chrono::steady_clock::now() - began;
    services_.destinations.took(tenancy_, target->entry.id, std::chrono::duration_cast<std::chrono::milliseconds>(took));
    std::vector<std::string> names;
    for (const auto& batch : batches) {
      names.push_back(batch.changes->mapping->name);
      count_batch(*batch.changes->mapping, batch.changes->rows.rows(), batch.changes->rows.size_bytes());
      note_read_since_jump(*target, *batch.changes->mapping, batch.changes->through);
    }
    observe_lag();
    co_await clear(target, std::move(names));
    co_return;
  }
  const bool whose = outcome.verdict == Verdict::failed && !concerns_whole_destination(outcome.failure);
  if (whose && outcome.failure.kind == FailureKind::row) {
    for (auto& batch : batches) {
      batch.completes = false;
      if (!target->parked) co_await apply_sparing(target, std::move(batch));
    }
    co_return;
  }
  if (whose && batches.size() > 1) {
    // All or nothing told only that one of them fails: one by one tells which.
    for (auto& batch : batches) {
      if (target->parked) co_return;
      std::vector<Batch> one;
      one.push_back(std::move(batch));
      co_await apply_together(target, std::move(one));
    }
    co_return;
  }
  co_await settle(target, batches.size() == 1 ? batches.front().changes->mapping : nullptr, std::move(outcome));
}

asio::awaitable<void> TenancySync::settle(TargetPointer target, const mapping::Mapping* mapping, Outcome outcome) {
  switch (outcome.verdict) {
    case Verdict::durable:
      if (mapping != nullptr) co_await clear(target, {mapping->name});
      break;
    case Verdict::fenced:
    case Verdict::again:
      co_await overtaken(target, mapping != nullptr ? mapping->name : "");
      break;
    case Verdict::failed: {
      const bool whole = mapping == nullptr || concerns_whole_destination(outcome.failure);
      co_await park(target, whole ? "" : mapping->name, std::move(outcome.failure));
      break;
    }
  }
}

asio::awaitable<void> TenancySync::overtaken(TargetPointer target, std::string mapping) {
  if (++services_.overtaken[{tenancy_, target->entry.id, mapping}] < kMostOvertaken) {
    target->more = true;
    co_return;
  }
  co_await park(target, std::move(mapping),
                {.kind = FailureKind::refused,
                 .sqlstate = "",
                 .message = "the watermark in public._stack_sync_metadata cannot be moved, though nobody else syncs this "
                            "database: look for a trigger "
                            "that changes that table, or a transaction that holds its rows"});
}

asio::awaitable<void> TenancySync::park(TargetPointer target, std::string mapping, Failure failure) {
  (mapping.empty() ? target->parked : target->partial) = true;
  has_failed_ = true;
  const int failures = failures_so_far(claim_, target->entry.id, mapping) + 1;
  const auto retry_in = retry_delay(failure.kind, failures, services_.params.retry, services_.uniform());
  services_.metrics.counter("tributary_destination_failures_total", services_.labels(mapping)).add();
  telemetry::log(failures == 1 ? Level::warning : Level::debug, "sync", "a destination failed and is parked",
                 {{"tenancy", tenancy_.to_string()},
                  {"destination", target->entry.id},
                  {"mapping", mapping},
                  {"after", watermark_of(*target, mapping)},
                  {"sqlstate", failure.sqlstate},
                  {"error", failure.message},
                  {"failures", failures},
                  {"retry_in_ms", retry_in.count()}});
  const queue::Park row{.tenancy = tenancy_,
                        .destination = target->entry.id,
                        .mapping = std::move(mapping),
                        .attempts = failures,
                        .retry_in = retry_in,
                        .sqlstate = std::move(failure.sqlstate),
                        .error = std::move(failure.message)};
  auto source = co_await services_.connect_to_source();
  co_await queue::park(*source, {&row, 1}, source_deadline());
}

asio::awaitable<void> TenancySync::clear(TargetPointer target, std::vector<std::string> mappings) {
  // One that is tried alone or was left behind keeps its row until it comes back: its request is finished, and the row is all that remembers it.
  if (!target->held) mappings.emplace_back();
  bool known = false;
  bool failed = false;
  for (const auto& state : claim_.states) {
    if (state.destination != target->entry.id || state.quarantined > 0 ||
        std::find(mappings.begin(), mappings.end(), state.mapping) == mappings.end()) {
      continue;
    }
    known = true;
    failed = failed || state.attempts > 0;
  }
  if (!known) co_return;
  if (failed) log_recovery(*target);
  auto source = co_await services_.connect_to_source();
  co_await queue::unpark(*source, claim_, target->entry.id, std::move(mappings), source_deadline());
}

void TenancySync::log_recovery(const Target& target) const {
  telemetry::log(Level::info, "sync", "a destination has recovered",
                 {{"tenancy", tenancy_.to_string()}, {"destination", target.entry.id}});
}

std::optional<std::size_t> TenancySync::place_of(const Target& target, const mapping::Mapping* mapping) {
  const auto found = std::find(target.mappings.begin(), target.mappings.end(), mapping);
  if (found == target.mappings.end()) return std::nullopt;
  return static_cast<std::size_t>(found - target.mappings.begin());
}

void TenancySync::note_writing(const Target& target, const mapping::Mapping& mapping, std::int64_t through) {
  if (services_.fences()) return;
  written_.push_back({.project = claim_.project,
                      .branch = claim_.branch,
                      .destination = target.entry.id,
                      .mapping = mapping.name,
                      .table = mapping.source_table,
                      .through = through,
                      .jump = claim_.last_jump,
                      .ended = {}});
}

// What failed may have been given up, and still arrive, until its deadline.
std::vector<LateWrites::Write> TenancySync::written(bool threw) const {
  const auto ended = std::chrono::steady_clock::now() + (threw || has_failed_ ? services_.params.apply_timeout : 0ms);
  auto writes = written_;
  for (auto& write : writes) write.ended = ended;
  return writes;
}

void TenancySync::note_read_since_jump(const Target& target, const mapping::Mapping& mapping, std::int64_t through) {
  if (through <= claim_.last_jump) services_.examined.add({tenancy_, target.entry.id, mapping.name}, claim_.last_jump, through);
}

void TenancySync::count_batch(const mapping::Mapping& mapping, std::size_t rows, std::size_t bytes) {
  if (rows == 0) return;
  const auto labels = services_.labels(mapping.name);
  services_.metrics.counter("tributary_sync_rows_total", labels).add(rows);
  services_.metrics.counter("tributary_sync_batches_total", labels).add();
  services_.metrics.counter("tributary_sync_bytes_total", labels).add(bytes);
}

telemetry::Span TenancySync::start_span(std::string_view name) const {
  return telemetry::start_span(services_.params.tracer, name, claim_.trace, telemetry::SpanKind::client);
}

void TenancySync::end_apply(telemetry::Span& span, const Target& target, std::span<const Batch> batches,
                            const Outcome& outcome) const {
  if (!span.recorded()) return;
  Extent extent;
  for (const auto& batch : batches) extent.add(*batch.changes);
  describe_apply(span, services_.kind, target.entry.id, extent, outcome);
  span.end();
}

void TenancySync::observe_lag() {
  services_.metrics.histogram("tributary_lag_seconds", services_.labels())
      .observe(claim_.waited + (std::chrono::steady_clock::now() - claim_.claimed_at));
}

}  // namespace tributary::sync
