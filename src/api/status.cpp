#include "api/status.hpp"

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "api/backlog.hpp"
#include "destination/clickhouse/watermarks.hpp"
#include "destination/postgres/destination.hpp"
#include "mapping/sql.hpp"
#include "queue/health.hpp"

namespace tributary::api {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using http::optional;
using http::required;
using http::Schema;

constexpr char kCursorSeparator = '_';
constexpr std::size_t kMostAtOnce = 16;  ///< databases that one request asks
constexpr auto kToCount = 5s;            ///< what is left of a request's time for the source once they were asked

/// $1: the tenancy; NULL: all.
std::string table_sql(const std::string& table, const std::string& tenancy_column, bool of_one) {
  return fmt::format(R"sql(
SELECT count(*), count(*) FILTER (WHERE "shouldUpdateSequenceId"), count(*) FILTER (WHERE "sequenceId" IS NULL),
       min("sequenceId"), max("sequenceId")
FROM {}
WHERE {})sql",
                     mapping::quote_identifier(table),
                     of_one ? mapping::quote_identifier(tenancy_column) + " = $1" : "$1::uuid IS NULL");
}

constexpr std::string_view kTombstones = R"sql(
SELECT "tableName", count(*), count(*) FILTER (WHERE "shouldUpdateSequenceId"), count(*) FILTER (WHERE "sequenceId" IS NULL),
       min("sequenceId"), max("sequenceId")
FROM "DeletedRow"
WHERE $1 IS NULL OR "tenancyId" = $1
GROUP BY 1
ORDER BY 1)sql";

constexpr std::string_view kQueue = R"sql(
SELECT count(*),
       count(*) FILTER (WHERE "startedFulfillingAt" IS NULL),
       count(*) FILTER (WHERE "startedFulfillingAt" IS NOT NULL),
       count(*) FILTER (WHERE "startedFulfillingAt" IS NOT NULL AND "leaseUntil" < clock_timestamp()),
       (extract(epoch FROM min("createdAt") AT TIME ZONE 'UTC') * 1000)::bigint
FROM "OutgoingRequest"
WHERE $1 IS NULL OR "tenancyId" = $1)sql";

// $1: the tenancy; NULL: all. $2: the destination; empty: all. $3 and $4: that which the page begins behind; NULL: none.
constexpr std::string_view kDestinations = R"sql(
SELECT t.id, t."projectId", t."branchId", d.key, coalesce(d.value ->> 'connectionString', '')
FROM "Tenancy" AS t
JOIN "Project" AS p ON p.id = t."projectId"
CROSS JOIN tributary.installation AS i
CROSS JOIN LATERAL jsonb_each(tributary.destinations_in(p."configOverride", t."branchId")
                              || CASE WHEN i.clickhouse THEN jsonb '{"@clickhouse": {}}' ELSE '{}' END) AS d (key, value)
WHERE t."hasNoOrganization" = 'TRUE' AND ($1 IS NULL OR t.id = $1) AND ($2 = '' OR d.key = $2)
  AND (i.clickhouse OR p."configOverride" ? 'dbSync.externalDatabases')
  AND t.id >= coalesce($3, '00000000-0000-0000-0000-000000000000') AND ($3 IS NULL OR (t.id, d.key) > ($3, $4))
ORDER BY t.id, d.key
LIMIT $5)sql";

constexpr std::string_view kWatermarks = R"sql(
SELECT mapping_name, last_synced_sequence_id, (extract(epoch FROM updated_at) * 1000)::bigint
FROM public._stack_sync_metadata
WHERE tenancy_id = $1)sql";

struct Watermark {
  std::int64_t sequence_id = -1;
  std::optional<std::int64_t> updated_at_millis;
};

struct Destination {
  Uuid tenancy;
  std::string project;
  std::string branch;
  std::string id;
  std::string connection_string;
  std::string error;  ///< as remembered by the source, or why it cannot be asked now
  bool reached = false;  ///< it answered just now
  std::map<std::string, Watermark> watermarks;

