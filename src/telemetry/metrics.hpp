#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tributary::telemetry {

/// A number that only grows. Any thread, no lock.
class Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that goes up and down. Any thread, no lock.
class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Distribution;

/// Durations in buckets that grow by 2^(1/4) from 50 µs to about 10 minutes: quantiles are exact to 19 %. Any thread, no lock.
class Histogram {
 public:
  static constexpr int kBuckets = 96;
  void observe(std::chrono::nanoseconds duration);
  std::uint64_t count() const;
  /// Upper bound of the bucket that holds quantile `q` (0 to 1) of what was observed; zero when nothing was.
  std::chrono::nanoseconds quantile(double q) const;
  std::chrono::nanoseconds sum() const;
  Distribution distribution() const;

  struct Bound {
    std::chrono::nanoseconds upper;
    std::uint64_t count;  ///< of what was at most so long
  };
  /// Every fourth bucket's bound, each twice the one before.
  std::vector<Bound> cumulative() const;

 private:
  std::atomic<std::uint64_t> buckets_[kBuckets]{};
  std::atomic<std::uint64_t> sum_ns_{0};
};

/// What a histogram holds at a moment: the difference of two is what was observed between them. A value.
class Distribution {
 public:
  std::uint64_t count() const;
  std::chrono::nanoseconds quantile(double q) const;  ///< as that of the histogram
  std::chrono::nanoseconds sum() const { return sum_; }
  Distribution& operator+=(const Distribution& other);  ///< of another histogram
  Distribution& operator-=(const Distribution& earlier);  ///< of the same one

 private:
  friend class Histogram;
  std::array<std::uint64_t, Histogram::kBuckets> buckets_{};
  std::chrono::nanoseconds sum_{0};
};

/// Owns every metric of a process; metric_catalog() says what each is. Label values must come from a bounded set (mapping, destination kind, stage), never a tenant.
/// Look-ups lock; keep the reference, which lives as long as the registry.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;
  Counter& counter(std::string_view name, const Labels& labels = {});
  Gauge& gauge(std::string_view name, const Labels& labels = {});
  Histogram& histogram(std::string_view name, const Labels& labels = {});

  struct Sample {
    std::string name;  ///< Prometheus name with labels: tributary_rows_total{mapping="users"}
    double value;
  };
  /// Every metric, sorted by name within its kind. A histogram is a Prometheus summary: quantiles, _sum (seconds) and _count.
  std::vector<Sample> samples() const;
  /// Prometheus' text format (version 0.0.4), a family at a time, with the help of metric_catalog().
  std::string exposition() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Counter>> counters_;
  std::map<std::string, std::unique_ptr<Gauge>> gauges_;
  std::map<std::string, std::unique_ptr<Histogram>> histograms_;
};

}  // namespace tributary::telemetry
