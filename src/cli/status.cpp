#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "cli/backlog.hpp"
#include "cli/catalog.hpp"
#include "cli/command.hpp"
#include "cli/findings.hpp"
#include "cli/text.hpp"
#include "queue/health.hpp"
#include "queue/queue.hpp"
#include "source/migrate.hpp"

namespace tributary::cli {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// How long a sequencer is given to show that it numbers what waits: a few times what it ever pauses.
constexpr auto kSequencerPatience = 5s;
constexpr std::int64_t kMostBehind = 3;

struct Options {
  std::string project;
  bool all = false;
  bool backlog = false;
  bool json = false;
};

struct DestinationStatus {
  DestinationRow row;
  std::vector<queue::Trouble> troubles;
  std::optional<Backlog> backlog;

  std::string_view state() const {
    if (backlog && !backlog->error.empty() && troubles.empty()) return "unreachable";
    if (troubles.empty()) return "ok";
    const auto is_paused = [](const queue::Trouble& trouble) { return trouble.paused; };
    const auto is_quarantine = [](const queue::Trouble& trouble) { return trouble.quarantined > 0; };
    if (std::ranges::any_of(troubles, is_paused)) return "paused";
    return std::ranges::all_of(troubles, is_quarantine) ? "quarantine" : "failing";
  }
};

struct Status {
  source::Installation installation;
  Flow flow;
  std::vector<std::string> findings;  ///< of the flow
  queue::ClickHouseState clickhouse;
  bool drained = false;
  std::vector<DestinationStatus> destinations;

  bool healthy() const {
    return findings.empty() && clickhouse.failing == 0 && clickhouse.paused == 0 &&
           std::ranges::all_of(destinations, [](const auto& d) { return d.state() == "ok"; });
  }
};

constexpr std::string_view kTenanciesOfProject = R"sql(SELECT id FROM "Tenancy" WHERE "projectId" = $1)sql";

/// nullopt: everybody's.
asio::awaitable<std::optional<std::vector<Uuid>>> tenancies_of(postgres::Connection& source, std::string project) {
  if (project.empty()) co_return std::nullopt;
  postgres::Params params;
  params.add(project);
  const auto result = co_await source.execute(kTenanciesOfProject, std::move(params), statement_deadline());
  std::vector<Uuid> tenancies;
  for (std::size_t row = 0; row < result.rows(); ++row) tenancies.push_back(result.get<Uuid>(row, 0));
  co_return tenancies;
}

/// `tenancies`: whose requests are looked at; nullopt: everybody's.
asio::awaitable<Flow> read_flow(postgres::Connection& source, const std::vector<mapping::Mapping>& mappings,
                                std::optional<std::vector<Uuid>> tenancies) {
  Flow flow;
  flow.fusebox = co_await queue::read_fusebox(source, statement_deadline());
  flow.processes = co_await source::read_presence(source, statement_deadline());
  flow.unnumbered = co_await sequencer::read_unnumbered(source, mappings, statement_deadline());
  flow.queue = co_await queue::counts(source, statement_deadline());
  flow.behind = co_await queue::read_behind(source, std::move(tenancies), kMostBehind, statement_deadline());
  if (flow.fusebox.sequencer) {
    flow.stands_still = co_await sequencer::stands_still(source, mappings, flow.unnumbered, Deadline::after(kSequencerPatience),
                                                         statement_deadline());
  }
  co_return flow;
}

asio::awaitable<Status> read_status(const settings::Settings& settings, const std::vector<mapping::Mapping>& mappings,
                                    const Options& options) {
  auto source = co_await open_source(settings);
  Status status;
  status.installation = co_await source::attach(source, mappings, statement_deadline());
  status.flow = co_await read_flow(source, mappings, co_await tenancies_of(source, options.project));
  status.findings = findings(status.flow);
  status.clickhouse = co_await queue::read_clickhouse(source, statement_deadline());
  status.drained = co_await queue::is_drained(source, mappings, statement_deadline());
  const auto troubles = co_await queue::read_troubles(source, statement_deadline());
  Selection selection;
  if (!options.project.empty()) selection.project = options.project;
  const auto secrets = secrets_of(settings);
  auto rows = co_await list_destinations(source, selection, secrets);
  std::ranges::move(co_await list_deleted_destinations(source, std::move(selection), secrets), std::back_inserter(rows));
  for (auto& row : rows) {
    auto& destination = status.destinations.emplace_back();
    destination.row = std::move(row);
    std::ranges::copy_if(troubles, std::back_inserter(destination.troubles), [&](const queue::Trouble& trouble) {
      return trouble.tenancy == destination.row.tenancy && trouble.destination == destination.row.id;
    });
    if (options.backlog) {
      BacklogReader reader(destination.row, destination_params(settings));
      destination.backlog = co_await reader.read(source, mappings, statement_deadline());
    }
  }
  co_return status;
}

std::string iso(postgres::Timestamp time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - days));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::chrono::milliseconds age(postgres::Timestamp time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now() - time);
}

