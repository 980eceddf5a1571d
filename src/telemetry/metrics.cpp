#include "telemetry/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>

#include "telemetry/catalog.hpp"

namespace tributary::telemetry {
namespace {

using Bounds = std::array<std::chrono::nanoseconds, Histogram::kBuckets>;

const Bounds& upper_bounds() {
  static const Bounds bounds = [] {
    Bounds result;
    for (int i = 0; i < Histogram::kBuckets; ++i) {
      result[static_cast<std::size_t>(i)] = std::chrono::nanoseconds(std::llround(50'000.0 * std::exp2(i / 4.0)));
    }
    return result;
  }();
  return bounds;
}

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

/// name{a="1",b="2"}, which is both the key of a metric here and how Prometheus writes it.
std::string key_of(std::string_view name, const Metrics::Labels& labels) {
  std::string key(name);
  for (const auto& [label, value] : labels) {
    key += key.size() == name.size() ? '{' : ',';
    key += label + "=\"" + escaped(value) + '"';
  }
  return labels.empty() ? key : key + '}';
}

/// name{a="1"} with a suffix of the name: name_sum{a="1"}.
std::string suffixed(const std::string& key, std::string_view suffix) {
  auto result = key;
  return result.insert(std::min(key.find('{'), key.size()), suffix);
}

/// name{a="1"} with one label more: name{a="1",quantile="0.5"}.
std::string labelled(const std::string& key, const std::string& label) {
  return key.ends_with('}') ? key.substr(0, key.size() - 1) + ',' + label + '}' : key + '{' + label + '}';
}

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

/// HELP and TYPE, before the first sample of each family.
void append_head(std::string& text, std::string_view key, std::string& family) {
  const auto name = key.substr(0, key.find('{'));
  if (name == family) return;
  family = name;
  const auto* description = describe(name);
  if (description == nullptr) return;
  fmt::format_to(std::back_inserter(text), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, description->help,
                 to_string(description->kind));
}

template <class Metric>
Metric& find_or_make(std::mutex& mutex, std::map<std::string, std::unique_ptr<Metric>>& metrics, const std::string& key) {
  const std::lock_guard lock(mutex);
  auto& metric = metrics[key];
  if (!metric) metric = std::make_unique<Metric>();
  return *metric;
}

}  // namespace

void Histogram::observe(std::chrono::nanoseconds duration) {
  duration = std::max(duration, std::chrono::nanoseconds::zero());
  const auto& bounds = upper_bounds();
  // What is longer than every bound counts in the last bucket.
  const auto bucket = std::min<std::ptrdiff_t>(std::ranges::lower_bound(bounds, duration) - bounds.begin(), kBuckets - 1);
  buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_ns_.fetch_add(static_cast<std::uint64_t>(duration.count()), std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const { return distribution().count(); }

std::chrono::nanoseconds Histogram::quantile(double q) const { return distribution().quantile(q); }

Distribution Histogram::distribution() const {
  Distribution now;
  for (std::size_t i = 0; i < now.buckets_.size(); ++i) now.buckets_[i] = buckets_[i].load(std::memory_order_relaxed);
  now.sum_ = sum();
  return now;
}

std::uint64_t Distribution::count() const { return std::accumulate(buckets_.begin(), buckets_.end(), std::uint64_t{0}); }

std::chrono::nanoseconds Distribution::quantile(double q) const {
  const auto total = count();
  if (total == 0) return std::chrono::nanoseconds::zero();
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(total))));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    below += buckets_[i];
    if (below >= rank) return upper_bounds()[i];
  }
  return upper_bounds().back();
}

Distribution& Distribution::operator+=(const Distribution& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  sum_ += other.sum_;
  return *this;
}

Distribution& Distribution::operator-=(const Distribution& earlier) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] -= earlier.buckets_[i];
  sum_ -= earlier.sum_;
  return *this;
}

std::vector<Histogram::Bound> Histogram::cumulative() const {
  std::vector<Bound> bounds;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(kBuckets); ++i) {
    total += buckets_[i].load(std::memory_order_relaxed);
    if (i % 4 == 0) bounds.push_back({upper_bounds()[i], total});
  }
  return bounds;
}

std::chrono::nanoseconds Histogram::sum() const { return std::chrono::nanoseconds(sum_ns_.load(std::memory_order_relaxed)); }

Counter& Metrics::counter(std::string_view name, const Labels& labels) {
  return find_or_make(mutex_, counters_, key_of(name, labels));
}

Gauge& Metrics::gauge(std::string_view name, const Labels& labels) { return find_or_make(mutex_, gauges_, key_of(name, labels)); }

Histogram& Metrics::histogram(std::string_view name, const Labels& labels) {
  return find_or_make(mutex_, histograms_, key_of(name, labels));
}

std::vector<Metrics::Sample> Metrics::samples() const {
  const std::lock_guard lock(mutex_);
  std::vector<Sample> result;
  for (const auto& [key, counter] : counters_) result.push_back({key, static_cast<double>(counter->value())});
  for (const auto& [key, gauge] : gauges_) result.push_back({key, static_cast<double>(gauge->value())});
  for (const auto& [key, histogram] : histograms_) {
    for (const auto* q : {"0.5", "0.9", "0.99"}) {
      result.push_back({labelled(key, std::string("quantile=\"") + q + '"'), seconds(histogram->quantile(std::stod(q)))});
    }
    result.push_back({suffixed(key, "_sum"), seconds(histogram->sum())});
    result.push_back({suffixed(key, "_count"), static_cast<double>(histogram->count())});
  }
  return result;
}

std::string Metrics::exposition() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  std::string family;
  const auto line = [&](std::string_view key, auto value) { fmt::format_to(std::back_inserter(text), "{} {}\n", key, value); };
  for (const auto& [key, counter] : counters_) {
    append_head(text, key, family);
    line(key, counter->value());
  }
  for (const auto& [key, gauge] : gauges_) {
    append_head(text, key, family);
    line(key, gauge->value());
  }
  for (const auto& [key, histogram] : histograms_) {
    append_head(text, key, family);
    const auto bucket = suffixed(key, "_bucket");
    for (const auto& bound : histogram->cumulative())
      line(labelled(bucket, fmt::format("le=\"{}\"", seconds(bound.upper))), bound.count);
    const auto count = histogram->count();
    line(labelled(bucket, "le=\"+Inf\""), count);
    line(suffixed(key, "_sum"), seconds(histogram->sum()));
    line(suffixed(key, "_count"), count);
  }
  return text;
}

}  // namespace tributary::telemetry
