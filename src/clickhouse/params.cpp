#include "clickhouse/params.hpp"

#include <fmt/format.h>

#include <boost/json/value.hpp>

namespace tributary::clickhouse {
namespace {

/// ClickHouse's escapes of TabSeparated, which are right between quotes too.
std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '\0':
        out += "\\0";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\'':
        out += "\\'";
        break;
      case '\\':
        out += "\\\\";
        break;
      default:
        out += c;
    }
  }
  return out;
}

template <class Range, class Text>
std::string list_of(const Range& values, std::string_view brackets, Text text) {
  std::string out(1, brackets.front());
  for (const auto& value : values) {
    if (out.size() > 1) out += ',';
    out += text(value);
  }
  return out + brackets.back();
}

std::string quoted(std::string_view text) { return '\'' + escaped(text) + '\''; }

std::string text_of(double value) { return fmt::format("{}", value); }

/// As it stands within an array or a map, where only what is between quotes is text.
std::string element(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "NULL";
    case boost::json::kind::bool_:
      return value.get_bool() ? "true" : "false";
    case boost::json::kind::int64:
      return std::to_string(value.get_int64());
    case boost::json::kind::uint64:
      return std::to_string(value.get_uint64());
    case boost::json::kind::double_:
      return text_of(value.get_double());
    case boost::json::kind::string:
      return quoted(value.get_string());
    case boost::json::kind::array:
      return list_of(value.get_array(), "[]", element);
    case boost::json::kind::object:
      break;
  }
  return list_of(value.get_object(), "{}",
                 [](const auto& member) { return quoted(member.key()) + ':' + element(member.value()); });
}

}  // namespace

Params& Params::put(std::string_view name, std::string text) {
  values_.emplace_back(name, std::move(text));
  return *this;
}

Params& Params::add(std::string_view name, std::string_view value) { return put(name, escaped(value)); }

Params& Params::add(std::string_view name, bool value) { return put(name, value ? "1" : "0"); }

Params& Params::add(std::string_view name, std::int64_t value) { return put(name, std::to_string(value)); }

Params& Params::add(std::string_view name, std::uint64_t value) { return put(name, std::to_string(value)); }

Params& Params::add(std::string_view name, double value) { return put(name, text_of(value)); }

Params& Params::add(std::string_view name, const Uuid& value) { return put(name, value.to_string()); }

Params& Params::add(std::string_view name, std::chrono::sys_time<std::chrono::microseconds> value) {
  const auto day = std::chrono::floor<std::chrono::days>(value);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(value - day);
  return put(name, fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", static_cast<int>(date.year()),
                               static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                               time.minutes().count(), time.seconds().count(), time.subseconds().count()));
}

Params& Params::add(std::string_view name, std::span<const std::string> values) {
  return put(name, list_of(values, "[]", quoted));
}

Params& Params::add(std::string_view name, std::span<const std::int64_t> values) {
  return put(name, list_of(values, "[]", [](std::int64_t value) { return std::to_string(value); }));
}

Params& Params::add(std::string_view name, std::span<const Uuid> values) {
  return put(name, list_of(values, "[]", [](const Uuid& value) { return quoted(value.to_string()); }));
}

Params& Params::add_null(std::string_view name) { return put(name, "\\N"); }

Params& Params::add_json(std::string_view name, const boost::json::value& value) {
  if (value.is_null()) return add_null(name);
  if (value.is_bool()) return add(name, value.get_bool());  // good for UInt8, too
  return value.is_string() ? add(name, std::string_view(value.get_string())) : put(name, element(value));
}

}  // namespace tributary::clickhouse
