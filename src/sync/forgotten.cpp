#include "mapping/compare_sql.hpp"
#include "queue/mend.hpp"
#include "sync/tenancy_sync.hpp"
#include "telemetry/log.hpp"

// What a source that was failed over or restored has forgotten, and destinations have not.

namespace tributary::sync {

using destination::Failure;
using telemetry::Level;

namespace {

std::string names_of(std::span<const queue::Suspect> suspects) {
  std::string names;
  for (const auto& suspect : suspects) names += (names.empty() ? "" : ",") + suspect.mapping;
  return names;
}

}  // namespace

// What a destination has seen and the source has forgotten, or has missed and the source has no more, no change will ever mend. Its watermark shows it, until
// it has applied newer ids.
asio::awaitable<void> TenancySync::note_suspects(TargetPointer target) {
  std::vector<queue::Suspect> suspects;
  const auto forgotten = co_await forgotten_by_source(target);
  const auto added = claim_.added.find(target->entry.id);
  for (std::size_t i = 0; i < target->mappings.size(); ++i) {
    const auto& mapping = *target->mappings[i];
    const auto& position = target->positions[i];
    const auto collected = claim_.collected.find(mapping.source_table);
    const bool ahead = std::ranges::find(forgotten, &mapping) != forgotten.end();
    // A first load that was interrupted has rows already, and the tombstones of some may be gone.
    const bool has_nothing = position.loading && position.watermark < 0;
    const bool missed = collected != claim_.collected.end() && position.watermark < collected->second && !has_nothing;
    // Under another id, or before it was removed, rows may have been refused, or doubted, which nobody remembers.
    const bool adopted = position.adopted || (added != claim_.added.end() && !has_nothing);
    if (ahead || missed || adopted)
      suspects.push_back({mapping.name, mapping.source_table, position.watermark,
                          ahead     ? queue::Doubt::ahead
                          : adopted ? queue::Doubt::adopted
                                    : queue::Doubt::missed});
  }
  is_doubted_ = is_doubted_ || !suspects.empty();
  const bool is_reached = added != claim_.added.end() && !target->partial && !target->parked;
  if (suspects.empty() && !is_reached) co_return;
  auto source = co_await services_.connect_to_source();
  const queue::DestinationName name{tenancy_, target->entry.id};
  const auto asked = suspects.empty() ? 0 : co_await queue::request_mends(*source, name, suspects, source_deadline());
  if (is_reached) co_await queue::note_reached(*source, name, added->second, source_deadline());
  if (asked > 0)
    telemetry::log(Level::warning, "sync", "a destination may have rows that the source lacks, and is compared with it",
                   {{"tenancy", tenancy_.to_string()}, {"destination", target->entry.id}, {"mappings", names_of(suspects)}});
  for (const auto& suspect : suspects) {
    if (suspect.doubt == queue::Doubt::ahead)
      services_.examined.add({tenancy_, target->entry.id, suspect.mapping}, claim_.last_jump, suspect.watermark);
  }
}

// Whether the tenancy is not where the claim has it: moved, or deleted and forgotten by others, so that nobody can tell who is there now. In the shared ClickHouse nothing else
// keeps rows, and deletions, from whoever has the place. Or the source has jumped, or collected tombstones that a reader from there on should have met: what is read after that must
// not move a watermark from below it, at which nobody has looked. The next claim does look.
bool TenancySync::has_lost_since_the_claim(const Want& want, const Lost& lost) const {
  if (lost.project != claim_.project || lost.branch != claim_.branch) return true;
  if (lost.last_jump != claim_.last_jump) return true;
  const auto known = claim_.collected.find(want.mapping->source_table);
  return want.after < lost.collected && (known == claim_.collected.end() || known->second < lost.collected);
}

/// Of those that stand below the last jump. A watermark tells what is there only if the last batch was read when every change had its id: else that showed more, which
/// the source may have forgotten though it knows the id. What was found out of one is remembered until its watermark has moved.
asio::awaitable<std::vector<const mapping::Mapping*>> TenancySync::forgotten_by_source(TargetPointer target) {
  std::vector<const mapping::Mapping*> below;
  if (claim_.last_jump < 0) co_return below;
  std::vector<std::int64_t> watermarks;
  std::vector<bool> complete;
  for (std::size_t i = 0; i < target->mappings.size(); ++i) {
    const auto watermark = target->positions[i].watermark;
    const Services::MappingKey key{tenancy_, target->entry.id, target->mappings[i]->name};
    if (watermark > claim_.last_jump || services_.examined.contains(key, claim_.last_jump, watermark)) continue;
    below.push_back(target->mappings[i]);
    watermarks.push_back(watermark);
    complete.push_back(target->positions[i].complete);
  }
  if (below.empty()) co_return below;
  const auto newest = co_await target->destination->newest(below, claim_.last_jump, apply_deadline());
  const auto* failure = std::get_if<Failure>(&newest);
  // An engine that an earlier version has set up does not let its rows be looked at: the watermarks have to do.
  const bool may_not_look = failure != nullptr && failure->sqlstate == "42501";
  if (failure != nullptr && !may_not_look) {
    co_await park(target, "", *failure);
    co_return std::vector<const mapping::Mapping*>{};
  }
  const auto rows = may_not_look ? watermarks : std::get<std::vector<std::int64_t>>(newest);
  std::vector<const mapping::Mapping*> forgotten;
  auto source = co_await services_.connect_to_source();
  for (std::size_t i = 0; i < below.size(); ++i) {
    const auto seen = std::max(watermarks[i], rows[i]);
    const bool is_told_by_it = complete[i] && rows[i] <= watermarks[i];
    if (seen >= 0 && (!is_told_by_it || !co_await is_remembered(*source, *below[i], seen)))
      forgotten.push_back(below[i]);
    else if (!may_not_look)
      services_.examined.add({tenancy_, target->entry.id, below[i]->name}, claim_.last_jump, watermarks[i]);
  }
  co_return forgotten;
}

asio::awaitable<bool> TenancySync::is_remembered(postgres::Connection& source, const mapping::Mapping& mapping,
                                                 std::int64_t seen) {
  postgres::Params params;
  params.add(tenancy_).add(seen);
  const auto answer = co_await source.execute(mapping::remembers_sql(mapping), std::move(params), source_deadline());
  co_return answer.get<bool>(0, 0);
}

// A tenancy that the source knows neither as living nor as deleted, though this database says that it is its, will never hand it over: it was made before the source
// lost its last commits, or a worker that had been stopped claimed the database after others had given it up. Whatever is in there counts as found there, and is compared.
asio::awaitable<bool> TenancySync::take_over(Target& target, const destination::Positions& positions) {
  if (!positions.owner) co_return false;
  {
    auto source = co_await services_.connect_to_source();
    if (co_await queue::may_know_tenancy(*source, *positions.owner, claim_.last_jump, source_deadline())) co_return false;
  }
  const auto outcome = co_await target.destination->disown(*positions.owner, apply_deadline());
  if (outcome.verdict != destination::Verdict::durable) co_return false;
  telemetry::log(
      Level::warning, "sync", "a destination belonged to a tenancy that the source does not know, and is taken over",
      {{"tenancy", tenancy_.to_string()}, {"destination", target.entry.id}, {"unknown", positions.owner->to_string()}});
  co_return true;
}

}  // namespace tributary::sync