json::object to_json(const queue::Trouble& trouble) {
  json::object object{{"mapping", trouble.mapping},         {"attempts", trouble.attempts}, {"paused", trouble.paused},
                      {"quarantined", trouble.quarantined}, {"sqlstate", trouble.sqlstate}, {"error", trouble.error}};
  if (trouble.retry_in) object["retry_in_ms"] = std::max<std::int64_t>(0, trouble.retry_in->count());
  if (trouble.since) object["since"] = iso(*trouble.since);
  return object;
}

json::object to_json(const DestinationStatus& destination) {
  json::object object{{"project", destination.row.project},
                      {"branch", destination.row.branch},
                      {"tenancy", destination.row.tenancy.to_string()},
                      {"destination", destination.row.id},
                      {"deleted", destination.row.deleted},
                      {"url", postgres::redacted(destination.row.connection_string)},
                      {"state", destination.state()}};
  json::array troubles;
  for (const auto& trouble : destination.troubles) troubles.push_back(to_json(trouble));
  object["troubles"] = std::move(troubles);
  if (const auto& backlog = destination.backlog) {
    object["backlog"] = backlog->changes;
    if (backlog->complete_until) object["complete_until"] = iso(*backlog->complete_until);
    if (!backlog->error.empty()) object["unreachable"] = backlog->error;
  }
  return object;
}

json::object to_json(const queue::Counts& counts) {
  json::object object{{"pending", counts.pending}, {"in_flight", counts.in_flight},     {"stale", counts.stale},
                      {"parked", counts.parked},   {"quarantined", counts.quarantined}, {"mending", counts.mending}};
  if (counts.oldest) object["oldest_ms"] = counts.oldest->count();
  return object;
}

json::object to_json(const queue::Behind& behind) {
  return {{"project", behind.project},   {"branch", behind.branch},           {"tenancy", behind.tenancy.to_string()},
          {"kind", behind.kind},         {"destination", behind.destination}, {"state", to_string(behind.state)},
          {"age_ms", behind.age.count()}};
}

void print_json(const Status& status) {
  json::array destinations;
  for (const auto& destination : status.destinations) destinations.push_back(to_json(destination));
  json::array behind;
  for (const auto& one : status.flow.behind) behind.push_back(to_json(one));
  const auto& flow = status.flow;
  const json::object object{
      {"healthy", status.healthy()},
      {"findings", json::value_from(status.findings)},
      {"drained", status.drained},
      {"installation", status.installation.id.to_string()},
      {"fusebox", json::object{{"sequencer", flow.fusebox.sequencer}, {"poller", flow.fusebox.poller}}},
      {"processes", json::object{{"sequencer", flow.processes.sequencer}, {"sync", flow.processes.sync}}},
      {"unnumbered",
       json::object{
           {"rows", flow.unnumbered.count}, {"is_capped", flow.unnumbered.is_capped}, {"stands_still", flow.stands_still}}},
      {"queue", to_json(flow.queue)},
      {"behind", std::move(behind)},
      {"clickhouse", json::object{{"used", status.clickhouse.used},
                                  {"waiting", status.clickhouse.waiting},
                                  {"failing", status.clickhouse.failing},
                                  {"paused", status.clickhouse.paused},
                                  {"error", status.clickhouse.error}}},
      {"destinations", std::move(destinations)},
  };
  std::puts(json::serialize(object).c_str());
}

std::string summary(const DestinationStatus& destination) {
  std::string text;
  for (const auto& trouble : destination.troubles) {
    if (!text.empty()) text += "; ";
    if (!trouble.mapping.empty()) text += trouble.mapping + ": ";
    if (trouble.quarantined > 0) text += counted(trouble.quarantined, "refused row") + ": ";
    if (trouble.paused)
      text += "paused for " + rough_duration(trouble.since ? age(*trouble.since) : 0ms) + (trouble.error.empty() ? "" : ", ");
    text += trouble.error;
    if (trouble.retry_in && !trouble.paused) text += " (next try in " + rough_duration(*trouble.retry_in) + ')';
  }
  if (destination.backlog && text.empty()) text = destination.backlog->error;
  return text;
}

