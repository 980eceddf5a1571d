#pragma once
#include <span>
#include <string>
#include <string_view>

#include "telemetry/trace.hpp"

namespace tributary::telemetry {

/// Who made the spans.
struct Resource {
  std::string service;   ///< service.name
  std::string version;   ///< service.version
  std::string instance;  ///< service.instance.id: of this run of the program
};

/// The body of a POST to /v1/traces: OTLP in its JSON encoding. Pure.
std::string otlp_json(std::span<const SpanRecord> spans, const Resource& resource);

}  // namespace tributary::telemetry
