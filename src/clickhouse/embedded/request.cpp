#include "clickhouse/embedded/request.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/uuid.hpp"
#include "clickhouse/detail/exception_text.hpp"
#include "clickhouse/tenant_message.hpp"

namespace tributary::clickhouse::embedded {
namespace {

/// What the host decides itself for each of a tenant's queries, whatever a client that means a server says.
constexpr std::array<std::string_view, 3> kSetAnyway{"readonly", "output_format_write_statistics",
                                                     "http_write_exception_in_output_format"};
constexpr int kBadArguments = 36;
constexpr int kUnknownSetting = 115;
constexpr int kReadonly = 164;
constexpr int kAuthenticationFailed = 516;

std::string header(const Head& head, const char* name) {
  const auto found = head.headers.find(name);
  return found == head.headers.end() ? std::string() : found->second;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::isdigit(static_cast<unsigned char>(text[0])) == 0 &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
}

bool is_true(std::string_view text) { return text == "1" || text == "true"; }

void refuse_control(std::string_view value, std::string_view what) {
  if (std::ranges::any_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    throw EngineFailure(kBadArguments, "BAD_ARGUMENTS", fmt::format("{} must not contain control characters", what));
}

std::string decode_base64(std::string_view text) {
  std::string result(text.size() / 4 * 3 + 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return {};
  const auto padding = std::min<std::size_t>(2, static_cast<std::size_t>(std::ranges::count(text, '=')));
  result.resize(static_cast<std::size_t>(size) - std::min<std::size_t>(padding, static_cast<std::size_t>(size)));
  return result;
}

/// Headers win over basic authentication, and that over the URL, as on a server no request should come with several.
void read_user(const Head& head, Query& query) {
  if (const auto name = header(head, "x-clickhouse-user"); !name.empty()) {
    query.user = name;
    query.password = header(head, "x-clickhouse-key");
    return;
  }
  constexpr std::string_view kBasic = "Basic ";
  const auto authorization = header(head, "authorization");
  if (!authorization.starts_with(kBasic)) return;
  const auto pair = decode_base64(std::string_view(authorization).substr(kBasic.size()));
  const auto colon = pair.find(':');
  query.user = pair.substr(0, colon);
  query.password = colon == std::string::npos ? std::string() : pair.substr(colon + 1);
}

/// Said by the client about the exchange itself, or of no meaning here.
bool is_about_the_exchange(std::string_view name) {
  constexpr std::array<std::string_view, 11> kNames{"compress",
                                                    "decompress",
                                                    "send_progress_in_http_headers",
                                                    "http_headers_progress_interval_ms",
                                                    "quota_key",
                                                    "stacktrace",
                                                    "role",
                                                    "session_check",
                                                    "session_timeout",
                                                    "cancel_http_readonly_queries_on_client_close",
                                                    "log_comment"};
  return std::ranges::find(kNames, name) != kNames.end();
}

void take_parameter(const std::string& name, std::string value, bool& compress_answer, Query& query) {
  constexpr std::string_view kParameter = "param_";
  if (name.empty()) return;
  if (name == "query")
    query.sql = std::move(value);
  else if (name == "user")
    query.user = std::move(value);
  else if (name == "password")
    query.password = std::move(value);
  else if (name == "database")
    query.database = std::move(value);
  else if (name == "query_id")
    query.id = std::move(value);
  else if (name == "default_format")
    query.format = std::move(value);
  else if (name == "wait_end_of_query")
    query.wait_end = is_true(value);
  else if (name == "enable_http_compression")
    compress_answer = is_true(value);
  else if (name == "SQL_project_id")
    query.project = std::move(value), query.names_tenant = true;
  else if (name == "SQL_branch_id")
    query.branch = std::move(value), query.names_tenant = true;
  else if (name.starts_with(kParameter) && is_name(std::string_view(name).substr(kParameter.size())))
    query.parameters.emplace_back(name, std::move(value));
  else if (is_about_the_exchange(name))
    return;
  else if (is_name(name))
    query.settings.emplace_back(name, std::move(value));
  else
    throw EngineFailure(kUnknownSetting, "UNKNOWN_SETTING", "A parameter of the URL is neither known nor a setting's name");
}

/// What tenants may say about their query. Those with a bound are in `most` besides.
bool is_for_tenants(std::string_view name) {
  constexpr std::array<std::string_view, 9> kNames{"join_use_nulls",        "extremes",           "date_time_output_format",
                                                   "result_overflow_mode",  "union_default_mode", "group_by_use_nulls",
                                                   "timeout_overflow_mode", "read_overflow_mode", "session_timezone"};
  return std::ranges::find(kNames, name) != kNames.end() || name.starts_with("output_format_json_") ||
         name.starts_with("output_format_csv_") || name.starts_with("output_format_pretty_");
}

}  // namespace

EngineFailure::EngineFailure(int code, std::string_view name, const std::string& message)
    : std::runtime_error(message), error_{code, fmt::format("Code: {}. DB::Exception: {}. ({})", code, message, name)} {}

Query read_query(const Head& head) {
  const auto url = boost::urls::parse_origin_form(head.target);
  if (!url) throw EngineFailure(kBadArguments, "BAD_ARGUMENTS", "The request's target is no URL");
  Query query;
  query.path = head.target.substr(0, head.target.find('?'));
  query.user = "default";
  bool compress_answer = false;
  for (const auto& parameter : url->params({true, true, true}))
    take_parameter(parameter.key, parameter.value, compress_answer, query);
  read_user(head, query);
  if (const auto format = header(head, "x-clickhouse-format"); query.format.empty()) query.format = format;
  if (const auto database = header(head, "x-clickhouse-database"); query.database.empty()) query.database = database;
  if (!query.format.empty() && !is_name(query.format)) throw EngineFailure(73, "UNKNOWN_FORMAT", "Unknown format");
  if (query.id.empty()) query.id = header(head, "x-clickhouse-query-id");
  refuse_control(query.id, "query_id");
  if (query.id.empty()) query.id = Uuid::random().to_string();
  const auto sent = encoding_named(header(head, "content-encoding"));
  if (!sent) throw EngineFailure(89, "UNKNOWN_COMPRESSION_METHOD", "Unknown Content-Encoding");
  query.sent = *sent;
  if (compress_answer) query.wanted = choose_encoding(header(head, "accept-encoding"));
  return query;
}

Role authenticate(const Query& query, const Credentials& credentials) {
  const bool tenant = query.user == Credentials::kTenant;
  const auto& expected = tenant ? credentials.tenant_password : credentials.admin_password;
  const bool same = !expected.empty() && query.password.size() == expected.size() &&
                    CRYPTO_memcmp(query.password.data(), expected.data(), expected.size()) == 0;
  if (!same || (!tenant && query.user != Credentials::kAdmin))
    throw EngineFailure(kAuthenticationFailed, "AUTHENTICATION_FAILED",
                        "Authentication failed: password is incorrect, or there is no user with such name");
  return tenant ? Role::tenant : Role::admin;
}

Assignments tenant_settings(const Query& query, const std::map<std::string, std::uint64_t>& most) {
  std::map<std::string, std::string> chosen;
  for (const auto& [name, bound] : most) chosen[name] = std::to_string(bound);
  for (const auto& [name, value] : query.settings) {
    if (std::ranges::count(kSetAnyway, name) > 0) continue;
    if (const auto bound = most.find(name); bound != most.end()) {
      std::uint64_t number = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
      const bool is_number = error == std::errc() && end == value.data() + value.size();
      if (!is_number) throw EngineFailure(kBadArguments, "BAD_ARGUMENTS", "Setting " + name + " must be a whole number");
      // Zero would be no bound at all.
      if (number > 0) chosen[name] = std::to_string(std::min(number, bound->second));
    } else if (is_for_tenants(name)) {
      chosen[name] = value;
    } else {
      throw EngineFailure(kReadonly, "READONLY", "Setting " + name + " cannot be given with this query");
    }
  }
  return {chosen.begin(), chosen.end()};
}

std::string tenant_comment(const Query& query, std::string_view tag) {
  return boost::json::serialize(
      boost::json::value{{"project_id", query.project}, {"branch_id", query.branch}, {"query", std::string(tag)}});
}

unsigned status_of(int code) {
  switch (code) {
    case 194:
      return 401;
    case kAuthenticationFailed:
    case 497:
      return 403;
    case 60:
    case 81:
      return 404;
    case 159:
      return 408;
    case 241:
    case 394:
    case 0:
      return 500;
    case 202:
    case 210:
      return 503;
    case 6:
    case 20:
    case 26:
    case 27:
    case 32:
    case 36:
    case 38:
    case 41:
    case 42:
    case 43:
    case 44:
    case 46:
    case 47:
    case 48:
    case 53:
    case 62:
    case 69:
    case 70:
    case 72:
    case 73:
    case 89:
    case 115:
    case 117:
    case 130:
    case 131:
    case 179:
    case 215:
    case 386:
    case 456:
    case 457:
      return 400;
    case kReadonly:
      return 500;
    default:
      return 500;
  }
}

std::string_view content_type(std::string_view format) {
  if (format.starts_with("JSONEachRow") || format.starts_with("JSONCompactEachRow") || format.starts_with("JSONStringsEachRow"))
    return "application/x-ndjson; charset=UTF-8";
  if (format.starts_with("JSON")) return "application/json; charset=UTF-8";
  if (format.starts_with("TabSeparated") || format.starts_with("TSV")) return "text/tab-separated-values; charset=UTF-8";
  if (format.starts_with("CSV")) return "text/csv; charset=UTF-8; header=absent";
  if (format.starts_with("XML")) return "application/xml; charset=UTF-8";
  if (format.starts_with("Parquet")) return "application/vnd.apache.parquet";
  if (format.starts_with("Arrow")) return "application/vnd.apache.arrow.stream";
  if (format.starts_with("Native") || format.starts_with("RowBinary")) return "application/octet-stream";
  return "text/plain; charset=UTF-8";
}

EngineError safe_error(const EngineError& error) {
  const auto exception = detail::parse_exception(error.message);
  // It was parsed before it ran: a syntax error now is one of some value.
  const auto message = tenant_message(error.code, "Syntax error");
  return {error.code, fmt::format("Code: {}. DB::Exception: {} ({})", error.code, message, exception ? exception->name : "")};
}

}  // namespace tributary::clickhouse::embedded
