#include "support/json_schema.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>
#include <stdexcept>

#include "base/uuid.hpp"

namespace tributary::test {
namespace {

namespace json = boost::json;

std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

class Matcher {
 public:
  explicit Matcher(const json::object& document) : document_(document) {}
  void match(const json::value& schema, const json::value& value, const std::string& where);
  std::vector<std::string> mistakes;

 private:
  void complain(const std::string& where, const std::string& what) { mistakes.push_back(where + ' ' + what); }
  void match_keyword(std::string_view keyword, const json::value& argument, const json::object& schema, const json::value& value,
                     const std::string& where);
  void match_object(const json::object& schema, const json::object& value, const std::string& where);
  void match_any_of(const json::array& alternatives, const json::value& value, const std::string& where);

  const json::object& document_;
};

bool is_of_type(std::string_view type, const json::value& value) {
  if (type == "null") return value.is_null();
  if (type == "boolean") return value.is_bool();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  if (type == "number") return value.is_number();
  if (type == "string") return value.is_string();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  throw std::runtime_error("the document has a type \"" + std::string(type) + '"');
}

bool has_type(const json::value& type, const json::value& value) {
  if (type.is_string()) return is_of_type(view(type.as_string()), value);
  return std::ranges::any_of(type.as_array(), [&](const auto& one) { return is_of_type(view(one.as_string()), value); });
}

double length_of(const json::value& value) {
  if (const auto* array = value.if_array()) return static_cast<double>(array->size());
  const auto& text = value.as_string();
  return static_cast<double>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

void Matcher::match(const json::value& schema, const json::value& value, const std::string& where) {
  const auto& object = schema.as_object();
  for (const auto& [keyword, argument] : object) match_keyword(view(keyword), argument, object, value, where);
}

void Matcher::match_keyword(std::string_view keyword, const json::value& argument, const json::object& schema,
                            const json::value& value, const std::string& where) {
  static const std::set<std::string_view> kTexts{"description", "title", "example"};
  static const std::set<std::string_view> kOfObjects{"properties", "required", "additionalProperties"};
  const auto compare = [&](bool applies, double number, bool at_least) {
    const auto bound = argument.to_number<double>();
    if (applies && (at_least ? number < bound : number > bound)) complain(where, "is beyond " + std::string(keyword));
  };
  if (kTexts.contains(keyword)) return;
  if (kOfObjects.contains(keyword)) {
    // Together, and once, though each keyword comes by.
    if (value.is_object() && keyword == view(std::ranges::find_if(schema, [&](const auto& one) {
                                               return kOfObjects.contains(view(one.key()));
                                             })->key()))
      match_object(schema, value.as_object(), where);
  } else if (keyword == "$ref") {
    match(resolved(json::value{{"$ref", argument}}, document_), value, where);
  } else if (keyword == "anyOf") {
    match_any_of(argument.as_array(), value, where);
  } else if (keyword == "type") {
    if (!has_type(argument, value))
      complain(where, "is not of type " + json::serialize(argument) + ": " + json::serialize(value));
  } else if (keyword == "enum") {
    if (std::ranges::find(argument.as_array(), value) == argument.as_array().end())
      complain(where, "is none of " + json::serialize(argument) + ": " + json::serialize(value));
  } else if (keyword == "items") {
    if (const auto* array = value.if_array())
      for (std::size_t i = 0; i < array->size(); ++i) match(argument, (*array)[i], where + '[' + std::to_string(i) + ']');
  } else if (keyword == "minimum" || keyword == "maximum") {
    compare(value.is_number(), value.is_number() ? value.to_number<double>() : 0, keyword == "minimum");
  } else if (keyword == "minLength" || keyword == "maxLength") {
    compare(value.is_string(), value.is_string() ? length_of(value) : 0, keyword == "minLength");
  } else if (keyword == "minItems" || keyword == "maxItems") {
    compare(value.is_array(), value.is_array() ? length_of(value) : 0, keyword == "minItems");
  } else if (keyword == "format") {
    if (argument == "uuid" && value.is_string() && !Uuid::parse(view(value.as_string()))) complain(where, "is no UUID");
  } else {
    throw std::runtime_error("the document has a keyword \"" + std::string(keyword) + '"');
  }
}

void Matcher::match_object(const json::object& schema, const json::object& value, const std::string& where) {
  static const json::value kNothing = json::object();
  const auto* properties = schema.if_contains("properties");
  const auto& known = properties != nullptr ? properties->as_object() : kNothing.as_object();
  if (const auto* required = schema.if_contains("required"))
    for (const auto& name : required->as_array())
      if (!value.contains(name.as_string())) complain(where, "lacks " + std::string(name.as_string()));
  const auto* others = schema.if_contains("additionalProperties");
  for (const auto& [name, member] : value) {
    const auto path = where + '.' + std::string(name);
    if (const auto* its = known.if_contains(name))
      match(*its, member, path);
    else if (others != nullptr && others->is_bool() && !others->as_bool())
      complain(path, "is not in the schema");
    else if (others != nullptr && others->is_object())
      match(*others, member, path);
  }
}

void Matcher::match_any_of(const json::array& alternatives, const json::value& value, const std::string& where) {
  std::vector<std::string> of_first;
  for (const auto& alternative : alternatives) {
    Matcher one(document_);
    one.match(alternative, value, where);
    if (one.mistakes.empty()) return;
    if (of_first.empty()) of_first = one.mistakes;
  }
  std::ranges::move(of_first, std::back_inserter(mistakes));
}

}  // namespace

std::vector<std::string> schema_mistakes(const json::value& schema, const json::value& value, const json::object& document) {
  Matcher matcher(document);
  matcher.match(schema, value, "");
  return std::move(matcher.mistakes);
}

const json::object& resolved(const json::value& schema, const json::object& document) {
  const auto* reference = schema.as_object().if_contains("$ref");
  if (reference == nullptr) return schema.as_object();
  constexpr std::string_view kPlace = "#/components/schemas/";
  const auto target = view(reference->as_string());
  if (!target.starts_with(kPlace)) throw std::runtime_error("the document refers to " + std::string(target));
  return document.at("components").at("schemas").at(target.substr(kPlace.size())).as_object();
}

}  // namespace tributary::test
