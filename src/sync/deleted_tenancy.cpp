#include <algorithm>

#include "mapping/sql.hpp"
#include "sync/tenancy_sync.hpp"

// What is left to do for a tenancy that was deleted.

namespace tributary::sync {

using destination::Verdict;

// Destinations that have applied every tombstone are given up, each by itself: another tenancy may be waiting for it.
asio::awaitable<void> TenancySync::leave(const Targets& targets) {
  std::vector<std::string> left;
  for (const auto& target : targets) {
    const bool refused = std::any_of(target->mappings.begin(), target->mappings.end(),
                                     [&](const auto* mapping) { return quarantined(*target, *mapping, false) > 0; });
    if (target->parked || target->partial || target->more || refused) continue;
    auto outcome = co_await target->destination->disown(tenancy_, apply_deadline());
    if (outcome.verdict == Verdict::durable)
      left.push_back(target->entry.id);
    else
      co_await park(target, "", std::move(outcome.failure));
  }
  if (left.empty() && !claim_.destinations.empty()) co_return;
  co_await look_for_rows();
  auto source = co_await services_.connect_to_source();
  // Nobody compares a tenancy that is gone: what it may have left behind is cleared away.
  if (!left.empty() && services_.kind == queue::DestinationKind::clickhouse && (claim_.mending || is_doubted_))
    co_await queue::leave_place(*source, tenancy_, source_deadline());
  co_await queue::forget_deleted_tenancy(*source, claim_, std::move(left), source_deadline());
}

// Rows may outlive their tenancy where no foreign key takes them along. Nobody delivers their tombstones when they go at last, and in the shared ClickHouse the next
// tenancy of the project would see them. (A database that is its own is compared when another tenancy takes it.) Those that are gone before anything is read have tombstones that
// are; so it is looked for them before, and for such as have come meanwhile after.
asio::awaitable<void> TenancySync::look_for_rows() {
  if (services_.kind != queue::DestinationKind::clickhouse || is_doubted_) co_return;
  auto source = co_await services_.connect_to_source();
  postgres::Params params;
  params.add(tenancy_);
  const auto found =
      co_await source->execute(mapping::has_rows_sql(services_.reader.mappings()), std::move(params), source_deadline());
  is_doubted_ = is_doubted_ || found.get<bool>(0, 0);
}

}  // namespace tributary::sync
