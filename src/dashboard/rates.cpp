#include "dashboard/rates.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "queue/queue.hpp"
#include "sequencer/sql.hpp"

namespace tributary::dashboard {
namespace {

namespace json = boost::json;
using mapping::DestinationKind;
using telemetry::Metrics;

template <class Counters>
std::uint64_t sum(const Counters& counters) {
  std::uint64_t total = 0;
  for (const telemetry::Counter& counter : counters) total += counter.value();
  return total;
}

double ms(std::chrono::nanoseconds duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

constexpr std::size_t kMostPoints = Rates::kHistory / Rates::kEvery + 1;

json::value or_null(std::optional<double> number) { return number ? json::value(*number) : json::value(); }

std::optional<double> quantile_ms(const telemetry::Distribution& lag, double q) {
  return lag.count() == 0 ? std::nullopt : std::optional(ms(lag.quantile(q)));
}

double per_second(std::uint64_t now, std::uint64_t then, std::chrono::steady_clock::duration time) {
  return static_cast<double>(now - then) / std::chrono::duration<double>(time).count();
}

json::object point(std::chrono::milliseconds at, json::value applied, json::value sequenced, json::value p50, json::value p99) {
  return {{"at_millis", at.count()},
          {"applied_rows_per_second", std::move(applied)},
          {"sequenced_rows_per_second", std::move(sequenced)},
          {"lag_p50_ms", std::move(p50)},
          {"lag_p99_ms", std::move(p99)}};
}

}  // namespace

Rates::Rates(Metrics& metrics, std::span<const mapping::Mapping> mappings) {
  for (const auto kind : {DestinationKind::postgres, DestinationKind::clickhouse}) {
    const Metrics::Labels of_kind{{"kind", std::string(queue::to_string(kind))}};
    lag_.emplace_back(metrics.histogram("tributary_lag_seconds", of_kind));
    auto labels = of_kind;
    labels["mapping"] = "";  // the destination as a whole
    failures_.emplace_back(metrics.counter("tributary_destination_failures_total", labels));
    for (const auto& mapping : mappings) {
      if (mapping.columns_for(kind).empty()) continue;
      labels["mapping"] = mapping.name;
      failures_.emplace_back(metrics.counter("tributary_destination_failures_total", labels));
      applied_rows_.emplace_back(metrics.counter("tributary_sync_rows_total", labels));
      applied_bytes_.emplace_back(metrics.counter("tributary_sync_bytes_total", labels));
    }
  }
  for (const auto& table : sequencer::sequenced_tables(mappings))
    sequenced_rows_.emplace_back(metrics.counter("tributary_sequenced_rows_total", {{"table", table}}));
}

Rates::Sample Rates::read(Time now) const {
  Sample sample{.at = now,
                .applied_rows = sum(applied_rows_),
                .applied_bytes = sum(applied_bytes_),
                .sequenced_rows = sum(sequenced_rows_),
                .failures = sum(failures_),
                .lag = {}};
  for (const telemetry::Histogram& histogram : lag_) sample.lag += histogram.distribution();
  return sample;
}

void Rates::sample(Time now, Wall wall) {
  auto sample = read(now);
  Point point{.at = wall};
  if (!samples_.empty() && now > samples_.back().at) {
    const auto& last = samples_.back();
    point.applied_rows = per_second(sample.applied_rows, last.applied_rows, now - last.at);
    point.sequenced_rows = per_second(sample.sequenced_rows, last.sequenced_rows, now - last.at);
    auto lag = sample.lag;
    lag -= last.lag;
    point.lag_p50_ms = quantile_ms(lag, 0.5);
    point.lag_p99_ms = quantile_ms(lag, 0.99);
  }
  samples_.push_back(std::move(sample));
  while (samples_.size() > 2 && now - samples_[1].at >= kLag) samples_.pop_front();
  history_.push_back(point);
  // By count as well: the wall clock may be set back.
  while (history_.size() > kMostPoints || wall - history_.front().at > kHistory) history_.pop_front();
}

const Rates::Sample& Rates::before(std::chrono::seconds age) const {
  const auto when = samples_.back().at - age;
  const auto newer = std::ranges::find_if(samples_, [&](const Sample& sample) { return sample.at > when; });
  return newer == samples_.begin() ? *newer : *std::prev(newer);
}

json::value Rates::throughput() const {
  if (samples_.size() < 2) return nullptr;
  const auto& now = samples_.back();
  const auto& then = before(kThroughput);
  const auto time = now.at - then.at;
  return json::object{{"applied_rows_per_second", per_second(now.applied_rows, then.applied_rows, time)},
                      {"applied_bytes_per_second", per_second(now.applied_bytes, then.applied_bytes, time)},
                      {"sequenced_rows_per_second", per_second(now.sequenced_rows, then.sequenced_rows, time)},
                      {"failures_per_second", per_second(now.failures, then.failures, time)}};
}

json::object Rates::lag() const {
  telemetry::Distribution lag;
  if (!samples_.empty()) {
    lag += samples_.back().lag;
    lag -= before(kLag).lag;
  }
  return {{"window_ms", std::chrono::milliseconds(kLag).count()},
          {"count", lag.count()},
          {"p50_ms", or_null(quantile_ms(lag, 0.5))},
          {"p99_ms", or_null(quantile_ms(lag, 0.99))}};
}

json::object Rates::lag_since_start() const {
  telemetry::Distribution lag;
  for (const telemetry::Histogram& histogram : lag_) lag += histogram.distribution();
  return {{"count", lag.count()},
          {"sum_ms", ms(lag.sum())},
          {"p50_ms", or_null(quantile_ms(lag, 0.5))},
          {"p99_ms", or_null(quantile_ms(lag, 0.99))}};
}

json::object Rates::history() const {
  json::array at;
  json::array applied;
  json::array sequenced;
  json::array p50;
  json::array p99;
  for (const auto& point : history_) {
    at.emplace_back(point.at.time_since_epoch().count());
    applied.push_back(or_null(point.applied_rows));
    sequenced.push_back(or_null(point.sequenced_rows));
    p50.push_back(or_null(point.lag_p50_ms));
    p99.push_back(or_null(point.lag_p99_ms));
  }
  return {{"at_millis", std::move(at)},
          {"applied_rows_per_second", std::move(applied)},
          {"sequenced_rows_per_second", std::move(sequenced)},
          {"lag_p50_ms", std::move(p50)},
          {"lag_p99_ms", std::move(p99)}};
}

json::object Rates::last_point() const {
  const auto& last = history_.back();
  return point(last.at.time_since_epoch(), or_null(last.applied_rows), or_null(last.sequenced_rows), or_null(last.lag_p50_ms),
               or_null(last.lag_p99_ms));
}

}  // namespace tributary::dashboard
