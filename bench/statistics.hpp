#pragma once
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace tributary::bench {

/// The smallest value that at least `q` (0 to 1) of all are not above. REQUIRES: not empty.
inline double quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  return values.at(std::clamp<std::size_t>(rank, 1, values.size()) - 1);
}
inline double median(std::vector<double> values) { return quantile(std::move(values), 0.5); }

/// Two things measured in turns, A B A B, so that what drifts on the machine drifts under both.
struct Pairs {
  std::vector<double> ours;
  std::vector<double> baseline;

  void add(double a, double b) {
    ours.push_back(a);
    baseline.push_back(b);
  }
  /// Median of the pairs' own ratios.
  double ratio() const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / baseline[i]);
    return median(std::move(ratios));
  }
};

}  // namespace tributary::bench
