#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "api/shapes.hpp"
#include "api/status.hpp"
#include "dashboard/errors.hpp"
#include "dashboard/parts.hpp"
#include "dashboard/progress.hpp"
#include "telemetry/log.hpp"

/// Tenancies, and how far each of their destinations is.
namespace tributary::dashboard {
namespace {

namespace json = boost::json;
using http::Access;
using http::optional;
using http::Request;
using http::required;
using http::Response;
using http::Schema;

constexpr std::string_view kListTemplate = R"sql(
SELECT t.id, t."projectId", t."branchId", p."displayName",
       (SELECT count(*) FROM jsonb_object_keys(tributary.destinations(t."projectId", t."branchId"))),
       coalesce((SELECT s.state FROM ({}) AS s
                 ORDER BY array_position(ARRAY['failing', 'paused', 'quarantine'], s.state) LIMIT 1), 'ok')
FROM "Tenancy" AS t
JOIN "Project" AS p ON p.id = t."projectId"
WHERE t."hasNoOrganization" = 'TRUE'
  AND ($1 IS NULL OR t.id = ANY ($1))
  AND ($2 = '' OR strpos(lower(t."projectId"), lower($2)) > 0 OR strpos(lower(p."displayName"), lower($2)) > 0
       OR t.id::text = lower($2))
  AND ($3 IS NULL OR (t."projectId", t."branchId") > ($3, $4))
ORDER BY t."projectId", t."branchId"
LIMIT $5)sql";

struct Tenancy {
  Uuid id;
  std::string project;
  std::string branch;
  std::string name;
  std::int64_t destinations = 0;
  std::string state;
};

struct TenancyFilter {
  Scope scope;
  std::string search;
  std::optional<std::pair<std::string, std::string>> after;  ///< project and branch
  std::int64_t limit = 50;
};

asio::awaitable<std::vector<Tenancy>> read_tenancies(postgres::Connection& source, TenancyFilter filter, Deadline deadline) {
  postgres::Params params;
  add_scope(params, filter.scope);
  params.add(filter.search);
  params.add(filter.after ? std::optional(filter.after->first) : std::nullopt, postgres::oid::kText);
  params.add(filter.after ? std::optional(filter.after->second) : std::nullopt, postgres::oid::kText);
  params.add(filter.limit);
  const auto sql = fmt::format(kListTemplate, troubled_sql("tenancy_id = t.id"));
  const auto result = co_await source.execute(sql, std::move(params), deadline);
  std::vector<Tenancy> tenancies;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    tenancies.push_back({.id = result.get<Uuid>(row, 0),
                         .project = result.get<std::string>(row, 1),
                         .branch = result.get<std::string>(row, 2),
                         .name = result.get<std::string>(row, 3),
                         .destinations = result.get<std::int64_t>(row, 4),
                         .state = result.get<std::string>(row, 5)});
  }
  co_return tenancies;
}

json::object to_json(const Tenancy& tenancy) {
  return {{"tenancy_id", tenancy.id.to_string()},
          {"project_id", tenancy.project},
          {"branch_id", tenancy.branch},
          {"name", tenancy.name}};
}

std::optional<std::pair<std::string, std::string>> parse_cursor(const std::string& text) {
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  const auto* parts = error ? nullptr : value.if_array();
  // PostgreSQL takes no NUL.
  const auto is_text = [](const json::value& part) {
    return part.is_string() && part.get_string().find('\0') == json::string::npos;
  };
  if (parts == nullptr || parts->size() != 2 || !std::ranges::all_of(*parts, is_text)) return std::nullopt;
  return std::pair(std::string(parts->at(0).get_string()), std::string(parts->at(1).get_string()));
}

