#include "dashboard/entries.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

namespace tributary::dashboard {

std::string troubled_sql(std::string_view condition) {
  return fmt::format(R"sql(
    SELECT tenancy_id, destination_id,
           CASE WHEN bool_or(paused AND mapping = '') THEN 'paused' WHEN bool_or(failing) THEN 'failing'
                WHEN bool_or(paused) THEN 'paused' ELSE 'quarantine' END AS state,
           coalesce(min(since) FILTER (WHERE failing), min(since)) AS since
    FROM (
      SELECT tenancy_id, destination_id, mapping, paused, NOT paused AS failing, failed_since AS since
      FROM tributary.destination_state
      WHERE (error <> '' OR paused) AND ({0})
      UNION ALL
      SELECT tenancy_id, destination_id, NULL, false, false, min(since)
      FROM tributary.quarantine
      WHERE {0}
      GROUP BY 1, 2
    ) AS trouble
    GROUP BY 1, 2)sql",
                     condition);
}

namespace {

namespace json = boost::json;

// Of x (tenancy_id, project, branch, destination_id, connection, deleted, and for kInTrouble state, since). $1: the scope, $2: deleted ones are meant, too.
constexpr std::string_view kLive = R"sql(
  SELECT t.id AS tenancy_id, t."projectId" AS project, t."branchId" AS branch, d.key AS destination_id,
         coalesce(d.value ->> 'connectionString', '') AS connection, false AS deleted
  FROM "Tenancy" AS t
  CROSS JOIN tributary.installation AS i
  CROSS JOIN LATERAL jsonb_each(tributary.destinations(t."projectId", t."branchId")
                                || CASE WHEN i.clickhouse THEN jsonb '{"@clickhouse": {}}' ELSE '{}' END) AS d
  WHERE t."hasNoOrganization" = 'TRUE' AND ($1 IS NULL OR t.id = ANY ($1)))sql";

constexpr std::string_view kDeleted = R"sql(
  SELECT g."tenancyId" AS tenancy_id, g."projectId" AS project, g."branchId" AS branch, d.key AS destination_id,
         coalesce(d.value ->> 'connectionString', '') AS connection, true AS deleted
  FROM tributary.deleted_tenancy AS g
  CROSS JOIN LATERAL jsonb_each(g.destinations) AS d
  WHERE $2 AND ($1 IS NULL OR g."tenancyId" = ANY ($1)))sql";

const std::string kInTrouble = R"sql(
  SELECT p.tenancy_id, e.project, e.branch, p.destination_id, coalesce(e.entry ->> 'connectionString', '') AS connection, e.deleted,
         p.state, p.since
  FROM ()sql" + troubled_sql("$1 IS NULL OR tenancy_id = ANY ($1)") +
                               R"sql() AS p
  CROSS JOIN LATERAL (
    SELECT t."projectId" AS project, t."branchId" AS branch, false AS deleted,
           CASE WHEN p.destination_id <> '@clickhouse' THEN tributary.destinations(t."projectId", t."branchId") -> p.destination_id
                WHEN i.clickhouse THEN '{}' END AS entry
    FROM "Tenancy" AS t
    CROSS JOIN tributary.installation AS i
    WHERE t.id = p.tenancy_id AND t."hasNoOrganization" = 'TRUE'
    UNION ALL
    SELECT g."projectId", g."branchId", true, g.destinations -> p.destination_id
    FROM tributary.deleted_tenancy AS g
    WHERE g."tenancyId" = p.tenancy_id AND $2
  ) AS e
  WHERE e.entry IS NOT NULL)sql";

/// The same with state and since, looked up one by one: in order of an index, as many as are wanted.
std::string with_state(std::string_view source) {
  return fmt::format("SELECT x.*, coalesce(s.state, 'ok') AS state, s.since FROM ({}) AS x LEFT JOIN LATERAL ({}) AS s ON true",
                     source, troubled_sql("tenancy_id = x.tenancy_id AND destination_id = x.destination_id"));
}

constexpr std::string_view kOrder = "x.project, x.branch, x.destination_id, x.tenancy_id";

/// What a page of a list takes of a source. The project alone is compared, too, as there is an index on that.
constexpr std::string_view kChosen = R"sql((
SELECT x.*
FROM ({}) AS x
WHERE ($3 = '' OR x.destination_id = $3)
  AND CASE $4 WHEN '' THEN true WHEN 'trouble' THEN x.state <> 'ok' ELSE x.state = $4 END
  AND ($5 = '' OR ($5 = 'clickhouse') = (x.destination_id = '@clickhouse'))
  AND ($6 = '' OR strpos(lower(x.project), lower($6)) > 0 OR strpos(lower(x.destination_id), lower($6)) > 0)
  AND ($7 IS NULL OR (x.project >= $7 AND ({}) > ($7, $8, $9, $10)))
