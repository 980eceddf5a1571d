#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "clickhouse/params.hpp"
#include "directory/config_override.hpp"
#include "directory/error.hpp"
#include "directory/values.hpp"
#include "fuzz/targets.hpp"
#include "http/detail/gzip.hpp"
#include "http/detail/target.hpp"
#include "http/detail/utf8.hpp"
#include "http/router.hpp"

namespace tributary::fuzz {
namespace {

namespace json = boost::json;
using http::Schema;

std::string_view take_line(std::string_view& input) {
  const auto line = input.substr(0, input.find('\n'));
  input.remove_prefix(std::min(line.size() + 1, input.size()));
  return line;
}

bool is_text(std::string_view text) { return text.find('\0') == std::string_view::npos && http::detail::is_utf8(text); }

/// As the server has them, with what a path and a query can ask for.
http::Router make_router() {
  http::Router router({.title = "Fuzzed", .version = "1", .prefixes = {"/api/v1", "/api/latest"}}, {});
  const auto add = [&](std::string path, std::vector<http::Field> parameters) {
    router.add(
        {.path = std::move(path), .access = http::Access::none, .path_parameters = std::move(parameters), .handle = [](auto&) {
           return boost::asio::awaitable<http::Response>();
         }});
  };
  add("/users", {});
  add("/users/me", {});
  add("/users/{user_id}", {http::required("user_id", Schema::uuid())});
  add("/teams/{team_id}/{user_id}", {http::required("team_id", Schema::uuid()), http::required("user_id", Schema::uuid())});
  return router;
}

void parameter(std::string_view text) {
  static const std::vector<Schema> schemas{
      Schema::boolean(), Schema::integer(1, 200), Schema::number(), Schema::string(1, 20),
      Schema::uuid(),    Schema::email(),         Schema::uri(),    Schema::one_of({"tenancy", "all"})};
  for (const auto& schema : schemas) {
    auto value = http::parse_parameter(schema, text);
    if (!http::check(schema, value, "query.x").empty()) continue;
    if (schema.type == Schema::Type::integer)
      require(value.is_int64() && value.get_int64() >= 1 && value.get_int64() <= 200, "an integer that passes is in its range");
    if (schema.type == Schema::Type::number) require(std::isfinite(value.to_number<double>()), "a number that passes is one");
    if (schema.type == Schema::Type::string) require(value.is_string() && is_text(text), "a string that passes is text");
  }
}

/// What ClickHouse reads from a parameter's text, of which only that between quotes is escaped.
class Literal {
 public:
  explicit Literal(std::string_view text) : rest_(text) {}

  /// Whether this and no more is there.
  bool is(const json::value& value) { return takes(value) && rest_.empty(); }

 private:
  bool takes(const json::value& value) {
    if (value.is_null()) return takes_text("NULL");
    if (value.is_bool()) return takes_text(value.get_bool() ? "true" : "false");
    if (value.is_number()) return takes_number(value);
    if (value.is_string()) return takes_string(value.get_string());
    return value.is_array() ? takes_array(value.get_array()) : takes_map(value.get_object());
  }
  bool takes_text(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  bool takes_number(const json::value& value) {
    const auto text = rest_.substr(0, rest_.find_first_of(",]}"));
    rest_.remove_prefix(text.size());
    const auto reads_as = [&](auto expected) {
      auto number = expected;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      return error == std::errc() && end == text.data() + text.size() && number == expected;
    };
    if (value.is_int64()) return reads_as(value.get_int64());
    return value.is_uint64() ? reads_as(value.get_uint64()) : reads_as(value.get_double());
  }
  bool takes_string(std::string_view expected) {
    if (!takes_text("'")) return false;
    std::string read;
    while (!rest_.empty() && rest_.front() != '\'') {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\\') {
        if (rest_.empty()) return false;
        c = unescaped(rest_.front());
        rest_.remove_prefix(1);
      }
      read += c;
    }
    return takes_text("'") && read == expected;
  }
  static char unescaped(char c) {
    constexpr std::string_view kLetters = "0btnfr";
    constexpr std::string_view kMeant("\0\b\t\n\f\r", 6);
    const auto at = kLetters.find(c);
    return at == std::string_view::npos ? c : kMeant[at];
  }
  bool takes_array(const json::array& array) {
    bool first = true;
    const auto takes_item = [&](const json::value& item) {
      return (std::exchange(first, false) || takes_text(",")) && takes(item);
    };
    return takes_text("[") && std::ranges::all_of(array, takes_item) && takes_text("]");
  }
  bool takes_map(const json::object& object) {
    bool first = true;
    const auto takes_member = [&](const auto& member) {
      return (std::exchange(first, false) || takes_text(",")) && takes_string(member.key()) && takes_text(":") &&
             takes(member.value());
    };
    return takes_text("{") && std::ranges::all_of(object, takes_member) && takes_text("}");
  }

