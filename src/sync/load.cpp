#include "sync/policy.hpp"
#include "sync/tenancy_sync.hpp"
#include "telemetry/log.hpp"

/// TenancySync's large batches: one COPY from the source, streamed to every destination that stands at the same watermark.
namespace tributary::sync {
namespace {

using destination::FailureKind;
using destination::Outcome;
using destination::Verdict;

/// So many tenancies may wait for a load with their claim in hand: well below PollerParams::max_claims, the rest of which is for small batches. More go back
/// to the end of the queue.
constexpr std::size_t kMostWaiting = 128;
/// A load goes on, batch after batch, for so long or until others wait for its slot; then the tenancy's other mappings have their turn.
constexpr std::chrono::seconds kLongestTurn{10};
/// A first load that is read whole may have the rows of so many batches and take the time of so many.
struct Whole {
  std::int64_t batches;
  int times;
};
/// Into a customer's database it is mostly copied straight in, which takes no longer than merging one batch. A batch for ClickHouse has many rows anyway, and no
/// transaction there that has to end soon; in order it would be read at two thirds of the speed.
Whole whole_of(queue::DestinationKind kind) { return kind == queue::DestinationKind::postgres ? Whole{5, 5} : Whole{1, 15}; }

}  // namespace

asio::awaitable<void> TenancySync::load(Want want, Targets targets, bool with_patience) {
  auto& slots = with_patience ? services_.loads : services_.loads_alone;
  for (const auto& target : targets) target->destination->give_way();  // until there is a slot, nothing is written there
  if (slots.waiting() >= kMostWaiting) co_return co_await put_off(targets);
  auto slot = std::optional(co_await slots.take());
  if (services_.stopping) co_return leave_the_rest(targets);

  const std::pair key{tenancy_, want.mapping->name};
  const auto turn = Deadline::after(kLongestTurn);
  std::unique_ptr<ChangeStream> changes;
  const auto open = [&](postgres::PooledConnection source) {
    const auto rows = rows_at_once(targets, *want.mapping);
    const auto whole = services_.not_whole.contains(key) ? 0 : rows * whole_of(claim_.kind).batches;
    return services_.reader.open(std::move(source), tenancy_, want, rows, whole, source_deadline());
  };
  for (;;) {
    std::optional<postgres::PooledConnection> source;
    // Before the destinations: there, a watermark is locked from then on.
    if (!changes) source = co_await services_.connect_to_source();
    if (services_.stopping) co_return leave_the_rest(targets);
    co_await open_loads(want, targets, with_patience);
    if (targets.empty()) co_return;
    if (!changes) changes = co_await open(*std::move(source));
    if (changes->is_whole()) services_.not_whole.insert(key);
    if (has_lost_since_the_claim(want, changes->lost())) {
      changes.reset();
      slot.reset();
      co_return co_await put_off(targets);
    }
    for (const auto& target : targets) note_writing(*target, *want.mapping, want.after);
    auto span = start_span(kFetchSpan);
    co_await stream(*changes, targets, with_patience);
    if (changes->is_broken_off()) co_return leave_the_rest(targets);
    if (changes->is_whole()) services_.not_whole.erase(key);
    LoadedBatch batch{.after = want.after,
                      .through = changes->through(),
                      .rows = static_cast<std::size_t>(changes->delivered()),
                      .bytes = changes->delivered_bytes(),
                      .caught_up = changes->caught_up(),
                      .is_last = changes->caught_up() || services_.stopping || turn.expired() || slots.waiting() > 0,
                      .complete_until = changes->complete_until()};
    if (span.recorded()) describe_fetch(span, batch.extent(*want.mapping));
    span.end();
    changes.reset();
    want.after = batch.through;
    // While the destinations merge this batch the source is at work on the next one, as far ahead as the sockets' buffers reach. Not where this batch would have to
    // wait for its turn with others.
    if (!batch.is_last && services_.source.counts().waiting == 0) changes = co_await open(co_await services_.connect_to_source());
    co_await commit_loads(*want.mapping, batch, targets, with_patience);
    if (batch.is_last) co_return;
    std::erase_if(targets, [&](const auto& target) {
      return target->positions[place_of(*target, want.mapping).value()].watermark != want.after;
    });
    if (targets.empty()) co_return;
  }
}

/// For the tenancy's next claim.
void TenancySync::leave_the_rest(const Targets& targets) {
  for (const auto& target : targets) {
    target->load.reset();
    target->more = true;
  }
}

/// The same, after a pause, lest the tenancy goes round without one.
asio::awaitable<void> TenancySync::put_off(Targets targets) const {
  constexpr std::chrono::milliseconds kPutOff{100};
  leave_the_rest(targets);
  asio::steady_timer pause(services_.executor, kPutOff);
  co_await pause.async_wait(asio::use_awaitable);
}

/// Leaves in `targets` those that take part.
asio::awaitable<void> TenancySync::open_loads(Want want, Targets& targets, bool with_patience) {
  co_await each(targets, with_patience, [this, want](TargetPointer target) -> asio::awaitable<void> {
    const auto place = place_of(*target, want.mapping).value();
    auto loading = co_await target->destination->load(*want.mapping, target->positions[place], apply_deadline());
    target->load = std::move(loading.load);
    target->load_failure.reset();
    if (!target->load) co_await settle(target, want.mapping, std::move(loading.outcome));
  });
  std::erase_if(targets, [](const auto& target) { return !target->load; });
}

/// `each` drops who is parked; who failed by the fault of a row stays, to be spared that row next time.
asio::awaitable<void> TenancySync::commit_loads(const mapping::Mapping& mapping, LoadedBatch batch, Targets& targets,
                                                bool with_patience) {
  const Work commit = [this, &mapping, batch](TargetPointer target) -> asio::awaitable<void> {
    const auto complete_until = quarantined(*target, mapping, false) > 0 ? std::nullopt : batch.complete_until;
    const auto began = std::chrono::steady_clock::now();
    auto span = start_span(kApplySpan);
    auto outcome = target->load_failure
                       ? std::move(*target->load_failure)
                       : co_await target->load->commit(batch.through, complete_until, batch.caught_up, apply_deadline());
    target->load.reset();
    learn(*target, mapping, batch.rows, outcome, began);
    services_.observe_stage("load", mapping.name, began);
    if (span.recorded()) describe_apply(span, services_.kind, target->entry.id, batch.extent(mapping), outcome);
    span.end();
    if (outcome.verdict == Verdict::durable) {
      count_batch(mapping, batch.rows, batch.bytes);
      note_read_since_jump(*target, mapping, batch.through);
      observe_lag();
      if (batch.is_last && !batch.caught_up) target->more = true;
      if (!batch.is_last) co_await look_again(target, mapping);
    }
    if (outcome.verdict == Verdict::failed && outcome.failure.kind == FailureKind::row) {
      services_.sparing_until[{tenancy_, target->entry.id, mapping.name}] = batch.through;
      target->more = true;
      telemetry::log(telemetry::Level::warning, "sync", "a load met a row that is refused, going on in small batches",
                     {{"tenancy", tenancy_.to_string()},
                      {"destination", target->entry.id},
                      {"mapping", mapping.name},
                      {"after", batch.after},
                      {"through", batch.through},
                      {"error", outcome.failure.message}});
      co_return;
    }
    co_await settle(target, &mapping, std::move(outcome));
  };
  // A merge takes about as long as reading did: that is no reason to leave its destination behind.
  co_await each(targets, with_patience, commit, services_.params.patience + services_.params.load_time);
}

/// Where it stands after a batch, for the next one. No round trip while the destination remembers it.
asio::awaitable<void> TenancySync::look_again(TargetPointer target, const mapping::Mapping& mapping) {
  const mapping::Mapping* const one[] = {&mapping};
  const auto positions = co_await target->destination->positions(one, apply_deadline());
  const auto* position = positions.failure ? nullptr : std::get_if<destination::Position>(&positions.of_mappings.at(0));
  if (position != nullptr) target->positions[place_of(*target, &mapping).value()] = *position;
  // Otherwise it drops out of this load, and what the matter is shows when its turn comes again.
  if (position == nullptr) target->more = true;
}

asio::awaitable<void> TenancySync::stream(ChangeStream& changes, Targets& targets, bool with_patience) {
  const auto time_is_up = Deadline::after(services_.params.load_time * (changes.is_whole() ? whole_of(claim_.kind).times : 1));
  auto chunk = std::make_shared<postgres::CopyBatch>();
  while (!targets.empty()) {
    if (time_is_up.expired() || services_.stopping) {
      co_await changes.stop(source_deadline());
      co_return;
    }
    if (chunk.use_count() > 1) chunk = std::make_shared<postgres::CopyBatch>();  // one that was left behind still reads it
    if (!co_await changes.next(*chunk, services_.params.load_chunk_bytes, source_deadline())) co_return;
    const Work write = [this, chunk](TargetPointer target) -> asio::awaitable<void> {
      if (!target->load_failure) target->load_failure = co_await target->load->write(*chunk, apply_deadline());
    };
    co_await each(targets, with_patience, write);
  }
}

bool TenancySync::is_sparing(const Target& target, std::size_t place) const {
  const auto& mapping = *target.mappings[place];
  const auto until = services_.sparing_until.find({tenancy_, target.entry.id, mapping.name});
  return until != services_.sparing_until.end() && until->second > target.positions[place].watermark;
}

std::int64_t TenancySync::rows_at_once(const Target& target, const mapping::Mapping& mapping) const {
  const auto found = services_.rows_at_once.find({tenancy_, target.entry.id, mapping.name});
  if (found != services_.rows_at_once.end()) return found->second;
  return rows_at_first(failures_of(target, mapping), services_.params.small_rows, services_.params.load_rows);
}

int TenancySync::failures_of(const Target& target, const mapping::Mapping& mapping) const {
  return std::max(failures_so_far(claim_, target.entry.id, ""), failures_so_far(claim_, target.entry.id, mapping.name));
}

std::int64_t TenancySync::rows_at_once(const Targets& targets, const mapping::Mapping& mapping) const {
  std::int64_t rows = services_.params.load_rows;
  for (const auto& target : targets) rows = std::min(rows, rows_at_once(*target, mapping));
  return rows;
}

void TenancySync::learn(const Target& target, const mapping::Mapping& mapping, std::size_t given, const Outcome& outcome,
                        std::chrono::steady_clock::time_point began) {
  if (outcome.verdict == Verdict::durable) {
    services_.overtaken.erase({tenancy_, target.entry.id, mapping.name});
    services_.overtaken.erase({tenancy_, target.entry.id, ""});
  }
  const bool timed_out = outcome.verdict == Verdict::failed && outcome.failure.kind == FailureKind::timed_out;
  if (given == 0 || (outcome.verdict != Verdict::durable && !timed_out)) return;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  const auto rows = sync::rows_at_once(rows_at_once(target, mapping), static_cast<std::int64_t>(given),
                                       timed_out ? std::nullopt : std::optional(took), services_.params.apply_timeout);
  const Services::MappingKey key{tenancy_, target.entry.id, mapping.name};
  if (rows >= services_.params.load_rows && failures_of(target, mapping) == 0)
    services_.rows_at_once.erase(key);
  else
    services_.rows_at_once[key] = rows;
}

}  // namespace tributary::sync
