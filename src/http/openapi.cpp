#include "http/openapi.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cctype>
#include <stdexcept>

#include "http/detail/pages.hpp"
#include "http/detail/routes.hpp"

namespace tributary::http {
namespace {

using Type = Schema::Type;

std::string_view json_type(Type type) {
  switch (type) {
    case Type::any:
      return "";
    case Type::boolean:
      return "boolean";
    case Type::integer:
      return "integer";
    case Type::number:
      return "number";
    case Type::string:
      return "string";
    case Type::array:
      return "array";
    case Type::object:
    case Type::map:
      return "object";
  }
  return "";
}

std::string_view format_name(Schema::Format format) {
  switch (format) {
    case Schema::Format::none:
      return "";
    case Schema::Format::uuid:
      return "uuid";
    case Schema::Format::email:
      return "email";
    case Schema::Format::uri:
      return "uri";
  }
  return "";
}

json::value reference(std::string_view kind, std::string_view name) {
  return {{"$ref", fmt::format("#/components/{}/{}", kind, name)}};
}

/// Writes schemas; those that have a name go where they can be referred to.
class SchemaWriter {
 public:
  json::value write(const Schema& schema);
  json::object components;

 private:
  json::object written_out(const Schema& schema);
  void write_bounds(const Schema& schema, json::object& out) const;
  void write_members(const Schema& schema, json::object& out);
};

json::value SchemaWriter::write(const Schema& schema) {
  if (schema.name.empty()) return written_out(schema);
  auto plain = schema;
  plain.nullable = false;
  const json::value written = written_out(plain);
  const auto [entry, is_new] = components.emplace(schema.name, written);
  if (!is_new && entry->value() != written) throw std::invalid_argument("two schemas are named " + schema.name);
  auto named = reference("schemas", schema.name);
  if (!schema.nullable) return named;
  return {{"anyOf", json::array{std::move(named), {{"type", "null"}}}}};
}

json::object SchemaWriter::written_out(const Schema& schema) {
  json::object out;
  if (const auto type = json_type(schema.type); !type.empty()) {
    if (schema.nullable)
      out["type"] = json::array{type, "null"};
    else
      out["type"] = type;
  }
  if (!schema.about.empty()) out["description"] = schema.about;
  if (const auto format = format_name(schema.format); !format.empty()) out["format"] = format;
  if (!schema.choices.empty()) {
    json::array choices(schema.choices.begin(), schema.choices.end());
    if (schema.nullable) choices.emplace_back(nullptr);
    out["enum"] = std::move(choices);
  }
  write_bounds(schema, out);
  write_members(schema, out);
  return out;
}

void SchemaWriter::write_bounds(const Schema& schema, json::object& out) const {
  const auto names = schema.type == Type::string  ? std::pair("minLength", "maxLength")
                     : schema.type == Type::array ? std::pair("minItems", "maxItems")
                                                  : std::pair("minimum", "maximum");
  if (schema.least) out[names.first] = *schema.least;
  if (schema.most) out[names.second] = *schema.most;
}

void SchemaWriter::write_members(const Schema& schema, json::object& out) {
  if (schema.type == Type::array) out["items"] = write(schema.items.front());
  if (schema.type == Type::map) out["additionalProperties"] = write(schema.items.front());
  if (schema.type != Type::object) return;
  json::object properties;
  json::array names;
  for (const auto& field : schema.fields) {
    properties[field.name] = write(field.schema);
    if (field.required) names.emplace_back(field.name);
  }
  out["properties"] = std::move(properties);
  if (!names.empty()) out["required"] = std::move(names);
  out["additionalProperties"] = false;
}

Schema error_schema() {
  return Schema::object(
      "Error", {required("code", Schema::string().described("Tells errors apart")),
                required("error", Schema::string().described("A sentence for people")), optional("details", Schema::map())});
}

json::object content(const std::string& type, json::value schema) { return {{type, {{"schema", std::move(schema)}}}}; }

/// Writes the operations of one router.
class DocumentWriter {
 public:
  explicit DocumentWriter(const Router& router) : router_(router) {}
  json::object write();

 private:
  json::object operation(const Endpoint& endpoint);
  json::array parameters(const Endpoint& endpoint);
  json::object responses(const Endpoint& endpoint);
  json::array security(Access access);
  json::value error_response(const std::vector<KnownError>& errors);
  const ApiDescription::Credentials* credentials(Access access) const;