asio::awaitable<Response> list(Dashboard::Parts& parts, const Request& request) {
  TenancyFilter filter{.search = api::text_field(request.query, "search").value_or(""), .after = {}};
  if (const auto after = api::text_field(request.query, "after").value_or(""); !after.empty()) {
    filter.after = parse_cursor(after);
    if (!filter.after) throw http::Error(http::kSchemaError, "after must be what the list before said.");
  }
  if (const auto* limit = request.query.if_contains("limit")) filter.limit = limit->to_number<std::int64_t>();
  const auto limit = static_cast<std::size_t>(filter.limit++);  // one more tells whether there is a next page
  auto source = co_await parts.context.api.connect(request.deadline);
  filter.scope = co_await scope_of(*source, request.identity, request.deadline);
  auto tenancies = co_await read_tenancies(*source, std::move(filter), request.deadline);
  const bool has_more = tenancies.size() > limit;
  if (has_more) tenancies.pop_back();
  json::array items;
  for (const auto& tenancy : tenancies) {
    auto item = to_json(tenancy);
    item["destinations"] = tenancy.destinations;
    item["state"] = tenancy.state;
    items.push_back(std::move(item));
  }
  json::value after;
  if (has_more) after = json::serialize(json::array{tenancies.back().project, tenancies.back().branch});
  co_return Response::of(json::object{{"tenancies", std::move(items)}, {"after", std::move(after)}});
}

// ---- one tenancy ------------------------------------------------------------------------------------------------------------------------

json::array describe_mappings(std::span<const mapping::Mapping> mappings, const json::object& status) {
  json::array described;
  for (const auto& mapping : mappings) {
    for (const auto& table : status.at("tables").as_array()) {
      if (table.at("table").as_string() != mapping.source_table) continue;
      described.push_back({{"mapping", mapping.name},
                           {"table", mapping.source_table},
                           {"rows", table.at("total")},
                           {"flagged", table.at("pending")},
                           {"max_sequence_id", table.at("max_sequence_id")}});
    }
  }
  return described;
}

asio::awaitable<Response> show(Dashboard::Parts& parts, const Request& request) {
  const auto& context = parts.context;
  const auto id = request.uuid("tenancy_id");
  const bool to_operator = !project_of(request.identity);
  std::vector<Tenancy> found;
  std::vector<Entry> entries;
  {
    auto source = co_await context.api.connect(request.deadline);
    const auto scope = co_await scope_of(*source, request.identity, request.deadline);
    if (!scope || std::ranges::find(*scope, id) != scope->end())
      found = co_await read_tenancies(*source, {.scope = std::vector{id}, .search = "", .after = {}}, request.deadline);
    if (found.empty())
      throw http::Error(kTenancyNotFound, "There is no such tenancy: its project was deleted. Go back to the list of tenancies.");
    EntryFilter filter{.scope = std::vector{id}, .with_deleted = false, .after = {}, .limit = 200};
    entries = co_await list_entries(*source, std::move(filter), request.deadline);
  }
  const auto& tenancy = found.front();
  const auto status =
      co_await api::read_status(context.api, directory::Tenancy{.id = id, .project = tenancy.project, .branch = tenancy.branch},
                                to_operator ? api::Audience::operator_ : api::Audience::project, request.deadline);
  auto source = co_await context.api.connect(request.deadline);
  json::array destinations;
  for (const auto& entry : entries) {
    auto progress =
        co_await describe_progress(context, *source, entry, status.at("destinations").as_array(), to_operator, request.deadline);
    progress["destination"] = to_json(entry, context.api.secrets, to_operator);
    destinations.push_back(std::move(progress));
  }
  const Uuid one[] = {id};
  const auto queue = dashboard::to_json(co_await queue::counts(*source, one, request.deadline));
  co_return Response::of(json::object{
      {"tenancy", to_json(tenancy)},
      {"queue", {{"pending", queue.at("pending")}, {"in_flight", queue.at("in_flight")}, {"stale", queue.at("stale")}}},
      {"mappings", describe_mappings(context.api.mappings, status)},
      {"destinations", std::move(destinations)}});
}

}  // namespace

void add_tenancies(http::Router& router, Dashboard::Parts& parts) {
  router.add({.path = "/tenancies",
              .access = Access::admin,
              .query = {optional("search", Schema::string(0, 200)), optional("after", Schema::string(0, 4'000)),
                        optional("limit", Schema::integer(1, 200))},
              .handle = [&parts](const Request& request) { return list(parts, request); }});
  router.add({.path = "/tenancies/{tenancy_id}",
              .access = Access::admin,
              .path_parameters = {required("tenancy_id", Schema::uuid())},
              .handle = [&parts](const Request& request) { return show(parts, request); },
              .ends_with_client = true});
}

}  // namespace tributary::dashboard
