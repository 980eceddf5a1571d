#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

/// What every metric means: for /metrics, docs/metrics.md, the dashboards and the tests that compare them. A metric that is not here is a defect.
namespace tributary::telemetry {

enum class MetricKind : std::uint8_t { counter, gauge, histogram };
std::string_view to_string(MetricKind kind);  ///< as Prometheus calls it

struct MetricDescription {
  std::string_view name;
  MetricKind kind;
  std::string_view unit;  ///< "seconds", "rows", …
  std::string_view labels;  ///< comma-separated; each has a bounded set of values, never one per tenant
  std::string_view help;  ///< a sentence
};

/// Sorted by name.
std::span<const MetricDescription> metric_catalog();
/// nullptr: there is none of that name.
const MetricDescription* describe(std::string_view name);
/// docs/metrics.md.
std::string metrics_markdown();

}  // namespace tributary::telemetry
