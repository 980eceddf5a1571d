#include "telemetry/otlp.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace tributary::telemetry {
namespace {

namespace json = boost::json;

/// STATUS_CODE_ERROR
constexpr int kError = 2;

// 64-bit numbers are texts in the JSON encoding of protocol buffers.
std::string text_of(std::chrono::system_clock::time_point time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

json::object value_of(std::int64_t value) { return {{"intValue", std::to_string(value)}}; }
json::object value_of(bool value) { return {{"boolValue", value}}; }
json::object value_of(const std::string& value) { return {{"stringValue", value}}; }

json::object attribute(std::string_view key, const auto& value) { return {{"key", key}, {"value", value_of(value)}}; }

json::object to_json(const SpanRecord& span) {
  json::array attributes;
  for (const auto& [key, value] : span.attributes)
    attributes.push_back(std::visit([&, &name = key](const auto& v) { return attribute(name, v); }, value));
  json::array links;
  for (const auto& link : span.links) links.push_back({{"traceId", id_text(link.trace)}, {"spanId", id_text(link.span)}});
  json::object object{
      {"traceId", id_text(span.context.trace)},
      {"spanId", id_text(span.context.span)},
      {"name", span.name},
      {"kind", static_cast<int>(span.kind)},
      {"startTimeUnixNano", text_of(span.began)},
      {"endTimeUnixNano", text_of(span.began + std::chrono::duration_cast<std::chrono::system_clock::duration>(span.took))},
      {"attributes", std::move(attributes)}};
  if (span.parent != decltype(span.parent){}) object["parentSpanId"] = id_text(span.parent);
  if (!links.empty()) object["links"] = std::move(links);
  if (span.error) object["status"] = json::object{{"code", kError}, {"message", *span.error}};
  return object;
}

}  // namespace

std::string otlp_json(std::span<const SpanRecord> spans, const Resource& resource) {
  json::array list;
  for (const auto& span : spans) list.push_back(to_json(span));
  const json::array attributes{attribute("service.name", resource.service), attribute("service.version", resource.version),
                               attribute("service.instance.id", resource.instance)};
  const json::object scope{{"scope", json::object{{"name", "tributary"}, {"version", resource.version}}},
                           {"spans", std::move(list)}};
  const json::object from{{"resource", json::object{{"attributes", attributes}}}, {"scopeSpans", json::array{scope}}};
  return json::serialize(json::object{{"resourceSpans", json::array{from}}});
}

}  // namespace tributary::telemetry
