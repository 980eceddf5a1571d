#include <algorithm>
#include <boost/url/parse.hpp>
#include <charconv>
#include <cmath>

#include "base/uuid.hpp"
#include "http/schema.hpp"

namespace tributary::http {
namespace {

using Type = Schema::Type;

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }
std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

std::string_view kind_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
  }
  return "";
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::any:
      return "a value";
    case Type::boolean:
      return "a boolean";
    case Type::integer:
      return "an integer";
    case Type::number:
      return "a number";
    case Type::string:
      return "a string";
    case Type::array:
      return "an array";
    case Type::object:
    case Type::map:
      return "an object";
  }
  return "";
}

bool has_type(Type type, const json::value& value) {
  switch (type) {
    case Type::any:
      return true;
    case Type::boolean:
      return value.is_bool();
    case Type::integer:
      return value.is_int64();
    case Type::number:
      return value.is_number();
    case Type::string:
      return value.is_string();
    case Type::array:
      return value.is_array();
    case Type::object:
    case Type::map:
      return value.is_object();
  }
  return false;
}

/// JSON knows no integers: 5.0 is one as well as 5.
void make_integer(json::value& value) {
  constexpr double kMost = 9'007'199'254'740'992.0;  // beyond this a double is no exact integer
  const auto* number = value.if_double();
  if (number != nullptr && std::trunc(*number) == *number && std::abs(*number) <= kMost)
    value = static_cast<std::int64_t>(*number);
}

std::int64_t characters(std::string_view utf8) {
  return std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; });
}

bool is_email(std::string_view text) {
  const auto at = text.find('@');
  const auto is_visible = [](unsigned char c) { return c > ' ' && c != 0x7f; };
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.rfind('@') == at &&
         std::ranges::all_of(text, is_visible);
}

std::string_view format_mistake(Schema::Format format, std::string_view text) {
  switch (format) {
    case Schema::Format::none:
      return "";
    case Schema::Format::uuid:
      return Uuid::parse(text) ? "" : "must be a UUID";
    case Schema::Format::email:
      return is_email(text) ? "" : "must be an e-mail address";
    case Schema::Format::uri:
      return boost::urls::parse_uri({text.data(), text.size()}).has_value() ? "" : "must be a URL";
  }
  return "";
}

/// Collects what is wrong with one value and all that it holds.
class Checker {
 public:
  std::vector<Violation> violations;

  void check(const Schema& schema, json::value& value, const std::string& field);
  void check_object(const std::vector<Field>& fields, json::object& object, const std::string& field);

 private:
  void complain(const std::string& field, std::string message) {
    if (violations.size() < kMostViolations) violations.push_back({field, std::move(message)});
  }
  bool check_text(std::string_view text, const std::string& field);
  void check_range(const Schema& schema, std::int64_t number, std::string_view unit, const std::string& field);
  void check_string(const Schema& schema, std::string_view text, const std::string& field);
  void check_number(const Schema& schema, const json::value& value, const std::string& field);
  void check_items(const Schema& schema, json::array& array, const std::string& field);
  void check_values(const Schema& schema, json::object& object, const std::string& field);
};

void Checker::check(const Schema& schema, json::value& value, const std::string& field) {
  if (violations.size() >= kMostViolations) return;
  if (value.is_null() && (schema.nullable || schema.type == Type::any)) return;
  if (schema.type == Type::integer) make_integer(value);
  if (!has_type(schema.type, value)) {
    const bool is_other_number = schema.type == Type::integer && value.is_number();
    const auto given = is_other_number ? std::string_view("a number with a fraction or too large") : kind_name(value);
    return complain(field, fmt::format("must be {}{}, not {}", type_name(schema.type), schema.nullable ? " or null" : "", given));
  }
  static const Schema kAny;
  const auto& inner = schema.items.empty() ? kAny : schema.items.front();
  if (const auto* text = value.if_string())
    check_string(schema, view(*text), field);
  else if (value.is_number())
    check_number(schema, value, field);
  else if (auto* array = value.if_array())
    check_range(schema, static_cast<std::int64_t>(array->size()), " items", field), check_items(inner, *array, field);
  else if (auto* object = value.if_object())
    schema.type == Type::object ? check_object(schema.fields, *object, field) : check_values(inner, *object, field);
}