  std::string_view rest_;
};

}  // namespace

/// Lines: a target, an Accept-Encoding, a Cookie, a cursor.
void api_target(std::string_view input) {
  static const auto router = make_router();
  const auto target = http::detail::origin_form(take_line(input));
  const auto shown = http::detail::shown_path(target);
  require(std::ranges::all_of(shown, [](char c) { return c > ' ' && c <= '~'; }), "what is shown of a path is ASCII");
  if (const auto parsed = http::detail::parse_target(target)) {
    require(std::ranges::all_of(parsed->segments, is_text), "segments are text");
    for (const auto& [name, value] : parsed->query) {
      require(is_text(name) && is_text(value), "a query is text");
      parameter(value);
    }
  }
  router.find({.method = "GET", .target = std::string(target), .headers = {}, .body = {}, .id = {}, .client = {}});
  http::detail::accepts_gzip(take_line(input));
  const auto cookie = http::cookie_named("tributary_session", take_line(input));
  require(cookie.find(';') == std::string_view::npos, "a cookie ends where another one begins");
  if (const auto cursor = directory::Cursor::parse(input))
    require(directory::Cursor::parse(cursor->to_string()) == cursor, "a cursor that was written can be read");
}

/// A line: what is stored, as JSON. Then what is to be changed.
void config_override(std::string_view input) {
  static const Secrets secrets(std::string(64, 'a'));
  static const postgres::Guard guard{.fields = {}, .addresses = postgres::Guard::rules_of({"127.0.0.0/8"})};
  try {
    const auto stored = directory::parse_object(take_line(input), "stored");
    const auto override_keys = directory::parse_object(input, "config_override_string");
    directory::redacted(stored, secrets);
    const auto merged = directory::merged(stored, override_keys, secrets, guard);
    require(directory::merged(merged, override_keys, secrets, guard) == merged, "what is said twice is the same");
    const auto* old = stored.if_contains(directory::kDestinations);
    const auto* now = merged.if_contains(directory::kDestinations);
    if (now == nullptr || (old != nullptr && *old == *now)) return;
    for (const auto& [id, destination] : now->as_object()) {
      const auto* before = old != nullptr && old->is_object() ? old->get_object().if_contains(id) : nullptr;
      if (before == nullptr)
        require(Secrets::is_sealed(destination.at("connectionString").as_string()),
                "no new connection string is stored as it is");
    }
    auto shown = directory::redacted(merged, secrets);
    const json::object same{{directory::kDestinations, shown.at(directory::kDestinations)}};
    if (old == nullptr) require(directory::merged(merged, same, secrets, guard) == merged, "what is shown may be written back");
  } catch (const directory::Error& error) {
    require(error.refusal() == directory::Refusal::invalid, "a bad configuration is the caller's");
  }
}

/// Parameters of a query by name, as JSON.
void params_json(std::string_view input) {
  json::parse_options options;
  options.max_depth = http::Router::kMostDepth;
  json::error_code error;
  auto parsed = json::parse(input, error, {}, options);
  if (error || !http::check(Schema::map(), parsed, "body.params").empty()) return;
  clickhouse::Params params;
  for (const auto& [name, value] : parsed.as_object()) params.add_json(name, value);
  auto written = params.values().begin();
  for (const auto& [name, value] : parsed.as_object()) {
    const auto& text = (written++)->second;
    if (value.is_null())
      require(text == "\\N", "null is NULL");
    else if (value.is_bool())
      require(text == (value.get_bool() ? "1" : "0"), "a truth is a number");
    else
      require(Literal(value.is_string() ? '\'' + text + '\'' : text).is(value), "a literal is read as what was meant");
  }
}

}  // namespace tributary::fuzz