  bool is_clickhouse() const { return id == queue::kSharedClickHouse; }
  Watermark watermark(const std::string& mapping) const {
    const auto found = watermarks.find(mapping);
    return found == watermarks.end() ? Watermark{} : found->second;
  }
  Position position(const std::string& mapping) const {
    return {.tenancy = tenancy, .watermark = reached ? std::optional(watermark(mapping).sequence_id) : std::nullopt};
  }
  queue::DestinationName name() const { return {.tenancy = tenancy, .destination = id}; }
};

json::value or_null(std::optional<std::int64_t> number) { return number ? json::value(*number) : json::value(); }

postgres::Params tenancy_params(const std::optional<directory::Tenancy>& tenancy) {
  postgres::Params params;
  params.add(tenancy ? std::optional(tenancy->id) : std::nullopt, postgres::oid::kUuid);
  return params;
}

/// What a row says of a table, from `column` on.
json::object counts_of(const postgres::Result& counts, std::size_t row, std::size_t column, std::string table) {
  return {{"table", std::move(table)},
          {"total", counts.get<std::int64_t>(row, column)},
          {"pending", counts.get<std::int64_t>(row, column + 1)},
          {"null", counts.get<std::int64_t>(row, column + 2)},
          {"min_sequence_id", or_null(counts.get<std::optional<std::int64_t>>(row, column + 3))},
          {"max_sequence_id", or_null(counts.get<std::optional<std::int64_t>>(row, column + 4))}};
}

asio::awaitable<json::array> read_tables(postgres::Connection& source, std::span<const mapping::Mapping> mappings,
                                         const std::optional<directory::Tenancy>& tenancy, Deadline deadline) {
  json::array tables;
  std::set<std::string> seen;
  for (const auto& mapping : mappings) {
    if (!seen.insert(mapping.source_table).second) continue;
    const auto sql = table_sql(mapping.source_table, mapping.tenancy_column, tenancy.has_value());
    const auto counts = co_await source.execute_prepared(sql, tenancy_params(tenancy), deadline);
    tables.push_back(counts_of(counts, 0, 0, mapping.source_table));
  }
  co_return tables;
}

asio::awaitable<json::array> read_tombstones(postgres::Connection& source, const std::optional<directory::Tenancy>& tenancy,
                                             Deadline deadline) {
  const auto counts = co_await source.execute_prepared(kTombstones, tenancy_params(tenancy), deadline);
  json::array tables;
  for (std::size_t row = 0; row < counts.rows(); ++row)
    tables.push_back(counts_of(counts, row, 1, counts.get<std::string>(row, 0)));
  co_return tables;
}

asio::awaitable<json::object> read_queue(postgres::Connection& source, const std::optional<directory::Tenancy>& tenancy,
                                         Deadline deadline) {
  const auto counts = co_await source.execute_prepared(kQueue, tenancy_params(tenancy), deadline);
  co_return json::object{{"total", counts.get<std::int64_t>(0, 0)},
                         {"pending", counts.get<std::int64_t>(0, 1)},
                         {"in_flight", counts.get<std::int64_t>(0, 2)},
                         {"stale", counts.get<std::int64_t>(0, 3)},
                         {"oldest_created_at_millis", or_null(counts.get<std::optional<std::int64_t>>(0, 4))}};
}

