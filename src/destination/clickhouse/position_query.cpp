#include "destination/clickhouse/position_query.hpp"

#include <algorithm>

#include "destination/clickhouse/watermarks.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

/// Each is about 45 bytes of the request's URL.
constexpr std::size_t kTenanciesAtOnce = 1'000;

}  // namespace

Askers take_some(Askers& waiting) {
  const auto end = waiting.begin() + static_cast<std::ptrdiff_t>(std::min(waiting.size(), kTenanciesAtOnce));
  Askers some(waiting.begin(), end);
  waiting.erase(waiting.begin(), end);
  return some;
}

asio::awaitable<void> look_up(clickhouse::Client& client, const Askers& askers, Deadline deadline) {
  std::vector<Uuid> tenancies;
  for (const auto& asker : askers) tenancies.push_back(asker->tenancy);
  auto found = co_await stored_positions(client, tenancies, deadline);
  for (const auto& asker : askers) asker->found = found[asker->tenancy];
}

}  // namespace tributary::destination::clickhouse_target
