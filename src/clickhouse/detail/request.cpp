#include "clickhouse/detail/request.hpp"

#include <openssl/evp.h>
#include <boost/json/parse.hpp>

#include <charconv>

#include "clickhouse/error.hpp"

namespace tributary::clickhouse::detail {
namespace {

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(c))
      out += c;
    else
      out.append({'%', kDigits[byte >> 4U], kDigits[byte & 15U]});
  }
}

void append_parameter(std::string& target, std::string_view name, std::string_view value, std::string_view prefix = {}) {
  target += target.ends_with('?') ? "" : "&";
  append_encoded(target, prefix);
  append_encoded(target, name);
  target += '=';
  append_encoded(target, value);
}

std::string base64(std::string_view text) {
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');  // and OpenSSL's terminating zero
  const auto length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                      reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

std::string target(const ConnectOptions& options, const Query& query, std::string_view query_id) {
  std::string target = "/?";
  append_parameter(target, "query_id", query_id);
  const auto& database = query.database ? *query.database : options.database;
  if (!database.empty()) append_parameter(target, "database", database);
  const bool asks_packed = options.compression != Compression::none && !query.settings.contains("enable_http_compression");
  if (asks_packed) append_parameter(target, "enable_http_compression", "1");
  for (const auto& [name, value] : query.settings) append_parameter(target, name, value);
  for (const auto& [name, value] : query.params.values()) append_parameter(target, name, value, "param_");
  if (!std::holds_alternative<std::monostate>(query.data)) append_parameter(target, "query", query.text);
  return target;
}

std::uint64_t count(const boost::json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  std::uint64_t number = 0;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

}  // namespace

RequestHead make_request(const ConnectOptions& options, const Query& query, std::string_view query_id) {
  RequestHead head{.target = target(options, query, query_id)};
  if (options.authentication == Authentication::headers) {
    head.fields.emplace_back("X-ClickHouse-User", options.user);
    if (!options.password.empty()) head.fields.emplace_back("X-ClickHouse-Key", options.password);
  } else {
    head.fields.emplace_back("Authorization", "Basic " + base64(options.user + ':' + options.password));
  }
  if (options.compression == Compression::none) return head;
  head.fields.emplace_back("Accept-Encoding", encoding_name(options.compression));
  const bool has_data = !std::holds_alternative<std::monostate>(query.data);
  if (has_data) head.fields.emplace_back("Content-Encoding", encoding_name(options.compression));
  return head;
}

std::string_view encoding_name(Compression method) { return method == Compression::lz4 ? "lz4" : "zstd"; }

Compression encoding_named(std::string_view name) {
  if (name.empty() || name == "identity") return Compression::none;
  if (name == "lz4") return Compression::lz4;
  if (name == "zstd") return Compression::zstd;
  throw Error(ErrorKind::protocol, "the server's answer is packed in a way that nobody asked for: " + std::string(name));
}

Summary parse_summary(std::string_view json) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse(json, error);
  if (error || !parsed.is_object()) return {};
  const auto& object = parsed.get_object();
  return {.read_rows = count(object, "read_rows"),
          .read_bytes = count(object, "read_bytes"),
          .written_rows = count(object, "written_rows"),
          .written_bytes = count(object, "written_bytes"),
          .result_rows = count(object, "result_rows"),
          .result_bytes = count(object, "result_bytes"),
          .elapsed_ns = count(object, "elapsed_ns")};
}

}  // namespace tributary::clickhouse::detail