/// What is wrong with them as the source remembers it: of several troubles of one, the first.
asio::awaitable<void> read_errors(postgres::Connection& source, std::vector<Destination>& destinations, Audience audience,
                                  Deadline deadline) {
  std::vector<queue::DestinationName> names;
  for (const auto& destination : destinations) names.push_back(destination.name());
  for (const auto& trouble : co_await queue::read_troubles(source, names, deadline)) {
    const auto is_meant = [&](const auto& one) { return one.tenancy == trouble.tenancy && one.id == trouble.destination; };
    auto& error = std::ranges::find_if(destinations, is_meant)->error;
    if (trouble.error.empty() || !error.empty()) continue;
    const bool is_hidden = trouble.destination == queue::kSharedClickHouse && audience == Audience::project;
    error = is_hidden ? "The shared ClickHouse did not take the rows; its operator can see why." : trouble.error;
    if (trouble.quarantined > 0)
      error = fmt::format("{} rows of {} are refused: {}", trouble.quarantined, trouble.mapping, error);
  }
}

/// One more than the page has room for, where there is one.
asio::awaitable<std::vector<Destination>> read_destinations(postgres::Connection& source,
                                                            const std::optional<directory::Tenancy>& tenancy, std::string id,
                                                            DestinationPage page, Deadline deadline) {
  auto params = tenancy_params(tenancy);
  params.add(id).add(page.after ? std::optional(page.after->tenancy) : std::nullopt, postgres::oid::kUuid);
  params.add(page.after ? page.after->destination : "").add(std::int64_t{page.limit + 1});
  const auto rows = co_await source.execute_prepared(kDestinations, std::move(params), deadline);
  std::vector<Destination> destinations;
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    destinations.push_back({.tenancy = rows.get<Uuid>(row, 0),
                            .project = rows.get<std::string>(row, 1),
                            .branch = rows.get<std::string>(row, 2),
                            .id = rows.get<std::string>(row, 3),
                            .connection_string = rows.get<std::string>(row, 4),
                            .error = ""});
  }
  co_return destinations;
}

/// Asks it how far it is.
asio::awaitable<void> ask(Destination& destination, postgres::ConnectOptions options, Deadline deadline) {
  try {
    auto connection = co_await destination::postgres_target::open_session(options, deadline);
    postgres::Params params;
    params.add(destination.tenancy);
    destination.reached = true;
    const auto rows = co_await connection.execute(kWatermarks, std::move(params), deadline);
    for (std::size_t row = 0; row < rows.rows(); ++row) {
      destination.watermarks[rows.get<std::string>(row, 0)] = {
          .sequence_id = rows.get<std::int64_t>(row, 1), .updated_at_millis = rows.get<std::optional<std::int64_t>>(row, 2)};
    }
  } catch (const postgres::Error& error) {
    const bool has_nothing_yet = error.sqlstate() == "42P01";
    destination.reached &= has_nothing_yet;
    if (!has_nothing_yet && destination.error.empty()) destination.error = error.what();
  }
}

/// The shared ClickHouse, of all its tenancies at once. What it says of a failure may be about others' rows.
asio::awaitable<void> ask_clickhouse(std::vector<Destination>& destinations, const Context& context, Audience audience,
                                     Deadline deadline) {
  std::vector<Uuid> tenancies;
  for (const auto& destination : destinations) {
    if (destination.is_clickhouse()) tenancies.push_back(destination.tenancy);
  }
  if (tenancies.empty()) co_return;
  std::optional<destination::clickhouse_target::StoredPositions> positions;
  std::string error = "The shared ClickHouse cannot be reached from this process.";
  try {
    if (const auto clickhouse = co_await context.clickhouse())
      positions = co_await destination::clickhouse_target::stored_positions(
          *clickhouse->administrator, tenancies, deadline.capped(context.destinations.connect_timeout));
  } catch (const clickhouse::Error& failure) {
    error = audience == Audience::operator_ ? failure.what() : "The shared ClickHouse does not answer.";
  }
  for (auto& destination : destinations) {
    if (!destination.is_clickhouse()) continue;
    destination.connection_string = "the shared ClickHouse";
    destination.reached = positions.has_value();
    if (!destination.reached && destination.error.empty()) destination.error = error;
    if (!destination.reached) continue;
    for (const auto& [mapping, position] : (*positions)[destination.tenancy])
      destination.watermarks[mapping] = {.sequence_id = position.watermark, .updated_at_millis = std::nullopt};
  }
}

