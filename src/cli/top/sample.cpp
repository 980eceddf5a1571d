#include "cli/top/sample.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace tributary::cli::top {
namespace {

constexpr std::string_view kKinds[] = {"postgres", "clickhouse"};

double value_of(const Series& series, std::string_view key) {
  const auto found = series.find(key);
  return found == series.end() ? 0 : found->second;
}

/// Of a counter that began anew when its process did: what it has now.
double increase(const Series* before, const Series& now, std::string_view key) {
  const auto value = value_of(now, key);
  const auto earlier = before == nullptr ? 0 : value_of(*before, key);
  return value >= earlier ? value - earlier : value;
}

/// Bounds of tributary_lag_seconds in seconds, and how many were below each, more than before.
std::vector<std::pair<double, double>> lag_buckets(const Series* before, const Series& now, std::string_view kind) {
  const auto prefix = fmt::format("tributary_lag_seconds_bucket{{kind=\"{}\",le=\"", kind);
  std::vector<std::pair<double, double>> buckets;
  for (auto each = now.lower_bound(prefix); each != now.end() && each->first.starts_with(prefix); ++each) {
    const auto text = std::string_view(each->first).substr(prefix.size());
    double bound = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), bound).ec == std::errc())
      buckets.emplace_back(bound, increase(before, now, each->first));
  }
  std::ranges::sort(buckets);
  return buckets;
}

std::chrono::milliseconds quantile(const std::vector<std::pair<double, double>>& buckets, double total, double q) {
  for (const auto& [bound, below] : buckets) {
    if (below >= q * total) return std::chrono::milliseconds(static_cast<std::int64_t>(bound * 1'000 + 0.5));
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(buckets.back().first * 1'000));
}

std::optional<Frame::Lag> lag_of(const Series* before, const Series& now, std::string_view kind) {
  const auto count = fmt::format("tributary_lag_seconds_count{{kind=\"{}\"}}", kind);
  if (increase(before, now, count) == 0) before = nullptr;
  const auto total = increase(before, now, count);
  const auto buckets = lag_buckets(before, now, kind);
  if (total == 0 || buckets.empty()) return std::nullopt;
  return Frame::Lag{.kind = std::string(kind),
                    .batches = static_cast<std::int64_t>(total),
                    .p50 = quantile(buckets, total, 0.5),
                    .p99 = quantile(buckets, total, 0.99)};
}

bool is_worse(const Sample::Trouble& a, const Sample::Trouble& b, Order order) {
  const auto by_name = [](const auto& t) { return std::tie(t.destination, t.what.mapping); };
  if (order == Order::oldest && a.age != b.age) return a.age > b.age;
  if (order == Order::attempts && a.what.attempts != b.what.attempts) return a.what.attempts > b.what.attempts;
  return by_name(a) < by_name(b);
}

}  // namespace

Series parse_series(std::string_view text) {
  Series series;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto blank = line.rfind(' ');
    if (line.starts_with('#') || blank == std::string_view::npos) continue;
    const auto digits = line.substr(blank + 1);
    double value = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec == std::errc())
      series.emplace(line.substr(0, blank), value);
  }
  return series;
}

void add(Series& sum, const Series& more) {
  for (const auto& [key, value] : more) sum[key] += value;
}

std::string_view to_string(Order order) {
  return order == Order::oldest ? "oldest" : order == Order::attempts ? "attempts" : "name";
}

Frame frame_of(const Sample* before, Sample now, Order order, std::size_t most) {
  Frame frame;
  const auto* series = before == nullptr ? nullptr : &before->series;
  const auto seconds = before == nullptr ? 0 : std::chrono::duration<double>(now.at - before->at).count();
  const auto rate = [&](double amount) { return seconds > 0 ? amount / seconds : 0; };
  if (seconds > 0 && now.source_error.empty() && before->source_error.empty())
    frame.ids = rate(static_cast<double>(std::max<std::int64_t>(0, now.last_id - before->last_id)));
  for (const auto kind : kKinds) {
    if (auto lag = lag_of(series, now.series, kind)) frame.lags.push_back(std::move(*lag));
  }
  for (const auto& [name, flagged] : now.flagged) {
    auto& mapping = frame.mappings.emplace_back(Frame::Mapping{.name = name, .flagged = flagged, .applied = {}});
    for (const auto kind : kKinds) {
      const auto key = fmt::format("tributary_sync_rows_total{{kind=\"{}\",mapping=\"{}\"}}", kind, name);
      if (series != nullptr && now.series.contains(key))
        mapping.applied[std::string(kind)] = rate(increase(series, now.series, key));
    }
  }
  frame.troubled = now.troubles.size();
  std::ranges::sort(now.troubles, [&](const auto& a, const auto& b) { return is_worse(a, b, order); });
  if (now.troubles.size() > most) now.troubles.resize(most);
  frame.now = std::move(now);
  return frame;
}

}  // namespace tributary::cli::top
