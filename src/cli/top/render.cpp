#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "base/one_line.hpp"
#include "cli/text.hpp"
#include "cli/top/sample.hpp"

namespace tributary::cli::top {
namespace {

namespace json = boost::json;

/// Of a destination's error, which a stranger's server may have written.
constexpr std::size_t kLongestError = 300;

std::string rate_text(double rate) {
  return rate >= 10 || rate == 0 ? grouped(static_cast<std::int64_t>(rate + 0.5)) : fmt::format("{:.1f}", rate);
}

std::string fusebox_line(const Frame& frame) {
  if (!frame.now.source_error.empty()) return "source      " + one_line(frame.now.source_error, kLongestError);
  const auto on = [](bool is_on) { return is_on ? "on" : "OFF"; };
  return fmt::format("fusebox     sequencer {}, poller {}", on(frame.now.fusebox.sequencer), on(frame.now.fusebox.poller));
}

std::string queue_line(const queue::Counts& queue) {
  auto text = fmt::format("queue       {} pending, {} in flight", grouped(queue.pending), grouped(queue.in_flight));
  if (queue.stale > 0) text += fmt::format(", {} left behind by a dead worker", grouped(queue.stale));
  if (queue.oldest) text += ", oldest waits for " + rough_duration(*queue.oldest);
  return text;
}

std::string errors_line(const Frame& frame) {
  const auto& queue = frame.now.queue;
  return fmt::format("errors      {} parked or paused, {} quarantined, {} mended",
                     counted(static_cast<std::int64_t>(frame.troubled), "mapping"), counted(queue.quarantined, "row"),
                     counted(queue.mending, "table"));
}

std::string clickhouse_line(const queue::ClickHouseState& clickhouse) {
  auto text = fmt::format("clickhouse  {} waiting", counted(clickhouse.waiting, "request"));
  if (clickhouse.paused > 0) text += fmt::format(", paused for {}", counted(clickhouse.paused, "tenant"));
  if (clickhouse.failing > 0)
    text += fmt::format(", fails for {}: {}", counted(clickhouse.failing, "tenant"), one_line(clickhouse.error, kLongestError));
  return text;
}

std::string lag_line(const Frame::Lag& lag) {
  return fmt::format("lag         {}: p50 {}, p99 {} of {}", lag.kind, rough_duration(lag.p50), rough_duration(lag.p99),
                     lag.batches == 1 ? "1 batch" : grouped(lag.batches) + " batches");
}

std::string mappings_table(const Frame& frame) {
  Table table({"MAPPING", "UNNUMBERED", "POSTGRES/S", "CLICKHOUSE/S"});
  for (const auto& mapping : frame.mappings) {
    const auto applied = [&](const char* kind) {
      const auto found = mapping.applied.find(kind);
      return found == mapping.applied.end() ? std::string("-") : rate_text(found->second);
    };
    table.add({mapping.name, grouped(mapping.flagged), applied("postgres"), applied("clickhouse")});
  }
  return table.empty() ? "" : '\n' + table.to_string();
}

std::string state_of(const queue::Trouble& trouble) {
  if (trouble.paused) return "paused";
  return trouble.quarantined > 0 ? counted(trouble.quarantined, "refused row") : "failing";
}

std::string troubles_table(const Frame& frame) {
  Table table({"WORST", "MAPPING", "STATE", "SINCE", "TRIES", "NEXT", "ERROR"});
  for (const auto& [destination, what, age] : frame.now.troubles) {
    table.add({destination, what.mapping, state_of(what), rough_duration(age), std::to_string(what.attempts),
               what.retry_in && !what.paused ? rough_duration(*what.retry_in) : "", one_line(what.error, kLongestError)});
  }
  return table.empty() ? "" : '\n' + table.to_string();
}

/// The first `columns` code points.
std::string_view clipped(std::string_view line, std::size_t columns) {
  std::size_t end = 0;
  for (std::size_t width = 0; end < line.size() && width < columns; ++width) {
    do ++end;
    while (end < line.size() && (static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U);
  }
  return line.substr(0, end);
}

}  // namespace

std::string render(const Frame& frame, Size size, std::string_view footer) {
  std::vector<std::string> lines{fusebox_line(frame)};
  if (frame.now.source_error.empty()) {
    lines.push_back(queue_line(frame.now.queue));
    lines.push_back(errors_line(frame));
    if (frame.now.clickhouse.used) lines.push_back(clickhouse_line(frame.now.clickhouse));
    if (frame.ids) lines.push_back(fmt::format("sequencer   {} rows/s", rate_text(*frame.ids)));
  }
  for (const auto& lag : frame.lags) lines.push_back(lag_line(lag));
  for (const auto& error : frame.now.process_errors) lines.push_back("process     " + one_line(error, kLongestError));
  std::string text;
  for (const auto& line : lines) text += line + '\n';
  text += mappings_table(frame) + troubles_table(frame);

  std::string clipped_text;
  const auto room = size.lines - std::min<std::size_t>(size.lines, footer.empty() ? 0 : 1);
  std::size_t used = 0;
  for (std::string_view rest = text; !rest.empty() && used < room; ++used) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    clipped_text += std::string(clipped(line, size.columns)) + '\n';
  }
  if (!footer.empty()) clipped_text += std::string(clipped(footer, size.columns)) + '\n';
  return clipped_text;
}

json::object to_json(const Frame& frame) {
  const auto& now = frame.now;
  json::array mappings;
  for (const auto& mapping : frame.mappings) {
    json::object applied;
    for (const auto& [kind, rate] : mapping.applied) applied[kind] = rate;
    mappings.push_back(json::object{
        {"mapping", mapping.name}, {"unnumbered", mapping.flagged}, {"applied_rows_per_second", std::move(applied)}});
  }
  json::array lags;
  for (const auto& lag : frame.lags)
    lags.push_back(
        json::object{{"kind", lag.kind}, {"batches", lag.batches}, {"p50_ms", lag.p50.count()}, {"p99_ms", lag.p99.count()}});
  json::array worst;
  for (const auto& [destination, what, age] : now.troubles) {
    json::object object{
        {"destination", destination}, {"tenancy", what.tenancy.to_string()}, {"mapping", what.mapping}, {"state", state_of(what)},
        {"since_ms", age.count()},    {"attempts", what.attempts},           {"error", what.error}};
    if (what.retry_in) object["retry_in_ms"] = std::max<std::int64_t>(0, what.retry_in->count());
    worst.push_back(std::move(object));
  }
  json::object object{{"lag", std::move(lags)}, {"mappings", std::move(mappings)}, {"worst", std::move(worst)}};
  json::array processes;
  for (const auto& error : now.process_errors) processes.emplace_back(error);
  if (!processes.empty()) object["process_errors"] = std::move(processes);
  if (!now.source_error.empty()) {
    object["source_error"] = now.source_error;
    return object;
  }
  object["fusebox"] = json::object{{"sequencer", now.fusebox.sequencer}, {"poller", now.fusebox.poller}};
  object["queue"] = json::object{{"pending", now.queue.pending},
                                 {"in_flight", now.queue.in_flight},
                                 {"stale", now.queue.stale},
                                 {"oldest_ms", now.queue.oldest.value_or(std::chrono::milliseconds(0)).count()}};
  object["troubled"] = frame.troubled;
  object["quarantined"] = now.queue.quarantined;
  object["mending"] = now.queue.mending;
  if (now.clickhouse.used)
    object["clickhouse"] = json::object{{"waiting", now.clickhouse.waiting},
                                        {"failing", now.clickhouse.failing},
                                        {"paused", now.clickhouse.paused},
                                        {"error", now.clickhouse.error}};
  if (frame.ids) object["sequenced_rows_per_second"] = *frame.ids;
  return object;
}

}  // namespace tributary::cli::top