void print_destinations(const Status& status, const Options& options) {
  std::vector<std::string> headings{"PROJECT", "BRANCH", "DESTINATION", "STATE"};
  if (options.backlog) headings.insert(headings.end(), {"BACKLOG", "COMPLETE"});
  headings.emplace_back("WHAT IS WRONG");
  Table table(std::move(headings));
  for (const auto& destination : status.destinations) {
    if (destination.state() == "ok" && !options.all && !options.backlog) continue;
    std::vector<std::string> cells{destination.row.project + (destination.row.deleted ? " (deleted)" : ""),
                                   destination.row.branch, destination.row.id, std::string(destination.state())};
    if (const auto& backlog = destination.backlog) {
      cells.push_back(grouped(backlog->changes));
      cells.push_back(backlog->complete_until ? rough_duration(age(*backlog->complete_until)) + " ago" : "not yet");
    }
    cells.push_back(summary(destination));
    table.add(std::move(cells));
  }
  if (!table.empty()) std::printf("\n%s", table.to_string().c_str());
}

std::string summary(const queue::ClickHouseState& clickhouse) {
  if (!clickhouse.used) return "not used";
  if (clickhouse.failing > 0)
    return fmt::format("does not take rows of {}: {}", counted(clickhouse.failing, "tenant"), clickhouse.error);
  if (clickhouse.paused > 0) return fmt::format("paused for {}", counted(clickhouse.paused, "tenant"));
  return clickhouse.waiting > 0 ? fmt::format("{} on their way", counted(clickhouse.waiting, "request")) : "ok";
}

void print_text(const Status& status, const Options& options) {
  const auto running = [](std::int64_t processes) {
    return processes == 0 ? std::string("no process runs") : processes == 1 ? "1 process" : grouped(processes) + " processes";
  };
  const auto switched = [](bool on) { return on ? "on" : "OFF (\"ExternalDbSyncMetadata\")"; };
  const auto& flow = status.flow;
  std::printf("sequencer     %s, %s\npoller        %s, %s\n", switched(flow.fusebox.sequencer),
              running(flow.processes.sequencer).c_str(), switched(flow.fusebox.poller), running(flow.processes.sync).c_str());
  const auto& queue = flow.queue;
  std::printf("queue         %s pending, %s in flight", grouped(queue.pending).c_str(), grouped(queue.in_flight).c_str());
  if (queue.stale > 0) std::printf(", %s left behind by a dead worker", grouped(queue.stale).c_str());
  if (queue.oldest) std::printf(", oldest waits for %s", rough_duration(*queue.oldest).c_str());
  std::printf("\nchanges       %s", status.drained ? "none on their way" : "on their way");
  if (flow.unnumbered.count > 0)
    std::printf(", %s%s to be numbered", grouped(flow.unnumbered.count).c_str(), flow.unnumbered.is_capped ? " or more" : "");
  std::puts("");
  const auto ok = std::ranges::count_if(status.destinations, [](const auto& destination) { return destination.state() == "ok"; });
  std::printf("destinations  %s, %s ok\n", grouped(static_cast<std::int64_t>(status.destinations.size())).c_str(),
              grouped(ok).c_str());
  std::printf("clickhouse    %s\n", summary(status.clickhouse).c_str());
  if (queue.mending > 0) std::printf("mending       %s compared with the source\n", counted(queue.mending, "table").c_str());
  for (const auto& finding : status.findings) std::printf("\n%s\n", finding.c_str());
  print_destinations(status, options);
  if (queue.parked + queue.quarantined > 0) std::puts("\nEach is tried again by itself; `tributary retry` does it at once.");
  const auto is_paused = [](const auto& destination) { return destination.state() == "paused"; };
  if (status.clickhouse.paused > 0 || std::ranges::any_of(status.destinations, is_paused))
    std::puts("\nWhat is paused keeps its backlog; `tributary resume` ends that.");
  const auto is_stuck = [](const auto& destination) { return destination.row.deleted && destination.state() != "ok"; };
  if (std::ranges::any_of(status.destinations, is_stuck))
    std::puts(
        "A deleted project's rows are still to be removed; `tributary destination remove --deleted` gives the database up.");
}

}  // namespace

void add_status(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "status", "Say how things stand; exits 3 where a destination, or the flow of changes to all, needs attention");
  command->add_option("--project", options->project, "Destinations of this project only")->type_name("PROJECT");
  command->add_flag("--all", options->all, "List healthy destinations too");
  command->add_flag("--backlog", options->backlog, "Connect to each destination and count what it still has to get");
  command->add_flag("--json", options->json, "Print a JSON object");
  command->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) {
      const auto mappings = load_mappings(settings);
      return run_until_signal([&](std::stop_token) -> asio::awaitable<int> {
        const auto status = co_await read_status(settings, mappings, *options);
        options->json ? print_json(status) : print_text(status, *options);
        co_return status.healthy() ? kDone : kIncomplete;
      });
    };
  });
}

}  // namespace tributary::cli
