#include "http/schema.hpp"

#include <algorithm>
#include <utility>

namespace tributary::http {

Schema Schema::any() { return {}; }
Schema Schema::boolean() { return {.type = Type::boolean}; }
Schema Schema::integer(std::optional<std::int64_t> least, std::optional<std::int64_t> most) {
  return {.type = Type::integer, .least = least, .most = most};
}
Schema Schema::number() { return {.type = Type::number}; }
Schema Schema::string(std::optional<std::int64_t> least, std::optional<std::int64_t> most) {
  return {.type = Type::string, .least = least, .most = most};
}
Schema Schema::uuid() { return {.type = Type::string, .format = Format::uuid}; }
Schema Schema::email() { return {.type = Type::string, .format = Format::email}; }
Schema Schema::uri() { return {.type = Type::string, .format = Format::uri}; }
Schema Schema::one_of(std::vector<std::string> choices) { return {.type = Type::string, .choices = std::move(choices)}; }
Schema Schema::object(std::string name, std::vector<Field> fields) {
  return {.type = Type::object, .name = std::move(name), .fields = std::move(fields)};
}
Schema Schema::object(std::vector<Field> fields) { return object("", std::move(fields)); }
Schema Schema::array(Schema items, std::optional<std::int64_t> most) {
  return {.type = Type::array, .most = most, .items = {std::move(items)}};
}
Schema Schema::map() { return map(any()); }
Schema Schema::map(Schema values) { return {.type = Type::map, .items = {std::move(values)}}; }

Schema Schema::or_null() const {
  auto copy = *this;
  copy.nullable = true;
  return copy;
}

Schema Schema::described(std::string text) const {
  auto copy = *this;
  copy.about = std::move(text);
  return copy;
}

Schema Schema::named(std::string text) const {
  auto copy = *this;
  copy.name = std::move(text);
  return copy;
}

Schema Schema::partial(std::string text) const {
  auto copy = named(std::move(text));
  for (auto& field : copy.fields) field.required = false;
  return copy;
}

Schema Schema::with(std::string text, std::vector<Field> more) const {
  auto copy = named(std::move(text));
  std::ranges::move(more, std::back_inserter(copy.fields));
  return copy;
}

Field required(std::string name, Schema schema) { return {std::move(name), std::move(schema), true}; }
Field optional(std::string name, Schema schema) { return {std::move(name), std::move(schema), false}; }

}  // namespace tributary::http
