#include "analytics/query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/uuid.hpp"
#include "clickhouse/tenant_message.hpp"
#include "clickhouse/tenant_statement.hpp"
#include "mapping/clickhouse_access.hpp"

namespace tributary::analytics {
namespace {

using namespace std::chrono_literals;

constexpr int kTimeoutExceeded = 159;
constexpr int kTooManyRowsOrBytes = 396;
constexpr int kUnknownFormat = 73;
constexpr std::array kNoPlace{202, 745};  // TOO_MANY_SIMULTANEOUS_QUERIES, SERVER_OVERLOADED

/// For the server to say itself that the time is over.
constexpr auto kGrace = 1s;

/// Ours, as the server would have said it.
QueryError refusal(int code, std::string name, const std::string& query_id, std::string_view message = {}) {
  return {ch::tenant_message(code, message),
          {.kind = ch::ErrorKind::server,
           .message = std::string(message),
           .code = code,
           .name = std::move(name),
           .query_id = query_id}};
}

/// As who asked may see it, or as it is where no server said it.
[[noreturn]] void fail(const ch::Error& error, Deadline deadline) {
  if (std::ranges::count(kNoPlace, error.code()) > 0) throw Busy();
  if (error.kind() == ch::ErrorKind::server) throw QueryError(ch::tenant_message(error.code(), error.what()), error.details());
  if (error.kind() == ch::ErrorKind::deadline && deadline.expired())
    throw refusal(kTimeoutExceeded, "TIMEOUT_EXCEEDED", error.details().query_id);
  throw error;
}

void fail(telemetry::Span& span, const QueryError& error) {
  span.fail(std::to_string(error.cause().code), error.what());
  span.end();
}

std::string checked_statement(const TenantQuery& query, const std::string& query_id) {
  try {
    return ch::tenant_statement(query.statement);
  } catch (const ch::StatementRefused& refused) {
    throw refusal(refused.code(), "", query_id, refused.what());
  }
}

/// Formats with progress count rows that were read, others' among them.
bool has_progress(std::string_view format) { return format.ends_with("Progress") || format.ends_with("progress"); }

void check_format(const TenantQuery& query, const ch::Answer& answer) {
  if (answer.format() == query.format || (query.own_format && !has_progress(answer.format()))) return;
  throw QueryError(query.own_format ? "The query's format is not allowed."
                                    : fmt::format("The query names a format of its own; it must be {}.", query.format),
                   {.kind = ch::ErrorKind::server, .code = kUnknownFormat, .query_id = answer.query_id()});
}

std::map<std::string, std::string> settings_of(const TenantQuery& query) {
  std::map<std::string, std::string> settings{
      {std::string(mapping::clickhouse::kProjectSetting), query.tenant.project},
      {std::string(mapping::clickhouse::kBranchSetting), query.tenant.branch},
      {"readonly", "1"},
      {"max_execution_time", std::to_string(std::chrono::ceil<std::chrono::seconds>(query.timeout).count())},
      {"result_overflow_mode", "throw"},
      {"default_format", query.format},
      {"cancel_http_readonly_queries_on_client_close", "1"},
      // Counts of what was read cover rows of others beside one's own.
      {"output_format_write_statistics", "0"},
      // As a row, which servers from 23.9 to 25.10 make of it, an error would be told word by word, in an answer that seems whole.
      {"http_write_exception_in_output_format", "0"}};
  if (query.most_rows > 0) settings["max_result_rows"] = std::to_string(query.most_rows);
  if (query.most_bytes > 0) settings["max_result_bytes"] = std::to_string(query.most_bytes);
  return settings;
}

asio::awaitable<ch::Answer> begin(ch::Client& client, TenantQuery query, std::string query_id, Deadline deadline) {
  ch::Query request{.text = checked_statement(query, query_id),
                    .params = std::move(query.params),
                    .settings = settings_of(query),
                    .query_id = query_id,
                    .database = std::string(mapping::clickhouse::kViewDatabase),
                    .retryable = true};
  try {
    auto answer = co_await client.start(std::move(request), deadline);
    check_format(query, answer);
    co_return answer;
  } catch (const ch::Error& error) {
    fail(error, deadline);
  }
}

bool is_word(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0; });
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

std::optional<std::string> mistake(const TenantQuery& query) {
  if (query.tenant.project.empty() || query.tenant.branch.empty()) return "a query needs a project and a branch";
  if (has_control(query.tenant.project + query.tenant.branch))
    return "the name of a project or branch holds no control characters";
  if (query.statement.find_first_not_of(" \t\r\n") == std::string::npos) return "the query is empty";
  if (!is_word(query.format) || has_progress(query.format)) return "\"" + query.format + "\" is no format to be had";
  if (query.timeout < TenantQuery::kShortestTimeout || query.timeout > TenantQuery::kLongestTimeout)
    return fmt::format("the timeout must be {} to {} milliseconds", TenantQuery::kShortestTimeout.count(),
                       TenantQuery::kLongestTimeout.count());
  return std::nullopt;
}

asio::awaitable<TenantAnswer> start(ch::Client& client, TenantQuery query, telemetry::Tracer* tracer) {
  if (auto why = mistake(query)) throw std::invalid_argument(*why);
  const auto deadline = Deadline::after(std::chrono::ceil<std::chrono::seconds>(query.timeout) + kGrace);
  const auto query_id = fmt::format("{}:{}:{}", query.tenant.project, query.tenant.branch, Uuid::random().to_string());
  const auto most_bytes = query.most_bytes;
  auto span = telemetry::start_span(tracer, "analytics.tenant-query", {}, telemetry::SpanKind::client);
  span.set("db.system.name", "clickhouse");
  span.set("stack.project-id", query.tenant.project);
  span.set("stack.branch-id", query.tenant.branch);
  span.set("stack.analytics.query-id", query_id);
  try {
    auto answer = co_await begin(client, std::move(query), query_id, deadline);
    co_return TenantAnswer(std::move(answer), deadline, most_bytes, std::move(span));
  } catch (const QueryError& error) {
    fail(span, error);
    throw;
  } catch (const Busy& busy) {
    span.fail("busy", busy.what());
    span.end();
    throw;
  }
}

asio::awaitable<std::span<const std::byte>> TenantAnswer::next() {
  try {
    const auto bytes = co_await read();
    if (!bytes.empty()) co_return bytes;
    span_.set("stack.analytics.bytes", bytes_);
    span_.end();
    co_return bytes;
  } catch (const QueryError& error) {
    fail(span_, error);
    throw;
  }
}

asio::awaitable<std::span<const std::byte>> TenantAnswer::read() {
  try {
    const auto bytes = co_await answer_.next(deadline_);
    bytes_ += bytes.size();
    if (most_bytes_ > 0 && bytes_ > most_bytes_) throw refusal(kTooManyRowsOrBytes, "TOO_MANY_ROWS_OR_BYTES", query_id());
    co_return bytes;
  } catch (const ch::Error& error) {
    fail(error, deadline_);
  }
}

}  // namespace tributary::analytics
