#include "dashboard/overview.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "sequencer/flagged.hpp"

namespace tributary::dashboard {
namespace {

namespace json = boost::json;

using namespace std::chrono_literals;

constexpr std::int64_t kMostWorst = 10;
constexpr auto kSequenceWindow = 5s;
constexpr auto kShortestLook = 500ms;
constexpr double kJump = 10'000'000;  ///< ids a second that nobody gives: the sequence was set forward

constexpr std::string_view kCountTenancies = R"sql(
SELECT count(*) FROM "Tenancy" WHERE "hasNoOrganization" = 'TRUE' AND ($1 IS NULL OR id = ANY ($1)))sql";
constexpr std::string_view kTenanciesOf = R"sql(
SELECT id FROM "Tenancy" WHERE "projectId" = $1 AND "hasNoOrganization" = 'TRUE')sql";
constexpr std::string_view kLastId = R"sql(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.global_seq_id)sql";

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

asio::awaitable<json::object> SequenceWatch::read(postgres::Connection& source, Deadline deadline) {
  const auto result = co_await source.execute_prepared(kLastId, {}, deadline);
  const Reading now{.at = std::chrono::steady_clock::now(), .id = result.get<std::int64_t>(0, 0)};
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
                                            postgres::Connection& source, Scope scope, Totals totals, Deadline deadline) {
  const bool all = !scope;
  const auto& mappings = context.api.mappings;
  co_await count_troubled(source, scope, totals.entries, deadline);
  const auto counted_at = totals.counted_at.time_since_epoch().count();
  json::object overview{{"at_millis", now().time_since_epoch().count()},
                        {"scope", all ? "installation" : "project"},
                        {"tenancies", {{"total", totals.tenancies}, {"counted_at_millis", counted_at}}},
                        {"destinations",
                         {{"postgres", to_json(totals.entries.postgres, counted_at)},
                          {"clickhouse", to_json(totals.entries.clickhouse, counted_at)}}}};
  overview["backlog"] = backlog(mappings, co_await sequencer::count_flagged(source, mappings, scope, deadline));
  overview["queue"] = to_json(all ? co_await queue::counts(source, deadline) : co_await queue::counts(source, *scope, deadline));
  json::array worst;
  for (const auto& entry : co_await list_worst(source, scope, kMostWorst, deadline))
    worst.push_back(to_json(entry, context.api.secrets, all));
  overview["worst"] = std::move(worst);
  overview["fusebox"] = all ? json::value(to_json(co_await queue::read_fusebox(source, deadline))) : json::value();
  overview["sequencer"] = all ? json::value(co_await sequence.read(source, deadline)) : json::value();
  const bool has_rates = all && context.applies_here;
  overview["throughput"] = has_rates ? rates.throughput() : json::value();
  overview["lag"] = has_rates ? json::value(rates.lag()) : json::value();
  overview["lag_since_start"] = has_rates ? json::value(rates.lag_since_start()) : json::value();
  co_return overview;
}

}  // namespace tributary::dashboard
