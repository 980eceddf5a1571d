#include <algorithm>
#include <boost/json.hpp>

#include "analytics/query.hpp"
#include "api/errors.hpp"
#include "api/shapes.hpp"
#include "dashboard/errors.hpp"
#include "dashboard/parts.hpp"
#include "mapping/clickhouse_sql.hpp"
#include "telemetry/log.hpp"

/// A project's rows in the shared ClickHouse: what there is, and questions.
namespace tributary::dashboard {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using analytics::TenantQuery;
using http::Access;
using http::Method;
using http::optional;
using http::Request;
using http::Response;
using http::Schema;

constexpr std::uint64_t kMostCsvRows = 1'000'000;
constexpr std::uint64_t kMostCsvBytes = std::uint64_t{100} << 20U;

/// Of the project whose rows are meant. Throws http::Error where it is nobody's business.
asio::awaitable<analytics::Tenant> tenant_of(Dashboard::Parts& parts, const Request& request, const json::object& given) {
  const auto own = project_of(request.identity);
  const auto project = api::text_field(given, "project_id");
  const auto branch = api::text_field(given, "branch_id").value_or("main");
  if (!own && !project) throw http::Error(http::kSchemaError, "Say whose rows are meant: project_id is missing.");
  analytics::Tenant tenant{.project = project.value_or(own.value_or("")), .branch = branch};
  const bool is_foreign = own && *own != tenant.project;
  if (is_foreign || !co_await parts.sessions.exists(tenant.project, tenant.branch, request.deadline))
    throw http::Error(api::kProjectNotFound, "There is no project \"" + tenant.project + "\" with a branch \"" + branch + "\".");
  co_return tenant;
}

asio::awaitable<Response> tables(Dashboard::Parts& parts, const Request& request) {
  co_await tenant_of(parts, request, request.query);
  json::array tables;
  if (co_await parts.context.api.clickhouse()) {
    for (const auto& mapping : parts.context.api.mappings) {
      json::array columns;
      for (const auto& column : mapping::clickhouse::view_columns(mapping))
        columns.push_back(json::object{{"name", column.name}, {"type", column.type}});
      tables.push_back(json::object{{"name", mapping.name}, {"columns", std::move(columns)}});
    }
  }
  co_return Response::of(json::object{{"tables", std::move(tables)}});
}

http::Error query_error(const std::string& message) { return {api::kAnalyticsQueryError, message, {{"error", message}}}; }

/// The client must live for as long as its answer, and so long the query counts.
struct Started {
  Quota::Place place;
  std::shared_ptr<clickhouse::Client> client;
  analytics::TenantAnswer answer;
};

asio::awaitable<Started> start(Dashboard::Parts& parts, TenantQuery query) {
  if (const auto why = analytics::mistake(query)) throw query_error(*why);
  auto place = parts.context.api.place_for_query(query.tenant.project);
  const auto clickhouse = co_await parts.context.api.clickhouse();
  if (!clickhouse) throw http::Error(api::kUnavailable, "There is no ClickHouse now to ask. Try again.");
  try {
    auto answer = co_await analytics::start(*clickhouse->tenants, std::move(query), parts.context.api.tracer);
    co_return Started{.place = std::move(place), .client = clickhouse->tenants, .answer = std::move(answer)};
  } catch (const analytics::QueryError& error) {
    throw query_error(error.what());
  }
}

std::string_view text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Lines of JSON: names, types, then a row each.
std::string to_body(std::string_view lines, const std::string& query_id, std::chrono::milliseconds took) {
  const auto next = [&lines] {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    return line;
  };
  const auto names = json::parse(next());
  const auto types = json::parse(next());
  json::array columns;
  for (std::size_t i = 0; i < names.as_array().size(); ++i)
    columns.push_back({{"name", names.as_array()[i]}, {"type", types.as_array().at(i)}});
  auto body = R"({"columns":)" + json::serialize(columns) + R"(,"rows":[)";
  for (bool first = true; !lines.empty();) {
    const auto line = next();
    if (line.empty()) continue;
    if (!first) body += ',';
    first = false;
    body += line;
  }
  return body + R"(],"query_id":)" + json::serialize(query_id) + R"(,"took_ms":)" + std::to_string(took.count()) + '}';
}

asio::awaitable<Response> answer_json(Dashboard::Parts& parts, TenantQuery query) {
  query.format = "JSONCompactEachRowWithNamesAndTypes";
  const auto begun = Deadline::Clock::now();
  auto started = co_await start(parts, std::move(query));
  auto& answer = started.answer;
  std::string lines;
  try {
    for (auto bytes = co_await answer.next(); !bytes.empty(); bytes = co_await answer.next()) lines += text_of(bytes);
  } catch (const analytics::QueryError& error) {
    throw query_error(error.what());
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::Clock::now() - begun);
  co_return Response::of_json(to_body(lines, answer.query_id(), took));
}

asio::awaitable<void> write_all(std::shared_ptr<Started> started, http::Writer& writer) {
  auto& answer = started->answer;
  for (auto bytes = co_await answer.next(); !bytes.empty(); bytes = co_await answer.next()) {
    if (writer.stop().stop_requested()) throw std::runtime_error("the server stops");  // so that it does not look whole
    co_await writer.write(text_of(bytes));
  }
}

asio::awaitable<Response> answer_csv(Dashboard::Parts& parts, TenantQuery query) {
  query.format = "CSVWithNames";
  query.most_rows = kMostCsvRows;
  query.most_bytes = kMostCsvBytes;
  const auto started = std::make_shared<Started>(co_await start(parts, std::move(query)));
  auto response =
      Response::of_stream("text/csv; charset=utf-8", [started](http::Writer& writer) { return write_all(started, writer); });
  response.headers.add("content-disposition", R"(attachment; filename="query.csv")");
  co_return response;
}

asio::awaitable<Response> ask(Dashboard::Parts& parts, const Request& request) {
  const auto& body = request.body.as_object();
  TenantQuery query{
      .tenant = co_await tenant_of(parts, request, body), .statement = api::text_field(body, "query").value_or(""), .params = {}};
  if (const auto* timeout = body.if_contains("timeout_ms"))
    query.timeout = std::chrono::milliseconds(timeout->to_number<std::int64_t>());
  if (api::text_field(body, "format") == "csv") co_return co_await answer_csv(parts, std::move(query));
  co_return co_await answer_json(parts, std::move(query));
}

}  // namespace

void add_analytics(http::Router& router, Dashboard::Parts& parts) {
  const auto name = Schema::string(1, 500);
  router.add({.path = "/tables",
              .access = Access::admin,
              .query = {optional("project_id", name), optional("branch_id", name)},
              .handle = [&parts](const Request& request) { return tables(parts, request); }});
  router.add(
      {.method = Method::post,
       .path = "/query",
       .access = Access::admin,
       .body = Schema::object(
           {optional("project_id", name), optional("branch_id", name), http::required("query", Schema::string(1)),
            optional("timeout_ms", Schema::integer(TenantQuery::kShortestTimeout.count(), TenantQuery::kLongestTimeout.count())),
            optional("format", Schema::one_of({"json", "csv"}))}),
       .handle = [&parts](const Request& request) { return ask(parts, request); },
       .timeout = TenantQuery::kLongestTimeout + 5s,
       .ends_with_client = true});
}

}  // namespace tributary::dashboard
