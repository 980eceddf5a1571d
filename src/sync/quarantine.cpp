#include "destination/change.hpp"
#include "mapping/compare_sql.hpp"
#include "sync/tenancy_sync.hpp"
#include "telemetry/log.hpp"

/// TenancySync's rows that a destination refuses: one by one they are put aside, tried again, and let go once they are applied.
namespace tributary::sync {
namespace {

using destination::Verdict;

}  // namespace

int TenancySync::quarantined(const Target& target, const mapping::Mapping& mapping, bool due_only) const {
  for (const auto& state : claim_.states) {
    if (state.destination == target.entry.id && state.mapping == mapping.name && state.quarantined > 0 &&
        (!due_only || state.quarantine_due)) {
      return state.quarantined;
    }
  }
  return 0;
}

asio::awaitable<void> TenancySync::apply_sparing(TargetPointer target, destination::Batch batch) {
  const auto& mapping = *batch.changes->mapping;
  note_writing(*target, mapping, batch.changes->through);
  const destination::TargetShape shape(mapping);
  std::vector<AppliedKey> applied;
  for (std::size_t i = 0; i < batch.changes->rows.rows(); ++i) {
    const auto change = destination::parse_change(batch.changes->rows.row(i));
    if (change.kind == destination::Change::Kind::step) continue;
    applied.push_back({destination::key_json(shape, change), change.kind == destination::Change::Kind::tombstone});
  }
  // Before the destination commits: a refused row that nobody remembers would be lost once the watermark has passed it.
  const auto keep = [&](std::vector<destination::RefusedRow> rows) -> asio::awaitable<void> {
    std::vector<queue::Refused> refused;
    if (!rows.empty()) target->partial = true;
    for (auto& row : rows) {
      std::erase_if(applied, [&](const AppliedKey& one) { return one.key == row.key; });
      telemetry::log(telemetry::Level::warning, "sync", "a destination refused a row, which is quarantined",
                     {{"tenancy", tenancy_.to_string()},
                      {"destination", target->entry.id},
                      {"mapping", mapping.name},
                      {"after", batch.changes->after},
                      {"through", batch.changes->through},
                      {"sqlstate", row.failure.sqlstate}});
      refused.push_back({std::move(row.key), std::move(row.failure.sqlstate), std::move(row.failure.message)});
    }
    if (refused.empty()) co_return;
    // No longer: the destination's transaction waits for this.
    auto source = co_await services_.source.acquire(source_deadline());
    co_await queue::quarantine(*source, tenancy_, target->entry.id, mapping.name, std::move(refused), services_.params.retry,
                               source_deadline());
  };
  const auto began = std::chrono::steady_clock::now();
  auto span = start_span(kApplySpan);
  auto outcome = co_await target->destination->apply_sparing(batch, services_.params.most_refused_rows, keep, apply_deadline());
  end_apply(span, *target, {&batch, 1}, outcome);
  learn(*target, mapping, batch.changes->rows.rows(), outcome, began);
  if (outcome.verdict == Verdict::durable) {
    count_batch(mapping, applied.size(), batch.changes->rows.size_bytes());
    note_read_since_jump(*target, mapping, batch.changes->through);
    observe_lag();
    if (batch.changes->more) target->more = true;
    if (quarantined(*target, mapping, false) > 0 && !applied.empty())
      co_await release(*target, mapping, applied, batch.changes->read_at);
  }
  co_await settle(target, &mapping, std::move(outcome));
}

// The watermark passed these keys when they were refused, so it does not vouch for what was applied since: a destination that is restored from a backup of
// the time in between, or that others of its name stood in for, would never be given it again. Under a new id it comes once more.
asio::awaitable<void> TenancySync::release(const Target& target, const mapping::Mapping& mapping,
                                           const std::vector<AppliedKey>& applied, postgres::Timestamp read_at) {
  std::map<std::string, bool> is_deleted;  // of a key that came more than once, the last
  for (const auto& one : applied) is_deleted[one.key] = one.is_deleted;
  std::vector<std::string> keys;
  for (const auto& [key, deleted] : is_deleted) keys.push_back(key);
  auto source = co_await services_.connect_to_source();
  auto transaction = co_await postgres::Transaction::begin(*source, postgres::TransactionMode::read_committed, source_deadline());
  std::vector<std::string> rows;
  std::vector<std::string> gone;
  for (auto& key :
       co_await queue::releasable(*source, tenancy_, target.entry.id, mapping.name, std::move(keys), read_at, source_deadline()))
    (is_deleted.at(key) ? gone : rows).push_back(std::move(key));
  std::vector<queue::Refused> held;
  if (!claim_.deleted) held = co_await come_again(*source, mapping, rows, gone);
  auto released = std::move(gone);
  std::ranges::copy_if(rows, std::back_inserter(released),
                       [&](const auto& key) { return std::ranges::find(held, key, &queue::Refused::key) == held.end(); });
  const bool releases = !released.empty();
  co_await queue::release(*source, tenancy_, target.entry.id, mapping.name, std::move(released), read_at, source_deadline());
  if (!held.empty())
    co_await queue::quarantine(*source, tenancy_, target.entry.id, mapping.name, std::move(held), services_.params.retry,
                               source_deadline());
  // The last key that goes is the last that anybody hears of a tenancy that was deleted; on record at the claim, it kept the destination.
  if (claim_.deleted && releases) co_await queue::enqueue(*source, services_.kind, tenancy_, source_deadline());
  co_await transaction.commit(source_deadline());
}

/// Returns those whose row the application holds: nobody waits for it, they are tried again.
asio::awaitable<std::vector<queue::Refused>> TenancySync::come_again(postgres::Connection& source,
                                                                     const mapping::Mapping& mapping,
                                                                     const std::vector<std::string>& rows,
                                                                     const std::vector<std::string>& gone) {
  std::vector<queue::Refused> held;
  if (rows.empty() && gone.empty()) co_return held;
  const auto flag = mapping::flag_free_rows_sql(mapping);
  const auto bury = mapping::insert_tombstones_sql(mapping);
  std::vector<postgres::Command> commands;
  commands.push_back({.sql = flag, .params = key_params(tenancy_, mapping, rows)});
  commands.push_back({.sql = bury, .params = key_params(tenancy_, mapping, gone)});
  commands.push_back({.sql = "SELECT tributary.notify_change()::text", .params = {}});
  const auto results = co_await source.execute_pipeline(std::move(commands), source_deadline());
  for (std::size_t row = 0; row < results.at(0).rows(); ++row) {
    const auto place = static_cast<std::size_t>(results[0].get<std::int64_t>(row, 0));
    held.push_back({.key = rows.at(place), .sqlstate = "", .error = "it was accepted; somebody holds its row in the source"});
  }
  co_return held;
}

asio::awaitable<void> TenancySync::retry_quarantined(TargetPointer target) {
  // More than a sparing batch may refuse would park the mapping when all are refused again.
  const int at_once = static_cast<int>(std::min<std::size_t>(services_.params.most_refused_rows, 100));
  for (const auto* mapping : target->mappings) {
    if (quarantined(*target, *mapping, true) == 0 || target->parked) continue;
    const mapping::Mapping* const one[] = {mapping};
    const auto positions = co_await target->destination->positions(one, apply_deadline());
    if (positions.failure || !std::holds_alternative<destination::Position>(positions.of_mappings.at(0))) continue;
    const auto position = std::get<destination::Position>(positions.of_mappings[0]);
    std::shared_ptr<const destination::Changes> changes;
    {
      auto source = co_await services_.connect_to_source();
      auto keys =
          co_await queue::quarantined_keys(*source, tenancy_, target->entry.id, mapping->name, false, at_once, source_deadline());
      if (keys.empty()) continue;
      // Read after the position: the fence then vouches that what is applied is not older than what is there.
      changes = co_await services_.reader.read_keys(*source, tenancy_, *mapping, std::move(keys), position.watermark,
                                                    source_deadline());
    }
    co_await apply_sparing(target, {.changes = std::move(changes), .position = position, .completes = false});
  }
}

}  // namespace tributary::sync
