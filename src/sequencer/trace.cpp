#include "sequencer/trace.hpp"

#include <cctype>

namespace tributary::sequencer {
namespace {

/// "ProjectUser" is "project-user".
std::string kebab_case(std::string_view name) {
  std::string text;
  for (const unsigned char c : name) {
    if (std::isupper(c) != 0 && !text.empty()) text += '-';
    text += static_cast<char>(std::tolower(c));
  }
  return text;
}

}  // namespace

void describe(telemetry::Span& span, const Iteration& iteration, const Batch& batch, const Sequenced& result) {
  if (result.touched == 0) return span.forget();
  if (!span.recorded()) return;
  span.set("stack.external-db-sync.iteration", iteration.number);
  span.set("stack.external-db-sync.shard", batch.shard);
  span.set("stack.external-db-sync.batch-size", batch.rows_per_tenancy);
  span.set("stack.external-db-sync.pending-count", batch.tenancies.size());
  span.set("stack.external-db-sync.enqueued-count", result.enqueued);
  for (std::size_t i = 0; i < result.tables.size(); ++i) {
    const auto& [rows, tenancies] = result.tables[i];
    span.set("stack.external-db-sync." + kebab_case(iteration.tables[i]) + "-tenants", tenancies);
    if (rows == 0) continue;
    auto table = span.child("external-db-sync.sequencer.backfill", telemetry::SpanKind::client);
    table.began_at(span.began());
    table.set("db.system.name", "postgresql");
    table.set("db.collection.name", iteration.tables[i]);
    table.set("stack.external-db-sync.batch-size", batch.rows_per_tenancy);
    table.set("stack.external-db-sync.rows", rows);
    table.set("stack.external-db-sync.tenants", tenancies);
  }
}

}  // namespace tributary::sequencer
