#include "sync/trace.hpp"

#include <algorithm>

namespace tributary::sync {
namespace {

using destination::Verdict;

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::durable:
      return "durable";
    case Verdict::fenced:
      return "fenced";
    case Verdict::again:
      return "again";
    case Verdict::failed:
      return "failed";
  }
  return "";
}

void describe(telemetry::Span& span, const Extent& extent) {
  span.set("stack.external-db-sync.mappings", extent.mappings);
  span.set("stack.external-db-sync.rows", extent.rows);
  span.set("stack.external-db-sync.bytes", extent.bytes);
  span.set("stack.external-db-sync.sequence-after", extent.after);
  span.set("stack.external-db-sync.sequence-through", extent.through);
}

}  // namespace

void Extent::add(const destination::Changes& changes) {
  after = mappings.empty() ? changes.after : std::min(after, changes.after);
  through = std::max(through, changes.through);
  rows += changes.rows.rows();
  bytes += changes.rows.size_bytes();
  mappings += (mappings.empty() ? "" : ",") + changes.mapping->name;
}

void describe_fetch(telemetry::Span& span, const Extent& extent) {
  span.set("db.system.name", "postgresql");
  describe(span, extent);
}

void describe_apply(telemetry::Span& span, mapping::DestinationKind kind, std::string_view destination, const Extent& extent,
                    const destination::Outcome& outcome) {
  span.set("db.system.name", kind == mapping::DestinationKind::postgres ? "postgresql" : "clickhouse");
  span.set("stack.external-db-sync.destination", destination);
  describe(span, extent);
  span.set("stack.external-db-sync.verdict", to_string(outcome.verdict));
  if (outcome.verdict == Verdict::failed) span.fail(outcome.failure.sqlstate, outcome.failure.message);
}

}  // namespace tributary::sync
