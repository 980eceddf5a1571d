#include "analytics/timing.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>

#include "base/sql_text.hpp"
#include "base/uuid.hpp"
#include "clickhouse/row_reader.hpp"

namespace tributary::analytics {
namespace {

constexpr int kAccessDenied = 497;
constexpr unsigned kNotFound = 404;

using Found = std::optional<Timing>;

std::string query_log_sql(const std::string& cluster) {
  const auto log = cluster.empty() ? std::string("system.query_log")
                                   : fmt::format("clusterAllReplicas({}, system.query_log)", quote_clickhouse_literal(cluster));
  return fmt::format(
      "SELECT toInt64(ProfileEvents['UserTimeMicroseconds'] + ProfileEvents['SystemTimeMicroseconds']),\n"
      "       toInt64(query_duration_ms)\n"
      "FROM {}\n"
      "WHERE query_id = {{query_id:String}} AND type != 'QueryStart' AND is_initial_query\n"
      "ORDER BY event_time_microseconds DESC\n"
      "LIMIT 1\n"
      "FORMAT RowBinary",
      log);
}

std::string flush_sql(const std::string& cluster) {
  return "SYSTEM FLUSH LOGS" + (cluster.empty() ? "" : " ON CLUSTER " + quote_clickhouse_identifier(cluster));
}

asio::awaitable<Found> look_in_log(ch::Client& admin, const std::string& query_id, const std::string& cluster,
                                   Deadline deadline) {
  ch::Query query{.text = query_log_sql(cluster), .retryable = true};
  query.params.add("query_id", query_id);
  const auto result = co_await admin.execute(std::move(query), deadline);
  ch::RowReader rows(result.body);
  if (!rows.more()) co_return std::nullopt;
  const std::chrono::microseconds cpu(rows.int64());
  const std::chrono::milliseconds wall(rows.int64());
  co_return Timing{std::chrono::ceil<std::chrono::milliseconds>(cpu), wall};
}

asio::awaitable<Found> ask_server(ch::Client& admin, const std::string& query_id, const std::string& cluster, Deadline deadline) {
  if (auto found = co_await look_in_log(admin, query_id, cluster, deadline)) co_return found;
  try {
    co_await admin.execute({.text = flush_sql(cluster), .retryable = true}, deadline);
  } catch (const ch::Error& error) {
    if (error.code() != kAccessDenied) throw;
    co_return std::nullopt;
  }
  co_return co_await look_in_log(admin, query_id, cluster, deadline);
}

asio::awaitable<Found> ask_host(ch::Client& admin, const std::string& query_id, Deadline deadline) {
  try {
    const auto result = co_await admin.get("/query_time", query_id, deadline);
    const auto object = boost::json::parse(result.text());
    const auto of = [&](const char* name) {
      return std::chrono::ceil<std::chrono::milliseconds>(
          std::chrono::microseconds(boost::json::value_to<std::int64_t>(object.at(name))));
    };
    co_return Timing{of("cpu_time_us"), of("wall_clock_time_us")};
  } catch (const ch::Error& error) {
    if (error.details().http_status != kNotFound) throw;
    co_return std::nullopt;
  }
}

bool is_query_of(const Tenant& tenant, std::string_view query_id) {
  const auto prefix = tenant.project + ':' + tenant.branch + ':';
  return query_id.starts_with(prefix) && Uuid::parse(query_id.substr(prefix.size())).has_value();
}

}  // namespace

asio::awaitable<std::optional<Timing>> read_timing(ch::Client& admin, Tenant tenant, std::string query_id,
                                                   mapping::clickhouse::Options target, Deadline deadline) {
  if (!is_query_of(tenant, query_id)) co_return std::nullopt;
  if (target.embedded) co_return co_await ask_host(admin, query_id, deadline);
  co_return co_await ask_server(admin, query_id, target.cluster, deadline);
}

}  // namespace tributary::analytics
