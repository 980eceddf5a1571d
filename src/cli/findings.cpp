#include "cli/findings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cli/text.hpp"

namespace tributary::cli {
namespace {

using State = queue::Behind::State;

constexpr std::size_t kMostNamed = 3;
constexpr std::string_view kStart = "start one: `tributary serve --roles {}`";

void judge_sequencer(const Flow& flow, std::vector<std::string>& found) {
  const auto& waiting = flow.unnumbered;
  if (!flow.fusebox.sequencer) {
    found.emplace_back(
        R"(The sequencer is switched off for everybody: switch it on in "ExternalDbSyncMetadata", or the dashboard.)");
    return;
  }
  if (waiting.count == 0 || !flow.stands_still) return;  // one of an earlier version works, and is not counted
  const auto rows = counted(waiting.count, "changed row") + (waiting.is_capped ? " or more" : "");
  const auto wait = waiting.count == 1 ? "waits" : "wait";
  if (flow.processes.sequencer == 0)
    found.push_back(fmt::format("{} {} for sequence ids and no process with the role sequencer runs: {}.", rows, wait,
                                fmt::format(kStart, "sequencer")));
  else
    found.push_back(fmt::format(
        "{} {} for sequence ids and none was given just now: look at the log of the sequencer, and for a transaction of the "
        "application that keeps these rows locked (pg_stat_activity).",
        rows, wait));
}

void judge_poller(const Flow& flow, std::vector<std::string>& found) {
  if (!flow.fusebox.poller) {
    found.emplace_back(
        R"(The poller is switched off for everybody: switch it on in "ExternalDbSyncMetadata", or the dashboard.)");
    return;
  }
  if (flow.queue.pending > 0 && flow.processes.sync == 0 && flow.queue.in_flight == flow.queue.stale)
    found.push_back(fmt::format("{} in the queue and no process with the role sync runs: {}.",
                                counted(flow.queue.pending, "request"), fmt::format(kStart, "sync")));
}

std::string_view reason(State state) {
  switch (state) {
    case State::pending:
      return "nobody has taken it up: all claims may be with slow destinations (queue.max_claims)";
    case State::in_flight:
      return "a large load, a slow database or a lock there";
    case State::slow:
      return "the database is slow, or a lock is held there";
  }
  return {};
}

std::string sentence(const queue::Behind& behind) {
  const auto destination = behind.destination.empty() ? (behind.kind == "postgres" ? "databases" : "rows in ClickHouse")
                                                      : fmt::format("destination {}", behind.destination);
  return fmt::format("{}: {} not up to date for {}: {}. `tributary status --backlog --project {}` says how far it is.",
                     behind.project + (behind.branch == "main" ? "" : "@" + behind.branch), destination,
                     rough_duration(behind.age), reason(behind.state), behind.project);
}

}  // namespace

std::vector<std::string> findings(const Flow& flow) {
  std::vector<std::string> found;
  judge_sequencer(flow, found);
  judge_poller(flow, found);
  if (!flow.fusebox.poller || flow.processes.sync == 0) return found;  // that is why
  for (const auto& behind : flow.behind) {
    if (behind.age >= queue::Behind::kPatience && found.size() < kMostNamed) found.push_back(sentence(behind));
  }
  return found;
}

}  // namespace tributary::cli