/// How it is connected to; nullopt where that cannot be told.
std::optional<postgres::ConnectOptions> options_of(Destination& destination, const Context& context) {
  try {
    auto options = destination::postgres_target::connect_options(context.secrets.open(destination.connection_string),
                                                                 destination.tenancy, context.destinations);
    destination.connection_string = options.redacted();
    return options;
  } catch (const std::runtime_error& error) {
    destination.error = error.what();
    destination.connection_string.clear();
    return std::nullopt;
  }
}

/// Whoever else does the same takes the next one.
asio::awaitable<void> ask_one_by_one(std::vector<Destination>::iterator& next, std::vector<Destination>::iterator end,
                                     const Context& context, Deadline deadline) {
  while (next != end) {
    auto& destination = *next++;
    if (destination.is_clickhouse()) continue;
    const auto options = options_of(destination, context);
    if (!options) continue;
    if (!deadline.expired())
      co_await ask(destination, *options, deadline.capped(context.destinations.connect_timeout));
    else if (destination.error.empty())
      destination.error = "It was not asked: others that do not answer took all the time. Ask for fewer (limit).";
  }
}

/// The customers' databases, some at once; cancelled, it asks no more of them.
asio::awaitable<void> ask_databases(std::vector<Destination>& destinations, const Context& context, Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  auto next = destinations.begin();
  const auto start = [&] {
    return asio::co_spawn(executor, ask_one_by_one(next, destinations.end(), context, deadline), asio::deferred);
  };
  std::vector<decltype(start())> started;
  for (std::size_t i = 0; i < std::min(kMostAtOnce, destinations.size()); ++i) started.push_back(start());
  if (started.empty()) co_return;
  const auto [order, failures] = co_await asio::experimental::make_parallel_group(std::move(started))
                                     .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

using Backlogs = std::map<Position, Backlog>;

/// `backlogs`: of each mapping.
json::object describe(const Destination& destination, std::span<const mapping::Mapping> mappings,
                      const std::vector<Backlogs>& backlogs) {
  json::array progress;
  for (std::size_t i = 0; i < mappings.size(); ++i) {
    const auto watermark = destination.watermark(mappings[i].name);
    const auto& backlog = backlogs[i].at(destination.position(mappings[i].name));
    progress.push_back(json::object{{"mapping", mappings[i].name},
                                    {"source_max_sequence_id", or_null(backlog.max_sequence_id)},
                                    {"watermark", destination.reached ? json::value(watermark.sequence_id) : json::value()},
                                    {"backlog", or_null(backlog.changes)},
                                    {"updated_at_millis", or_null(watermark.updated_at_millis)}});
  }
  json::object object{{"project_id", destination.project},
                      {"branch_id", destination.branch},
                      {"id", destination.id},
                      {"connection", destination.connection_string},
                      {"status", destination.error.empty() ? "ok" : "error"},
                      {"reached", destination.reached},
                      {"mappings", std::move(progress)}};
  object["error"] = destination.error.empty() ? json::value() : json::value(destination.error);
  return object;
}

/// Asks each, and says how far it is.
asio::awaitable<json::array> describe_all(Context& context, std::vector<Destination> destinations, Audience audience,
                                          Deadline deadline) {
  {
    auto source = co_await context.connect(deadline);
    co_await read_errors(*source, destinations, audience, deadline);
  }
  const auto to_ask = deadline.is_never() ? deadline : Deadline::at(deadline.when() - kToCount);
  co_await ask_clickhouse(destinations, context, audience, to_ask);
  co_await ask_databases(destinations, context, to_ask);
  std::vector<Backlogs> backlogs;
  {
    auto source = co_await context.connect(deadline);
    for (const auto& mapping : context.mappings) {
      std::set<Position> positions;
      for (const auto& destination : destinations) positions.insert(destination.position(mapping.name));
      backlogs.push_back(co_await read_backlogs(*source, mapping, std::move(positions), deadline));
    }
  }
  json::array described;
  for (const auto& destination : destinations) described.push_back(describe(destination, context.mappings, backlogs));
  co_return described;
}

/// Cuts off what the page has no room for, and gives the cursor of the next one.
json::value cut(std::vector<Destination>& destinations, const DestinationPage& page) {
  const auto limit = static_cast<std::size_t>(page.limit);
  if (destinations.size() <= limit) return nullptr;
  destinations.resize(limit);
  return json::value(destinations.back().tenancy.to_string() + kCursorSeparator + destinations.back().id);
}

}  // namespace

