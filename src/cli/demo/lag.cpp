#include "cli/demo/lag.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace tributary::cli::demo {

void LagWindow::add(Clock::time_point seen, Clock::duration lag) {
  samples_.push_back({seen, lag});
  if (samples_.size() > kMost) samples_.pop_front();
}

std::optional<LagWindow::Clock::duration> LagWindow::quantile(double q, Clock::time_point since) const {
  std::vector<Clock::duration> lags;
  for (const auto& sample : samples_) {
    if (sample.seen >= since) lags.push_back(sample.lag);
  }
  if (lags.empty()) return std::nullopt;
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(lags.size())));
  const auto nth = lags.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::ranges::nth_element(lags, nth);
  return *nth;
}

std::size_t LagWindow::count(Clock::time_point since) const {
  return static_cast<std::size_t>(std::ranges::count_if(samples_, [&](const Sample& sample) { return sample.seen >= since; }));
}

}  // namespace tributary::cli::demo