ORDER BY {}
LIMIT $11))sql";

constexpr std::string_view kShown = R"sql(
SELECT x.tenancy_id, x.project, x.branch, x.destination_id, x.connection, x.deleted, x.state,
       (SELECT count(*) FROM tributary.mend AS m
        WHERE m.tenancy_id = x.tenancy_id AND m.destination_id = x.destination_id AND m.finished_at IS NULL)
FROM ({}) AS x
ORDER BY {}
LIMIT $11)sql";

std::string chosen(std::string_view source, std::string_view order) { return fmt::format(kChosen, source, kOrder, order); }

const std::string kListAll =
    fmt::format(kShown, chosen(with_state(kLive), kOrder) + "\nUNION ALL\n" + chosen(with_state(kDeleted), kOrder), kOrder);
const std::string kListTroubled = fmt::format(kShown, chosen(kInTrouble, kOrder), kOrder);
constexpr std::string_view kWorstFirst = "x.state <> 'failing', x.since";
const std::string kListWorst = fmt::format(kShown, chosen(kInTrouble, kWorstFirst), kWorstFirst);

const std::string kCountTroubled =
    fmt::format("SELECT x.destination_id = '@clickhouse', x.state, count(*) FROM ({}) AS x GROUP BY 1, 2", kInTrouble);

const std::string kCountTotals = fmt::format(R"sql(
SELECT count(*) FILTER (WHERE x.destination_id <> '@clickhouse'), count(*) FILTER (WHERE x.destination_id = '@clickhouse')
FROM ({}
  UNION ALL{}) AS x)sql",
                                             kLive, kDeleted);

postgres::Params params_of(const EntryFilter& filter) {
  const auto& after = filter.after;
  postgres::Params params;
  add_scope(params, filter.scope);
  params.add(filter.with_deleted).add(filter.destination).add(filter.state).add(filter.kind).add(filter.search);
  params.add(after ? std::optional(after->project) : std::nullopt, postgres::oid::kText);
  params.add(after ? std::optional(after->branch) : std::nullopt, postgres::oid::kText);
  params.add(after ? std::optional(after->destination) : std::nullopt, postgres::oid::kText);
  params.add(after ? std::optional(after->tenancy) : std::nullopt, postgres::oid::kUuid);
  params.add(filter.limit);
  return params;
}

asio::awaitable<std::vector<Entry>> read_entries(postgres::Connection& source, std::string_view sql, const EntryFilter& filter,
                                                 Deadline deadline) {
  const auto result = co_await source.execute(sql, params_of(filter), deadline);
  std::vector<Entry> entries;
  std::vector<queue::DestinationName> names;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    entries.push_back({.tenancy = result.get<Uuid>(row, 0),
                       .project = result.get<std::string>(row, 1),
                       .branch = result.get<std::string>(row, 2),
                       .destination = result.get<std::string>(row, 3),
                       .connection_string = result.get<std::string>(row, 4),
                       .deleted = result.get<bool>(row, 5),
                       .state = result.get<std::string>(row, 6),
                       .mending = result.get<std::int64_t>(row, 7),
                       .troubles = {}});
    if (entries.back().state != "ok") names.push_back(entries.back().name());
  }
  if (names.empty()) co_return entries;
  std::map<std::pair<Uuid, std::string>, std::vector<queue::Trouble>> troubles;
  for (auto& trouble : co_await queue::read_troubles(source, names, deadline))
    troubles[{trouble.tenancy, trouble.destination}].push_back(std::move(trouble));
  for (auto& entry : entries) {
    const auto found = troubles.find({entry.tenancy, entry.destination});
    if (found != troubles.end()) entry.troubles = found->second;
  }
  co_return entries;
}

std::int64_t millis(postgres::Timestamp time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

json::value text_or_null(const std::string& text) { return text.empty() ? json::value() : json::value(text); }

/// What is told of several: an error of the whole destination before those of its mappings, what is paused last.
const queue::Trouble* first_of(const std::vector<queue::Trouble>& troubles) {
  const auto first = std::ranges::min_element(troubles, {}, [](const queue::Trouble& trouble) {
    return std::tuple(trouble.error.empty(), trouble.paused, trouble.quarantined > 0, trouble.mapping);
  });
  return first == troubles.end() ? nullptr : &*first;
}

}  // namespace

void add_scope(postgres::Params& params, const Scope& scope) {
  if (scope)
    params.add_array(std::span<const Uuid>(*scope));
  else
    params.add_null(postgres::oid::kUuidArray);
}

