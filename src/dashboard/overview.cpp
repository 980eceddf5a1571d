#include "dashboard/overview.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "sequencer/flagged.hpp"
#include "source/presence.hpp"

namespace tributary::dashboard {
namespace {

namespace json = boost::json;

using namespace std::chrono_literals;

constexpr std::int64_t kMostWorst = 10;
constexpr std::int64_t kMostBehind = 5;
constexpr auto kSequenceWindow = 5s;
constexpr auto kShortestLook = 500ms;
constexpr double kJump = 10'000'000;  ///< ids a second that nobody gives: the sequence was set forward

constexpr std::string_view kCountTenancies = R"sql(
SELECT count(*) FROM "Tenancy" WHERE "hasNoOrganization" = 'TRUE' AND ($1 IS NULL OR id = ANY ($1)))sql";
constexpr std::string_view kTenanciesOf = R"sql(
SELECT id FROM "Tenancy" WHERE "projectId" = $1 AND "hasNoOrganization" = 'TRUE')sql";

std::chrono::sys_time<std::chrono::milliseconds> now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

json::object to_json(const StateCounts& counts, std::int64_t counted_at_millis) {
  const auto rest = counts.total - counts.failing - counts.quarantine - counts.paused;
  return {{"total", counts.total},     {"ok", std::max<std::int64_t>(0, rest)},
          {"failing", counts.failing}, {"quarantine", counts.quarantine},
          {"paused", counts.paused},   {"counted_at_millis", counted_at_millis}};
}

json::object flagged_entry(json::value mapping, const sequencer::Flagged& flagged) {
  return {{"mapping", std::move(mapping)},
          {"table", flagged.table},
          {"flagged", flagged.count},
          {"is_capped", flagged.count >= sequencer::Flagged::kMost}};
}

json::object to_json(const source::Presence& processes) { return {{"sequencer", processes.sequencer}, {"sync", processes.sync}}; }

/// Of each mapping, and of the tombstones.
json::array backlog(std::span<const mapping::Mapping> mappings, const std::vector<sequencer::Flagged>& flagged) {
  json::array entries;
  for (const auto& mapping : mappings) {
    const auto found = std::ranges::find(flagged, mapping.source_table, &sequencer::Flagged::table);
    if (found != flagged.end()) entries.push_back(flagged_entry(json::value(mapping.name), *found));
  }
  entries.push_back(flagged_entry(nullptr, flagged.back()));
  return entries;
}

}  // namespace

asio::awaitable<Totals> count_all(postgres::Connection& source, Scope scope, Deadline deadline) {
  Totals totals;
  postgres::Params params;
  add_scope(params, scope);
  const auto result = co_await source.execute(kCountTenancies, std::move(params), deadline);
  totals.tenancies = result.get<std::int64_t>(0, 0);
  co_await count_totals(source, std::move(scope), totals.entries, deadline);
  totals.counted_at = now();
  co_return totals;
}

asio::awaitable<std::vector<Uuid>> tenancies_of(postgres::Connection& source, std::string project, Deadline deadline) {
  postgres::Params params;
  params.add(project);
  const auto result = co_await source.execute_prepared(kTenanciesOf, std::move(params), deadline);
  std::vector<Uuid> tenancies;
  for (std::size_t row = 0; row < result.rows(); ++row) tenancies.push_back(result.get<Uuid>(row, 0));
  co_return tenancies;
}

json::object to_json(const queue::Fusebox& fusebox) {
  return {{"sequencer_enabled", fusebox.sequencer}, {"poller_enabled", fusebox.poller}};
}

json::object to_json(const queue::Counts& counts) {
  return {{"pending", counts.pending}, {"in_flight", counts.in_flight - counts.stale},
          {"stale", counts.stale},     {"oldest_ms", counts.oldest ? json::value(counts.oldest->count()) : json::value()},
          {"parked", counts.parked},   {"quarantined", counts.quarantined},
          {"mending", counts.mending}};
}

json::object to_json(const queue::Behind& behind) {
  return {{"tenancy_id", behind.tenancy.to_string()},
          {"project_id", behind.project},
          {"branch_id", behind.branch},
          {"kind", behind.kind},
          {"destination_id", behind.destination.empty() ? json::value() : json::value(behind.destination)},
          {"state", queue::to_string(behind.state)},
          {"for_ms", behind.age.count()}};
}

