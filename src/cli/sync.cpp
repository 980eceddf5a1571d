#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/backlog.hpp"
#include "cli/catalog.hpp"
#include "cli/command.hpp"
#include "cli/server.hpp"
#include "cli/text.hpp"
#include "queue/health.hpp"

namespace tributary::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookEvery = 50ms;
constexpr auto kDrawEvery = 500ms;
constexpr auto kStopTime = 7s;
/// For the embedded engine to start and load what it has, twice.
constexpr auto kClickHouseTime = 120s;
constexpr std::size_t kMostBars = 20;
constexpr int kBarWidth = 24;

struct Options {
  bool once = false;
  bool no_progress = false;
};

/// A bar for each of the first destinations, drawn over the one before on a terminal.
class Progress {
 public:
  Progress(std::vector<DestinationRow> destinations, const destination::postgres_target::Params& params)
      : more_(destinations.size()) {
    for (auto& destination : destinations) {
      if (bars_.size() == kMostBars) break;
      bars_.push_back({BacklogReader(std::move(destination), params), 0});
    }
    more_ -= bars_.size();
  }

  asio::awaitable<void> draw(postgres::Connection& source, const std::vector<mapping::Mapping>& mappings) {
    Table table({"DESTINATION", "PROGRESS", "TO DO", ""});
    for (auto& bar : bars_) {
      const auto backlog = co_await bar.reader.read(source, mappings, Deadline::after(kDrawEvery * 4));
      bar.total = std::max(bar.total, backlog.changes);
      const double done = bar.total == 0 ? 1 : 1 - static_cast<double>(backlog.changes) / static_cast<double>(bar.total);
      const auto& row = bar.reader.destination();
      table.add({row.project + (row.branch == "main" ? "" : "@" + row.branch) + '/' + row.id, progress_bar(done, kBarWidth),
                 grouped(backlog.changes), backlog.error});
    }
    auto text = table.to_string();
    if (const auto clickhouse = co_await queue::read_clickhouse(source, statement_deadline()); clickhouse.waiting > 0)
      text += "and " + counted(clickhouse.waiting, "request") + " for ClickHouse\n";
    if (more_ > 0) text += "and " + counted(static_cast<std::int64_t>(more_), "destination") + " more\n";
    if (lines_ > 0) std::printf("\033[%zdA\033[J", lines_);
    lines_ = std::ranges::count(text, '\n');
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

 private:
  struct Bar {
    BacklogReader reader;
    std::int64_t total;
  };
  std::vector<Bar> bars_;
  std::size_t more_;
  std::ptrdiff_t lines_ = 0;
};

/// Until nothing is on its way, or `stop`. The source cannot know what a ClickHouse lacks that was not reached yet: it is waited for, and given up.
asio::awaitable<void> wait_until_drained(const Server& server, postgres::Connection& source,
                                         const std::vector<mapping::Mapping>& mappings, Progress* progress,
                                         std::stop_token stop) {
  Event pause(co_await asio::this_coro::executor);
  auto next_draw = Deadline::after(0s);
  const auto for_clickhouse = Deadline::after(kClickHouseTime);
  int times = 0;
  while (!stop.stop_requested()) {
    const bool nothing = server.is_idle() && (server.clickhouse_is_known() || for_clickhouse.expired()) &&
                         co_await queue::is_drained(source, mappings, statement_deadline()) && server.is_idle();
    times = nothing ? times + 1 : 0;
    // A destination that is tried apart has no request meanwhile, and may leave one: twice on end.
    const bool drained = times == 2;
    if (progress != nullptr && (drained || next_draw.expired())) {
      co_await progress->draw(source, mappings);
      next_draw = Deadline::after(kDrawEvery);
    }
    if (drained) co_return;
    co_await pause.wait(Deadline::after(kLookEvery), stop);
  }
}

int report(const std::vector<queue::Trouble>& troubles, bool clickhouse_is_known) {
  if (!clickhouse_is_known)
    std::fprintf(stderr, "tributary: ClickHouse was not to be reached; what is wrong stands in the log above\n");
  if (troubles.empty() && clickhouse_is_known) {
    std::puts("Every destination has every change.");
    return kDone;
  }
  for (const auto& trouble : troubles) {
    const auto rows = trouble.quarantined > 0 ? counted(trouble.quarantined, "refused row") + ": " : "";
    std::fprintf(stderr, "tributary: destination %s of tenancy %s%s%s: %s%s\n", trouble.destination.c_str(),
                 trouble.tenancy.to_string().c_str(), trouble.mapping.empty() ? "" : ", mapping ", trouble.mapping.c_str(),
                 rows.c_str(), trouble.paused ? "paused; `tributary resume` ends that" : trouble.error.c_str());
  }
  std::fprintf(stderr, "tributary: everything else is done; mend these and run `tributary retry`, then sync again\n");
  return kIncomplete;
}

asio::awaitable<int> sync_once(const settings::Settings& settings, std::vector<mapping::Mapping> mappings, bool show,
                               std::stop_token stop) {
  telemetry::Metrics metrics;
  Server server(co_await asio::this_coro::executor, ServerParams::from(settings), mappings, metrics);
  auto source = co_await open_source(settings);
  co_await server.start(statement_deadline());
  const auto fusebox = co_await queue::read_fusebox(source, statement_deadline());
  if (!fusebox.sequencer || !fusebox.poller) {
    co_await server.stop(Deadline::after(kStopTime));
    throw Failure("the fusebox has stopped the " + std::string(fusebox.sequencer ? "poller" : "sequencer") +
                  " for everybody; set the column of \"ExternalDbSyncMetadata\" back to true first");
  }
  std::optional<Progress> progress;
  if (show) progress.emplace(co_await list_destinations(source, {}, secrets_of(settings)), destination_params(settings));
  co_await wait_until_drained(server, source, mappings, progress ? &*progress : nullptr, stop);
  const bool clickhouse_is_known = server.clickhouse_is_known();
  co_await server.stop(Deadline::after(kStopTime));
  if (stop.stop_requested()) throw Failure("stopped before everything was done; run it again for the rest");
  co_return report(co_await queue::read_troubles(source, statement_deadline()), clickhouse_is_known);
}

}  // namespace

void add_sync(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("sync", "Bring every destination up to date and exit; exits 3 where one does not take its rows");
  command->add_flag("--once", options->once, "Drain everything, then exit (`tributary serve` goes on for ever)")->required();
  command->add_flag("--no-progress", options->no_progress, "Draw no bars on a terminal");
  command->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) {
      source_options(settings);
      const auto mappings = load_mappings(settings);
      const bool show = !options->no_progress && isatty(STDOUT_FILENO) != 0;
      return run_until_signal([&](std::stop_token stop) { return sync_once(settings, mappings, show, stop); });
    };
  });
}

}  // namespace tributary::cli