bool Checker::check_text(std::string_view text, const std::string& field) {
  const bool good = text.find('\0') == std::string_view::npos;
  if (!good) complain(field, "must not contain the character U+0000");
  return good;
}

void Checker::check_range(const Schema& schema, std::int64_t number, std::string_view unit, const std::string& field) {
  const auto complain_of = [&](std::string_view how, std::int64_t bound) {
    complain(field, fmt::format("must {} {} {}{}", unit.empty() ? "be" : "have", how, bound, unit));
  };
  if (schema.least && number < *schema.least) complain_of("at least", *schema.least);
  if (schema.most && number > *schema.most) complain_of("at most", *schema.most);
}

void Checker::check_string(const Schema& schema, std::string_view text, const std::string& field) {
  if (!check_text(text, field)) return;
  check_range(schema, characters(text), " characters", field);
  if (const auto mistake = format_mistake(schema.format, text); !mistake.empty()) complain(field, std::string(mistake));
  if (!schema.choices.empty() && std::ranges::find(schema.choices, text) == schema.choices.end())
    complain(field, fmt::format("must be one of {}", fmt::join(schema.choices, ", ")));
}

void Checker::check_number(const Schema& schema, const json::value& value, const std::string& field) {
  if (const auto* integer = value.if_int64()) check_range(schema, *integer, "", field);
  if (const auto* number = value.if_double(); number != nullptr && !std::isfinite(*number))
    complain(field, "is too large a number");
}

void Checker::check_object(const std::vector<Field>& fields, json::object& object, const std::string& field) {
  for (const auto& member : fields) {
    auto* value = object.if_contains(member.name);
    const auto name = field.empty() ? member.name : field + '.' + member.name;
    if (value != nullptr)
      check(member.schema, *value, name);
    else if (member.required)
      complain(name, "is required");
  }
  for (const auto& [key, value] : object) {
    const auto name = view(key);
    if (std::ranges::find(fields, name, &Field::name) != fields.end()) continue;
    complain(field.empty() ? std::string(name) : field + '.' + std::string(name), "is not known here");
  }
}

void Checker::check_items(const Schema& schema, json::array& array, const std::string& field) {
  for (std::size_t i = 0; i < array.size(); ++i) check(schema, array[i], fmt::format("{}[{}]", field, i));
}

void Checker::check_values(const Schema& schema, json::object& object, const std::string& field) {
  for (auto&& pair : object) {
    const auto name = field + '.' + std::string(view(pair.key()));
    if (check_text(view(pair.key()), name)) check(schema, pair.value(), name);
  }
}

template <class Number>
std::optional<Number> parsed(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::vector<Violation> check(const Schema& schema, json::value& value, std::string_view field) {
  Checker checker;
  checker.check(schema, value, std::string(field));
  return std::move(checker.violations);
}

std::vector<Violation> check(const std::vector<Field>& fields, json::object& object, std::string_view field) {
  Checker checker;
  checker.check_object(fields, object, std::string(field));
  return std::move(checker.violations);
}

json::value parse_parameter(const Schema& schema, std::string_view text) {
  if (schema.type == Type::boolean && (text == "true" || text == "false")) return text == "true";
  if (schema.type == Type::integer) {
    if (const auto number = parsed<std::int64_t>(text)) return *number;
  }
  if (schema.type == Type::number) {
    if (const auto number = parsed<double>(text)) return *number;
  }
  return json::value(json::string_view(text.data(), text.size()));
}

}  // namespace tributary::http