std::optional<std::chrono::milliseconds> SequenceWatch::standstill(const std::optional<std::string>& project, bool waits) {
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(still_, [&](const auto& entry) { return now - entry.second.seen > kSequenceWindow; });
  if (!waits) {
    still_.erase(project);
    return std::nullopt;
  }
  auto& still = still_.try_emplace(project, Still{.since = now, .seen = now, .id = last_id_}).first->second;
  if (still.id != last_id_) still = {.since = now, .seen = now, .id = last_id_};
  still.seen = now;
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - still.since);
}

asio::awaitable<json::object> SequenceWatch::read(postgres::Connection& source, Deadline deadline) {
  const auto id = co_await sequencer::last_id(source, deadline);
  const Reading now{.at = std::chrono::steady_clock::now(), .id = id};
  last_id_ = id;
  std::erase_if(readings_, [&](const Reading& reading) { return now.at - reading.at > kSequenceWindow; });
  json::value rate;
  if (!readings_.empty() && now.at - readings_.front().at >= kShortestLook) {
    const auto seconds = std::chrono::duration<double>(now.at - readings_.front().at).count();
    const auto grown = static_cast<double>(now.id - readings_.front().id) / seconds;
    if (grown >= 0 && grown < kJump) rate = grown;
  }
  if (readings_.empty() || now.at - readings_.back().at >= kShortestLook) readings_.push_back(now);
  co_return json::object{{"last_sequence_id", now.id}, {"ids_per_second", std::move(rate)}};
}

asio::awaitable<json::object> read_overview(const Context& context, const Rates& rates, SequenceWatch& sequence,
                                            postgres::Connection& source, std::optional<std::string> project, Scope scope,
                                            Totals totals, Deadline deadline) {
  const bool all = !project;
  const auto& mappings = context.api.mappings;
  co_await count_troubled(source, scope, totals.entries, deadline);
  const auto counted_at = totals.counted_at.time_since_epoch().count();
  json::object overview{{"at_millis", now().time_since_epoch().count()},
                        {"scope", all ? "installation" : "project"},
                        {"tenancies", {{"total", totals.tenancies}, {"counted_at_millis", counted_at}}},
                        {"destinations",
                         {{"postgres", to_json(totals.entries.postgres, counted_at)},
                          {"clickhouse", to_json(totals.entries.clickhouse, counted_at)}}}};
  const auto flagged = co_await sequencer::count_flagged(source, mappings, scope, deadline);
  const bool waits = std::ranges::any_of(flagged, [](const auto& of) { return of.count > 0; });
  overview["backlog"] = backlog(mappings, flagged);
  auto sequence_now = co_await sequence.read(source, deadline);
  const auto standstill = sequence.standstill(project, waits);
  overview["standstill_ms"] = standstill ? json::value(standstill->count()) : json::value();
  json::array behind;
  for (const auto& one : co_await queue::read_behind(source, scope, kMostBehind, deadline)) behind.push_back(to_json(one));
  overview["behind"] = std::move(behind);
  overview["queue"] = to_json(all ? co_await queue::counts(source, deadline) : co_await queue::counts(source, *scope, deadline));
  json::array worst;
  for (const auto& entry : co_await list_worst(source, scope, kMostWorst, deadline))
    worst.push_back(to_json(entry, context.api.secrets, all));
  overview["worst"] = std::move(worst);
  overview["fusebox"] = all ? json::value(to_json(co_await queue::read_fusebox(source, deadline))) : json::value();
  overview["processes"] = all ? json::value(to_json(co_await source::read_presence(source, deadline))) : json::value();
  overview["sequencer"] = all ? json::value(std::move(sequence_now)) : json::value();
  const bool has_rates = all && context.applies_here;
  overview["throughput"] = has_rates ? rates.throughput() : json::value();
  overview["lag"] = has_rates ? json::value(rates.lag()) : json::value();
  overview["lag_since_start"] = has_rates ? json::value(rates.lag_since_start()) : json::value();
  co_return overview;
}

}  // namespace tributary::dashboard
