#include <boost/json.hpp>

#include "api/shapes.hpp"
#include "api/status.hpp"
#include "dashboard/errors.hpp"
#include "dashboard/parts.hpp"
#include "dashboard/progress.hpp"
#include "queue/mend.hpp"
#include "telemetry/log.hpp"

/// Destinations, and what can be done with one.
namespace tributary::dashboard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using http::Access;
using http::Method;
using http::optional;
using http::Request;
using http::required;
using http::Response;
using http::Schema;

constexpr std::int64_t kMostQuarantined = 100;

constexpr std::string_view kQuarantine = R"sql(
SELECT mapping, key::text, error, sqlstate, attempts,
       (extract(epoch FROM since) * 1000)::bigint,
       greatest(0, extract(epoch FROM next_try_at - clock_timestamp()) * 1000)::bigint
FROM tributary.quarantine
WHERE tenancy_id = $1 AND destination_id = $2
ORDER BY next_try_at
LIMIT $3)sql";

std::vector<http::Field> path_fields() {
  return {required("tenancy_id", Schema::uuid()), required("destination_id", Schema::string(1, 1'000))};
}

std::optional<EntryCursor> parse_cursor(const std::string& text) {
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  // PostgreSQL takes no NUL.
  const auto is_text = [](const json::value& part) {
    return part.is_string() && part.get_string().find('\0') == json::string::npos;
  };
  if (error || !value.is_array() || value.get_array().size() != 4 || !std::ranges::all_of(value.get_array(), is_text))
    return std::nullopt;
  const auto part = [&](std::size_t i) { return std::string(value.get_array()[i].get_string()); };
  const auto tenancy = Uuid::parse(part(3));
  if (!tenancy) return std::nullopt;
  return EntryCursor{.project = part(0), .branch = part(1), .destination = part(2), .tenancy = *tenancy};
}

std::string to_text(const Entry& entry) {
  return json::serialize(json::array{entry.project, entry.branch, entry.destination, entry.tenancy.to_string()});
}

asio::awaitable<Response> list(Dashboard::Parts& parts, const Request& request) {
  const auto given = [&](std::string_view name) { return api::text_field(request.query, name).value_or(""); };
  EntryFilter filter{.state = given("state"), .kind = given("kind"), .search = given("search"), .after = {}};
  if (const auto after = given("after"); !after.empty()) {
    filter.after = parse_cursor(after);
    if (!filter.after) throw http::Error(http::kSchemaError, "after must be what the list before said.");
  }
  if (const auto* limit = request.query.if_contains("limit")) filter.limit = limit->to_number<std::int64_t>();
  auto source = co_await parts.context.api.connect(request.deadline);
  filter.scope = co_await scope_of(*source, request.identity, request.deadline);
  filter.with_deleted = !filter.scope;
  const bool to_operator = !filter.scope;
  const auto limit = static_cast<std::size_t>(filter.limit++);  // one more tells whether there is a next page
  auto entries = co_await list_entries(*source, std::move(filter), request.deadline);
  const bool has_more = entries.size() > limit;
  if (has_more) entries.pop_back();
  json::array items;
  for (const auto& entry : entries) items.push_back(to_json(entry, parts.context.api.secrets, to_operator));
  co_return Response::of(json::object{{"destinations", std::move(items)},
                                      {"after", has_more ? json::value(to_text(entries.back())) : json::value()}});
}

/// The one that the path names. Throws http::Error where it is not there, or nobody's business.
asio::awaitable<Entry> find(postgres::Connection& source, const Request& request) {
  const auto scope = co_await scope_of(source, request.identity, request.deadline);
  const auto tenancy = request.uuid("tenancy_id");
  EntryFilter filter{.scope = std::vector{tenancy},
                     .with_deleted = !scope,
                     .destination = request.text("destination_id"),
                     .after = {},
                     .limit = 1};
  std::vector<Entry> entries;
  if (!scope || std::ranges::find(*scope, tenancy) != scope->end())
    entries = co_await list_entries(source, std::move(filter), request.deadline);
  if (entries.empty()) {
    throw http::Error(kDestinationNotFound,
                      "There is no such destination: it was removed, or its project was. Go back to the list of destinations.");
  }
  co_return std::move(entries.front());
}

asio::awaitable<json::array> read_quarantine(postgres::Connection& source, const Entry& entry, Deadline deadline) {
  postgres::Params params;
  params.add(entry.tenancy).add(entry.destination).add(kMostQuarantined);
  const auto result = co_await source.execute(kQuarantine, std::move(params), deadline);
  json::array rows;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    rows.push_back(json::object{{"mapping", result.get<std::string>(row, 0)},
                                {"key", json::parse(result.get<std::string>(row, 1))},
                                {"error", result.get<std::string>(row, 2)},
                                {"sqlstate", result.get<std::string>(row, 3)},
                                {"attempts", result.get<std::int32_t>(row, 4)},
                                {"since_at_millis", result.get<std::int64_t>(row, 5)},
                                {"retry_in_ms", result.get<std::int64_t>(row, 6)}});
  }
  co_return rows;
}

asio::awaitable<Response> show(Dashboard::Parts& parts, const Request& request) {
  auto source = co_await parts.context.api.connect(request.deadline);
  const auto entry = co_await find(*source, request);
  const bool to_operator = !project_of(request.identity);
  json::array troubles;
  for (const auto& trouble : entry.troubles) troubles.push_back(to_json(trouble, to_operator));
  json::array mappings;
  for (const auto& mapping : parts.context.api.mappings) mappings.emplace_back(mapping.name);
  co_return Response::of(json::object{{"destination", to_json(entry, parts.context.api.secrets, to_operator)},
                                      {"mappings", std::move(mappings)},
                                      {"troubles", std::move(troubles)},
                                      {"quarantine", co_await read_quarantine(*source, entry, request.deadline)}});
}

asio::awaitable<Response> progress(Dashboard::Parts& parts, const Request& request) {
  const auto& context = parts.context;
  Entry entry;
  {
    auto source = co_await context.api.connect(request.deadline);
    entry = co_await find(*source, request);
  }
  const directory::Tenancy tenancy{.id = entry.tenancy, .project = entry.project, .branch = entry.branch};
  const auto audience = project_of(request.identity) ? api::Audience::project : api::Audience::operator_;
  json::array databases;
  if (!entry.is_clickhouse())
    databases = co_await api::read_progress(context.api, tenancy, entry.destination, audience, request.deadline);
  auto source = co_await context.api.connect(request.deadline);
  co_return Response::of(
      co_await describe_progress(context, *source, entry, databases, !project_of(request.identity), request.deadline));
}

// ---- what can be done -------------------------------------------------------------------------------------------------------------------

/// Returns how many were changed. `mapping`: empty is all.
using Act = asio::awaitable<std::uint64_t> (*)(const Context& context, postgres::Connection& source, const Entry& entry,
                                               std::string mapping, Deadline deadline);

asio::awaitable<std::uint64_t> pause(const Context&, postgres::Connection& source, const Entry& entry, std::string mapping,
                                     Deadline deadline) {
  const queue::DestinationName names[] = {entry.name()};
  co_return co_await queue::pause(source, names, std::move(mapping), deadline);
}

asio::awaitable<std::uint64_t> resume(const Context&, postgres::Connection& source, const Entry& entry, std::string mapping,
                                      Deadline deadline) {
  const queue::DestinationName names[] = {entry.name()};
  co_return co_await queue::end_pause(source, names, std::move(mapping), deadline);
}

asio::awaitable<std::uint64_t> resync(const Context& context, postgres::Connection& source, const Entry& entry,
                                      std::string mapping, Deadline deadline) {
  if (entry.deleted) throw http::Error(http::kSchemaError, "Its project was deleted: there is nothing to be read again.");
  std::vector<std::string> mappings;
  for (const auto& known : context.api.mappings) {
    if (mapping.empty() || known.name == mapping) mappings.push_back(known.name);
  }
  const queue::DestinationName names[] = {entry.name()};
  co_return co_await queue::request_resync(source, names, std::move(mappings), deadline);
}

asio::awaitable<std::uint64_t> retry(const Context&, postgres::Connection& source, const Entry& entry, std::string mapping,
                                     Deadline deadline) {
  co_return co_await queue::retry(source, entry.tenancy, entry.destination, std::move(mapping), deadline);
}

asio::awaitable<Response> act(Dashboard::Parts& parts, const Request& request, std::string_view verb, Act change) {
  const auto& context = parts.context;
  const auto mapping = api::text_field(request.body.as_object(), "mapping").value_or("");
  if (!mapping.empty() && std::ranges::find(context.api.mappings, mapping, &mapping::Mapping::name) == context.api.mappings.end())
    throw http::Error(http::kSchemaError, "There is no mapping \"" + mapping + "\".");
  auto source = co_await context.api.connect(request.deadline);
  const auto changed = co_await change(context, *source, co_await find(*source, request), mapping, request.deadline);
  const auto entry = co_await find(*source, request);
  telemetry::log(telemetry::Level::info, "dashboard", "a destination was acted on",
                 {{"action", verb},
                  {"by", name_of(request.identity)},
                  {"tenancy", entry.tenancy.to_string()},
                  {"project", entry.project},
                  {"destination", entry.destination},
                  {"mapping", mapping},
                  {"changed", changed}});
  co_return Response::of(
      json::object{{"changed", changed}, {"destination", to_json(entry, context.api.secrets, !project_of(request.identity))}});
}

/// What a try to connect came to.
struct Reached {
  std::string server;  ///< empty where it failed
  std::string error;
};

asio::awaitable<Reached> reach_postgres(const Context& context, Entry entry, Deadline deadline) {
  try {
    auto options = destination::postgres_target::connect_options(context.api.secrets.open(entry.connection_string), entry.tenancy,
                                                                 context.api.destinations);
    const auto check = co_await destination::postgres_target::check(std::move(options), deadline);
    if (check.ok) co_return Reached{.server = "PostgreSQL " + check.server_version, .error = ""};
    co_return Reached{.server = "", .error = check.message};
  } catch (const postgres::Error& error) {
    co_return Reached{.server = "", .error = error.what()};
  } catch (const SecretError& error) {
    co_return Reached{.server = "", .error = std::string("The connection string cannot be read: ") + error.what()};
  }
}

/// Its own words are for operators.
asio::awaitable<Reached> reach_clickhouse(const Context& context, bool to_operator, Deadline deadline) {
  const auto clickhouse = co_await context.api.clickhouse();
  if (!clickhouse) co_return Reached{.server = "", .error = "The shared ClickHouse is not running."};
  try {
    const auto result =
        co_await clickhouse->administrator->execute({.text = "SELECT version() FORMAT TSVRaw", .retryable = true}, deadline);
    std::string version(result.text());
    version.erase(version.find_last_not_of("\r\n") + 1);
    co_return Reached{.server = "ClickHouse " + version, .error = ""};
  } catch (const clickhouse::Error& error) {
    co_return Reached{.server = "", .error = to_operator ? error.what() : "The shared ClickHouse does not answer."};
  }
}

asio::awaitable<Response> test(Dashboard::Parts& parts, const Request& request) {
  const auto& context = parts.context;
  Entry entry;
  {
    auto source = co_await context.api.connect(request.deadline);
    entry = co_await find(*source, request);
  }
  const auto begun = Deadline::Clock::now();
  const auto deadline = request.deadline.capped(context.api.destinations.connect_timeout);
  const auto reached = entry.is_clickhouse() ? co_await reach_clickhouse(context, !project_of(request.identity), deadline)
                                             : co_await reach_postgres(context, entry, deadline);
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::Clock::now() - begun);
  const bool ok = reached.error.empty();
  co_return Response::of(json::object{{"ok", ok},
                                      {"error", ok ? json::value() : json::value(reached.error)},
                                      {"took_ms", took.count()},
                                      {"server", ok ? json::value(reached.server) : json::value()}});
}

}  // namespace

