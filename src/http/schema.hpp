#pragma once
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What JSON an endpoint takes and gives. Stated once: requests are checked against it, and the OpenAPI document is written from it.
namespace tributary::http {

namespace json = boost::json;

struct Field;

/// The shape of a JSON value. A plain value: made by the functions below, narrowed by those that return a copy.
struct Schema {
  enum class Type { any, boolean, integer, number, string, object, array, map };
  enum class Format { none, uuid, email, uri };

  Type type = Type::any;
  std::string name = {};  ///< under which the document lists it once ("User"); empty: written where it stands
  std::string about = {};
  bool nullable = false;  ///< null is legal, too. Of any it always is
  Format format = Format::none;  ///< of a string; checked
  std::optional<std::int64_t> least = {};  ///< number: value; string: characters; array: items
  std::optional<std::int64_t> most = {};
  std::vector<std::string> choices = {};  ///< of a string: the legal ones; empty: all
  std::vector<Field> fields;  ///< of an object. Others are refused
  std::vector<Schema> items;  ///< one: of an array's items, or of a map's values (an object with any keys)

  static Schema any();
  static Schema boolean();
  static Schema integer(std::optional<std::int64_t> least = {}, std::optional<std::int64_t> most = {});
  static Schema number();
  static Schema string(std::optional<std::int64_t> least = {}, std::optional<std::int64_t> most = {});
  static Schema uuid();
  static Schema email();
  static Schema uri();
  static Schema one_of(std::vector<std::string> choices);
  static Schema object(std::string name, std::vector<Field> fields);
  static Schema object(std::vector<Field> fields);
  static Schema array(Schema items, std::optional<std::int64_t> most = {});
  static Schema map(Schema values);
  static Schema map();  ///< any object

  Schema or_null() const;
  Schema described(std::string about) const;
  Schema named(std::string name) const;
  /// An object's schema with no field required: for partial updates.
  Schema partial(std::string name) const;
  /// An object's schema with more fields.
  Schema with(std::string name, std::vector<Field> more) const;
};

/// A member of an object, a parameter of a path or of a query.
struct Field {
  std::string name;
  Schema schema;
  bool required = true;
};

Field required(std::string name, Schema schema);
Field optional(std::string name, Schema schema);

/// A place where a value is not of its schema.
struct Violation {
  std::string field;  ///< "body.client_metadata.a[3]"
  std::string message;  ///< "must be a string, not a number"
};

/// At most so many of one request are told.
inline constexpr std::size_t kMostViolations = 10;

/// Where `value` is not of `schema`; empty where it is. Numbers without a fraction where integers are wanted (5.0) become integers. `field` is the
/// value's own name. Strings and keys must not hold U+0000, which no database takes.
std::vector<Violation> check(const Schema& schema, json::value& value, std::string_view field);
/// The same of an object that may have these fields.
std::vector<Violation> check(const std::vector<Field>& fields, json::object& object, std::string_view field);

/// The value that a parameter's text stands for where its schema is a boolean, a number or a string: "5" → 5. Text that stands for none stays a string, of
/// which check() then says what is wrong.
json::value parse_parameter(const Schema& schema, std::string_view text);

}  // namespace tributary::http
