#include "sequencer/heard.hpp"

#include <algorithm>
#include <utility>

#include "sequencer/shards.hpp"

namespace tributary::sequencer {

void Heard::add(std::string_view payload) {
  const auto space = payload.find(' ');
  const auto tenancy = Uuid::parse(payload.substr(0, space));
  if (!tenancy || (tenancies_.size() >= kMost && !tenancies_.contains(*tenancy))) {
    needs_look_ = true;
    return;
  }
  std::optional<std::size_t> place;
  if (space != std::string_view::npos) {
    const auto table = std::ranges::find(tables_, payload.substr(space + 1));
    if (table != tables_.end()) place = static_cast<std::size_t>(table - tables_.begin());
  }
  tenancies_[*tenancy].insert(place);
}

std::map<std::size_t, Heard::Named> Heard::take(int shards) {
  std::map<std::size_t, Named> by_shard;
  for (const auto& [tenancy, places] : std::exchange(tenancies_, {})) {
    const auto place = places.size() == 1 ? *places.begin() : std::nullopt;
    auto& named = by_shard.try_emplace(static_cast<std::size_t>(shard_of(tenancy, shards)), Named{{}, place}).first->second;
    named.tenancies.push_back(tenancy);
    if (named.table != place) named.table.reset();
  }
  return by_shard;
}

void Heard::clear() {
  tenancies_.clear();
  needs_look_ = false;
}

}  // namespace tributary::sequencer
