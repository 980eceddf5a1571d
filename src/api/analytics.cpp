#include "analytics/timing.hpp"
#include "api/api.hpp"
#include "api/errors.hpp"
#include "api/shapes.hpp"
#include "telemetry/log.hpp"

namespace tributary::api {
namespace {

using analytics::TenantQuery;
using http::Access;
using http::Method;
using http::optional;
using http::Request;
using http::required;
using http::Response;

constexpr std::chrono::seconds kToAnswer{5};  ///< beyond the query's own time

http::Error query_error(const std::string& message) { return {kAnalyticsQueryError, message, {{"error", message}}}; }

TenantQuery query_of(const Request& request) {
  const auto& body = request.body.as_object();
  TenantQuery query{.tenant = {.project = request.identity.project, .branch = request.identity.branch},
                    .statement = text_field(body, "query").value()};
  if (const auto* timeout = body.if_contains("timeout_ms"))
    query.timeout = std::chrono::milliseconds(timeout->to_number<std::int64_t>());
  if (const auto* params = body.if_contains("params")) {
    for (const auto& [name, value] : params->as_object()) query.params.add_json(name, value);
  }
  if (const auto why = analytics::mistake(query)) throw query_error(*why);
  return query;
}

asio::awaitable<ClickHouse> need_clickhouse(Context& context) {
  auto clickhouse = co_await context.clickhouse();
  if (!clickhouse) throw http::Error(kUnavailable, "There is no ClickHouse now to ask. Try again.");
  co_return std::move(*clickhouse);
}

/// The rows as they come, a JSON object a line, made one array.
asio::awaitable<Response> answer(Context& context, const Request& request) {
  auto query = query_of(request);
  const auto place = context.place_for_query(request.identity.project);
  const auto clickhouse = co_await need_clickhouse(context);
  std::string rows;
  std::string query_id;
  try {
    auto answered = co_await analytics::start(*clickhouse.tenants, std::move(query), context.tracer);
    query_id = answered.query_id();
    for (auto bytes = co_await answered.next(); !bytes.empty(); bytes = co_await answered.next())
      rows.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  } catch (const analytics::QueryError& error) {
    telemetry::log(telemetry::Level::debug, "api", "a tenant's query failed",
                   {{"project", request.identity.project}, {"error", error.cause().message}});
    throw query_error(error.what());
  }
  std::string body = R"({"result":[)";
  for (std::string_view rest = rows; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty()) continue;
    if (body.back() != '[') body += ',';
    body += line;
  }
  body += R"(],"query_id":)" + json::serialize(query_id) + '}';
  co_return Response::of_json(std::move(body));
}

Schema query_schema() {
  return Schema::object(
      "AnalyticsQuery",
      {required("query", Schema::string(1).described("One SELECT over the project's rows; values stand in places {name:Type}")),
       optional("params",
                Schema::map().described("Values for the places, by name; an array is an Array(…), an object a Map(String, …)")),
       optional("timeout_ms", Schema::integer(TenantQuery::kShortestTimeout.count(), TenantQuery::kLongestTimeout.count()))});
}

}  // namespace

void add_analytics(http::Router& router, Context& context) {
  const std::string group = "Analytics";
  add(router, {.method = Method::post,
               .path = "/internal/analytics/query",
               .access = Access::admin,
               .group = group,
               .summary = "Ask the shared ClickHouse; only the project's own rows are seen",
               .body = query_schema(),
               .answer = Schema::object(
                   "AnalyticsAnswer", {required("result", Schema::array(Schema::map())), required("query_id", Schema::string())}),
               .errors = {kAnalyticsQueryError, kTooManyQueries, kUnavailable},
               .handle = [&context](const Request& request) { return answer(context, request); },
               .timeout = TenantQuery::kLongestTimeout + kToAnswer,
               .ends_with_client = true});
  add(router, {.method = Method::post,
               .path = "/internal/analytics/query/timing",
               .access = Access::admin,
               .group = group,
               .summary = "What a query took, in milliseconds",
               .body = Schema::object("AnalyticsTiming", {required("query_id", Schema::string(1, 500))}),
               .answer = Schema::object("AnalyticsStats",
                                        {required("stats", Schema::object({required("cpu_time", Schema::integer()),
                                                                           required("wall_clock_time", Schema::integer())}))}),
               .errors = {kItemNotFound, kUnavailable},
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 const auto id = text_field(request.body.as_object(), "query_id").value();
                 const auto clickhouse = co_await need_clickhouse(context);
                 const auto timing = co_await analytics::read_timing(
                     *clickhouse.administrator, {.project = request.identity.project, .branch = request.identity.branch}, id,
                     clickhouse.target, request.deadline);
                 if (!timing) throw http::Error(kItemNotFound, "Item with ID \"" + id + "\" not found.", {{"item_id", id}});
                 co_return Response::of(json::object{
                     {"stats", {{"cpu_time", timing->cpu_time.count()}, {"wall_clock_time", timing->wall_clock_time.count()}}}});
               }});
}

}  // namespace tributary::api