std::optional<DestinationPage> DestinationPage::behind(std::string_view cursor, std::int64_t limit) {
  const auto end = std::min(cursor.find(kCursorSeparator), cursor.size());
  const auto tenancy = Uuid::parse(cursor.substr(0, end));
  if (!tenancy || end == cursor.size()) return std::nullopt;
  return DestinationPage{.after = queue::DestinationName{.tenancy = *tenancy, .destination = std::string(cursor.substr(end + 1))},
                         .limit = limit};
}

asio::awaitable<json::object> read_status(Context& context, std::optional<directory::Tenancy> tenancy, Audience audience,
                                          Deadline deadline, DestinationPage page) {
  std::optional<Quota::Place> place;  // operators are trusted
  if (audience == Audience::project) place.emplace(context.place_for_status(tenancy->project));
  json::object status;
  std::vector<Destination> destinations;
  {
    auto source = co_await context.connect(deadline);
    status["tables"] = co_await read_tables(*source, context.mappings, tenancy, deadline);
    status["tombstones"] = co_await read_tombstones(*source, tenancy, deadline);
    status["queue"] = co_await read_queue(*source, tenancy, deadline);
    destinations = co_await read_destinations(*source, tenancy, "", page, deadline);
  }
  status["pagination"] = {{"next_cursor", cut(destinations, page)}};
  status["destinations"] = co_await describe_all(context, std::move(destinations), audience, deadline);
  co_return status;
}

asio::awaitable<json::array> read_progress(Context& context, std::optional<directory::Tenancy> tenancy, std::string id,
                                           Audience audience, Deadline deadline) {
  std::vector<Destination> destinations;
  {
    auto source = co_await context.connect(deadline);
    destinations = co_await read_destinations(*source, tenancy, std::move(id), {}, deadline);
  }
  cut(destinations, {});
  co_return co_await describe_all(context, std::move(destinations), audience, deadline);
}

Schema status_schema() {
  const auto text = Schema::string();
  const auto number = Schema::integer();
  const auto maybe = number.or_null();
  const auto table =
      Schema::object({required("table", text), required("total", number), required("pending", number), required("null", number),
                      required("min_sequence_id", maybe), required("max_sequence_id", maybe)});
  const auto queue = Schema::object({required("total", number), required("pending", number), required("in_flight", number),
                                     required("stale", number), required("oldest_created_at_millis", maybe)});
  const auto progress =
      Schema::object({required("mapping", text), required("source_max_sequence_id", maybe), required("watermark", maybe),
                      required("backlog", maybe), required("updated_at_millis", maybe)});
  const auto destination = Schema::object({required("project_id", text), required("branch_id", text), required("id", text),
                                           required("connection", text), required("status", Schema::one_of({"ok", "error"})),
                                           required("reached", Schema::boolean()), required("error", text.or_null()),
                                           required("mappings", Schema::array(progress))});
  return Schema::object("SyncStatus", {required("tables", Schema::array(table)), required("tombstones", Schema::array(table)),
                                       required("queue", queue), required("destinations", Schema::array(destination)),
                                       required("pagination", Schema::object({required("next_cursor", text.or_null())}))});
}

}  // namespace tributary::api
