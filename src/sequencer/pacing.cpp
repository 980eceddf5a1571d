#include "sequencer/pacing.hpp"

#include <algorithm>

namespace tributary::sequencer {

void Alarm::rang(Clock::time_point now) {
  if (now - window_start_ > kWindow) {
    window_start_ = now;
    count_ = 0;
  }
  ++count_;
}

std::chrono::milliseconds Pause::next() {
  const auto pause = std::min(next_, longest_);
  next_ = std::min(next_ * 2, longest_);
  return pause;
}

std::chrono::microseconds rest_after(Clock::duration batch) {
  constexpr std::chrono::microseconds kShortest{1'000};
  constexpr std::chrono::microseconds kLongest{4'000};
  return std::clamp(std::chrono::duration_cast<std::chrono::microseconds>(2 * batch), kShortest, kLongest);
}

void Patience::listed(const Uuid& first, const Uuid& last, std::span<const Uuid> tenancies) {
  for (auto count = counts_.lower_bound(first); count != counts_.end() && count->first <= last;) {
    count = std::ranges::binary_search(tenancies, count->first) ? std::next(count) : counts_.erase(count);
  }
}

void Patience::numbered(const Uuid& tenancy) { ++counts_.try_emplace(tenancy, Count{0, passes_}).first->second.passes; }

bool Patience::ended(const Uuid& tenancy) const {
  const auto count = counts_.find(tenancy);
  return count != counts_.end() && count->second.passes >= count->second.limit;
}

void Patience::waited(const Uuid& tenancy, bool in_vain) {
  const auto count = counts_.find(tenancy);
  if (count == counts_.end()) return;
  if (!in_vain) {
    counts_.erase(count);
    return;
  }
  count->second = {0, std::min(count->second.limit * 2, kMostPasses)};
}

}  // namespace tributary::sequencer
