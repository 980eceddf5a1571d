#include "support/api_generator.hpp"

#include <algorithm>

#include "support/json_schema.hpp"

namespace tributary::test {
namespace {

std::int64_t integer_of(const json::object& schema, const char* keyword, std::int64_t otherwise) {
  const auto* found = schema.if_contains(keyword);
  return found != nullptr ? found->to_number<std::int64_t>() : otherwise;
}

}  // namespace

json::value Generator::value(const json::value& reference, const std::string& name, int depth) {
  const auto& schema = resolved(reference, document_);
  if (const auto field = fields_.find(name); field != fields_.end() && depth > 0 && !chance_.one_in(4))
    return chance_.one_of(field->second);
  if (const auto* alternatives = schema.if_contains("anyOf")) return value(chance_.one_of(alternatives->as_array()), name, depth);
  if (const auto* choices = schema.if_contains("enum")) return chance_.one_of(choices->as_array());
  const auto* types = schema.if_contains("type");
  if (types == nullptr) return anything(depth);
  const auto type = std::string(types->is_string() ? types->as_string() : chance_.one_of(types->as_array()).as_string());
  if (type == "null") return nullptr;
  if (type == "boolean") return chance_.one_in(2);
  if (type == "string") return string(schema, name);
  if (type == "object") return object(schema, depth);
  if (type == "integer" || type == "number") {
    const auto least = integer_of(schema, "minimum", -1'000'000'000);
    const auto most = integer_of(schema, "maximum", 1'000'000'000'000);
    return chance_.one_in(3) ? (chance_.one_in(2) ? least : most)
                             : least + static_cast<std::int64_t>(chance_.number() % static_cast<std::uint64_t>(most - least + 1));
  }
  json::array array;
  const auto most = std::min<std::int64_t>(integer_of(schema, "maxItems", 3), 3);
  for (auto size = chance_.below(static_cast<std::size_t>(most) + 1); size > 0; --size)
    array.push_back(value(schema.at("items"), name, depth + 1));
  return array;
}

json::value Generator::anything(int depth) {
  switch (chance_.below(depth > 3 ? 4 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return chance_.one_in(2);
    case 2:
      return static_cast<std::int64_t>(chance_.number() >> chance_.below(64));
    case 3:
      return json::value(text(0, 20));
    case 4: {
      json::array array;
      for (auto size = chance_.below(4); size > 0; --size) array.push_back(anything(depth + 1));
      return array;
    }
    default: {
      json::object object;
      for (auto size = chance_.below(4); size > 0; --size) object[text(0, 8)] = anything(depth + 1);
      return object;
    }
  }
}

std::string Generator::text(std::size_t least, std::size_t most) {
  static const std::vector<std::string> kPieces{"a",      "Zoë",  "🎉",   "👩‍👩‍👧",
                                                "'",      "\"",   "\\",   "; DROP TABLE x --",
                                                "\n",     "\t",   "\x01", "\x7f",
                                                " ",      "%",    "_",    "{}",
                                                "\u202e", "null", "0",    "ß",
                                                "日本語", "<b>",  "$1",   "\u0301"};
  // Many a text must be more than text allows.
  if (least <= 16 && most >= 20 && chance_.one_in(8)) return "fuzz" + std::to_string(chance_.below(50)) + "@example.com";
  std::string result;
  std::size_t length = 0;
  const auto wanted = least + chance_.below(std::min<std::size_t>(most - least, chance_.one_in(20) ? 5'000 : 12) + 1);
  while (length < wanted) {
    const auto& piece = chance_.one_of(kPieces);
    const auto characters = static_cast<std::size_t>(
        std::ranges::count_if(piece, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
    if (length + characters > wanted) {
      result += 'x';
      ++length;
    } else {
      result += piece;
      length += characters;
    }
  }
  return result;
}

json::value Generator::string(const json::object& schema, const std::string& name) {
  const auto* format = schema.if_contains("format");
  if (format != nullptr && *format == "uuid") return json::value(chance_.uuid(name));
  if (format != nullptr && *format == "email") return json::value("fuzz" + std::to_string(chance_.below(50)) + "@example.com");
  if (format != nullptr && *format == "uri") return json::value("https://example.com/" + std::to_string(chance_.below(1'000)));
  if (auto id = chance_.text_id(name); !id.empty() && chance_.one_in(2)) return json::value(id);
  return json::value(text(static_cast<std::size_t>(integer_of(schema, "minLength", 0)),
                          static_cast<std::size_t>(integer_of(schema, "maxLength", 10'000))));
}

json::value Generator::object(const json::object& schema, int depth) {
  json::object result;
  if (const auto* properties = schema.if_contains("properties")) {
    const auto* required = schema.if_contains("required");
    for (const auto& [name, member] : properties->as_object()) {
      const bool must =
          required != nullptr && std::ranges::find(required->as_array(), json::value(name)) != required->as_array().end();
      if (must || chance_.one_in(2)) result[name] = value(member, std::string(name), depth + 1);
    }
  }
  const auto* others = schema.if_contains("additionalProperties");
  if (others != nullptr && others->is_object())
    for (auto size = chance_.below(4); size > 0; --size) result[text(1, 8)] = value(*others, "", depth + 1);
  return result;
}

}  // namespace tributary::test