void add_destinations(http::Router& router, Dashboard::Parts& parts) {
  const std::string one = "/destinations/{tenancy_id}/{destination_id}";
  router.add({.path = "/destinations",
              .access = Access::admin,
              .query = {optional("state", Schema::one_of({"ok", "failing", "quarantine", "paused", "trouble"})),
                        optional("kind", Schema::one_of({"postgres", "clickhouse"})), optional("search", Schema::string(0, 200)),
                        optional("after", Schema::string(0, 4'000)), optional("limit", Schema::integer(1, 200))},
              .handle = [&parts](const Request& request) { return list(parts, request); }});
  router.add({.path = one, .access = Access::admin, .path_parameters = path_fields(), .handle = [&parts](const Request& request) {
                return show(parts, request);
              }});
  router.add({.path = one + "/progress",
              .access = Access::admin,
              .path_parameters = path_fields(),
              .handle = [&parts](const Request& request) { return progress(parts, request); },
              .ends_with_client = true});
  const std::pair<std::string, Act> verbs[] = {{"pause", pause}, {"resume", resume}, {"resync", resync}, {"retry", retry}};
  for (const auto& [verb, change] : verbs) {
    router.add({.method = Method::post,
                .path = one + '/' + verb,
                .access = Access::admin,
                .path_parameters = path_fields(),
                .body = Schema::object({optional("mapping", Schema::string(1, 200))}),
                .handle = [&parts, verb, change](const Request& request) { return act(parts, request, verb, change); }});
  }
  router.add({.method = Method::post,
              .path = one + "/test",
              .access = Access::admin,
              .path_parameters = path_fields(),
              .handle = [&parts](const Request& request) { return test(parts, request); }});
}

}  // namespace tributary::dashboard