  const Router& router_;
  SchemaWriter schemas_;
  json::object security_schemes_;
};

json::object DocumentWriter::write() {
  const auto& api = router_.api();
  json::object paths;
  for (const auto& endpoint : router_.endpoints()) {
    auto& path = paths[endpoint.path];
    if (path.is_null()) path = json::object();
    std::string method(to_string(endpoint.method));
    std::ranges::transform(method, method.begin(), [](unsigned char c) { return std::tolower(c); });
    path.as_object()[method] = operation(endpoint);
  }
  return {{"openapi", "3.1.0"},
          {"info", {{"title", api.title}, {"version", api.version}, {"description", api.about}}},
          {"servers", json::array{{{"url", api.prefixes.front()}}}},
          {"paths", std::move(paths)},
          {"components", {{"schemas", std::move(schemas_.components)}, {"securitySchemes", std::move(security_schemes_)}}}};
}

/// get_users_user_id of GET /users/{user_id}
std::string operation_id(const Endpoint& endpoint) {
  std::string id;
  for (const unsigned char c : fmt::format("{}{}", to_string(endpoint.method), endpoint.path)) {
    if (std::isalnum(c) != 0)
      id += static_cast<char>(std::tolower(c));
    else if (!id.ends_with('_') && c != '}')
      id += '_';
  }
  return id;
}

json::object DocumentWriter::operation(const Endpoint& endpoint) {
  json::object out{{"operationId", operation_id(endpoint)}, {"summary", endpoint.summary}};
  if (!endpoint.group.empty()) out["tags"] = json::array{endpoint.group};
  out["security"] = security(endpoint.access);
  if (auto list = parameters(endpoint); !list.empty()) out["parameters"] = std::move(list);
  if (endpoint.body)
    out["requestBody"] = {{"required", true}, {"content", content("application/json", schemas_.write(*endpoint.body))}};
  out["responses"] = responses(endpoint);
  return out;
}

json::array DocumentWriter::parameters(const Endpoint& endpoint) {
  json::array list;
  const auto add = [&](const std::vector<Field>& fields, std::string_view where) {
    for (const auto& field : fields)
      list.push_back(
          {{"name", field.name}, {"in", where}, {"required", field.required}, {"schema", schemas_.write(field.schema)}});
  };
  add(endpoint.path_parameters, "path");
  add(endpoint.query, "query");
  return list;
}

const ApiDescription::Credentials* DocumentWriter::credentials(Access access) const {
  const auto& all = router_.api().credentials;
  const auto found = all.find(access);
  return found == all.end() ? nullptr : &found->second;
}

json::array DocumentWriter::security(Access access) {
  json::array alternatives;
  const auto* needed = credentials(access);
  if (access == Access::none || needed == nullptr) return alternatives;
  for (const auto& headers : needed->headers) {
    json::object together;
    for (const auto& header : headers) {
      security_schemes_[header] = header == "authorization"
                                      ? json::object{{"type", "http"}, {"scheme", "bearer"}}
                                      : json::object{{"type", "apiKey"}, {"in", "header"}, {"name", header}};
      together[header] = json::array();
    }
    alternatives.push_back(std::move(together));
  }
  return alternatives;
}

json::object DocumentWriter::responses(const Endpoint& endpoint) {
  std::map<unsigned, std::vector<KnownError>> errors;
  const auto add = [&](const KnownError& error) { errors[error.status].push_back(error); };
  for (const auto& error : endpoint.errors) add(error);
  if (const auto* needed = credentials(endpoint.access); needed != nullptr && endpoint.access != Access::none)
    std::ranges::for_each(needed->errors, add);
  add(kSchemaError);
  add(kBusy);
  add(kTimeout);
  add(kInternal);
  json::object out;
  json::object success{{"description", "Success"}};
  if (!endpoint.answer_type.empty()) success["content"] = content(endpoint.answer_type, schemas_.write(endpoint.answer));
  out[std::to_string(endpoint.status)] = std::move(success);
  for (const auto& [status, known] : errors) out[std::to_string(status)] = error_response(known);
  return out;
}

json::value DocumentWriter::error_response(const std::vector<KnownError>& errors) {
  json::array codes;
  std::string about;
  for (const auto& error : errors) {
    codes.emplace_back(error.code);
    about += fmt::format("{}`{}`: {}", about.empty() ? "" : "\n", error.code, error.about);
  }
  const json::value code{{"type", "string"}, {"enum", codes}};
  auto schema = schemas_.write(error_schema());
  schema.as_object()["properties"] = {{"code", code}};
  return {{"description", about},
          {"headers", {{"x-stack-known-error", {{"schema", code}}}}},
          {"content", content("application/json", std::move(schema))}};
}

Handler file(std::string_view name, std::string type) {
  const auto files = embedded_api_pages();
  const auto found = std::ranges::find(files, name, &EmbeddedFile::name);
  return [text = std::string(found->text), type = std::move(type)](const Request&) -> asio::awaitable<Response> {
    auto response = Response::of_text(text, type);
    response.headers.add("content-security-policy", "default-src 'self'; img-src data:; frame-ancestors 'none'");
    co_return response;
  };
}

}  // namespace

json::object openapi(const Router& router) { return DocumentWriter(router).write(); }

void add_documentation(Router& router) {
  const auto text = std::make_shared<std::string>();
  router.add({.path = "/openapi.json",
              .access = Access::none,
              .group = "About",
              .summary = "This document",
              .answer = Schema::map(),
              .handle = [text](const Request&) -> asio::awaitable<Response> { co_return Response::of_json(*text); }});
  router.add_page({"/docs", file("docs.html", "text/html; charset=utf-8")});
  router.add_page({"/docs/docs.js", file("docs.js", "text/javascript; charset=utf-8")});
  router.add_page({"/docs/docs.css", file("docs.css", "text/css; charset=utf-8")});
  *text = json::serialize(openapi(router));
}

}  // namespace tributary::http