asio::awaitable<std::vector<Entry>> list_entries(postgres::Connection& source, EntryFilter filter, Deadline deadline) {
  const bool any_state = filter.state.empty() || filter.state == "ok";
  co_return co_await read_entries(source, any_state ? kListAll : kListTroubled, filter, deadline);
}

asio::awaitable<std::vector<Entry>> list_worst(postgres::Connection& source, Scope scope, std::int64_t limit, Deadline deadline) {
  const bool with_deleted = !scope;
  const EntryFilter filter{
      .scope = std::move(scope), .with_deleted = with_deleted, .state = "trouble", .after = {}, .limit = limit};
  co_return co_await read_entries(source, kListWorst, filter, deadline);
}

asio::awaitable<void> count_troubled(postgres::Connection& source, Scope scope, EntryCounts& counts, Deadline deadline) {
  postgres::Params params;
  add_scope(params, scope);
  params.add(!scope);
  const auto result = co_await source.execute(kCountTroubled, std::move(params), deadline);
  for (auto* kind : {&counts.postgres, &counts.clickhouse}) *kind = {.total = kind->total};
  for (std::size_t row = 0; row < result.rows(); ++row) {
    auto& kind = result.get<bool>(row, 0) ? counts.clickhouse : counts.postgres;
    const auto state = result.get<std::string>(row, 1);
    (state == "failing" ? kind.failing : state == "paused" ? kind.paused : kind.quarantine) = result.get<std::int64_t>(row, 2);
  }
}

asio::awaitable<void> count_totals(postgres::Connection& source, Scope scope, EntryCounts& counts, Deadline deadline) {
  postgres::Params params;
  add_scope(params, scope);
  params.add(!scope);
  const auto result = co_await source.execute(kCountTotals, std::move(params), deadline);
  counts.postgres.total = result.get<std::int64_t>(0, 0);
  counts.clickhouse.total = result.get<std::int64_t>(0, 1);
}

json::object to_json(const queue::Trouble& trouble, bool to_operator) {
  const bool is_hidden = trouble.destination == queue::kSharedClickHouse && !to_operator && !trouble.error.empty();
  const bool is_tried = trouble.retry_in && !trouble.paused;
  return {{"mapping", text_or_null(trouble.mapping)},
          {"error", is_hidden ? json::value("The shared ClickHouse did not take the rows; its operator can see why.")
                              : text_or_null(trouble.error)},
          {"sqlstate", is_hidden ? json::value() : text_or_null(trouble.sqlstate)},
          {"attempts", trouble.attempts},
          {"is_paused", trouble.paused},
          {"quarantined", trouble.quarantined},
          {"since_at_millis", trouble.since ? json::value(millis(*trouble.since)) : json::value()},
          {"retry_in_ms", is_tried ? json::value(std::max<std::int64_t>(0, trouble.retry_in->count())) : json::value()}};
}

json::object to_json(const Entry& entry, const Secrets& secrets, bool to_operator) {
  std::string connection = entry.connection_string;
  try {
    connection = secrets.open(connection);
  } catch (const SecretError&) {
    // shown as what it is
  }
  json::object object{{"tenancy_id", entry.tenancy.to_string()},
                      {"project_id", entry.project},
                      {"branch_id", entry.branch},
                      {"destination_id", entry.destination},
                      {"kind", entry.is_clickhouse() ? "clickhouse" : "postgres"},
                      {"is_deleted", entry.deleted},
                      {"connection", entry.is_clickhouse() ? json::value() : json::value(postgres::redacted(connection))},
                      {"state", entry.state},
                      {"mending", entry.mending}};
  const auto* first = first_of(entry.troubles);
  const auto told = to_json(first == nullptr ? queue::Trouble{} : *first, to_operator);
  for (const auto* name : {"error", "sqlstate", "mapping", "attempts", "since_at_millis", "retry_in_ms"})
    object[name] = told.at(name);
  bool is_paused = false;
  json::array paused;
  std::int64_t quarantined = 0;
  std::int64_t errors = 0;
  for (const auto& trouble : entry.troubles) {
    quarantined += trouble.quarantined;
    errors += trouble.error.empty() ? 0 : 1;
    if (!trouble.paused) continue;
    is_paused |= trouble.mapping.empty();
    if (!trouble.mapping.empty()) paused.emplace_back(trouble.mapping);
  }
  object["other_errors"] = std::max<std::int64_t>(0, errors - 1);
  object["is_paused"] = is_paused;
  object["paused_mappings"] = std::move(paused);
  object["quarantined"] = quarantined;
  return object;
}

}  // namespace tributary::dashboard
