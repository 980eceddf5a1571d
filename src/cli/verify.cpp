#include <unistd.h>

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "cli/choice.hpp"
#include "cli/clickhouse_access.hpp"
#include "cli/command.hpp"
#include "cli/text.hpp"
#include "clickhouse/error.hpp"
#include "mapping/sql.hpp"
#include "source/migrate.hpp"
#include "verify/pair.hpp"
#include "verify/record.hpp"

namespace tributary::cli {
namespace {

namespace json = boost::json;
using verify::Difference;

constexpr int kEqual = 0;
constexpr int kDifferent = 1;
constexpr int kUnproved = 2;  ///< something failed, was still on its way, or was interrupted

struct Options {
  Choice choice;
  bool repair = false;
  bool resume = false;
  bool json = false;
  std::size_t shown = 100;
  int patience_s = 60;
};

/// What became of one mapping of one destination.
struct Verdict {
  const DestinationRow* destination = nullptr;
  std::string mapping;
  std::int64_t about_rows = 0;  ///< there are in the source, as its planner estimates
  verify::Progress progress;
  std::string error;
  std::vector<std::string> shown;
  json::array shown_json;

  bool finished() const { return error.empty() && !progress.next; }
};

std::string_view word_of(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::missing:
      return "missing";
    case Difference::Kind::changed:
      return "changed";
    default:
      return "extra";
  }
}

/// What failed, and a way on where a table is not what the mapping says: it may have been altered while it was read.
std::string explained(const std::exception& failure) {
  std::string text = failure.what();
  bool is_shape = dynamic_cast<const verify::TableDiffers*>(&failure) != nullptr;
  if (const auto* error = dynamic_cast<const postgres::Error*>(&failure)) {
    // undefined_column, undefined_table, datatype_mismatch, undefined_function (an operator of another type)
    constexpr std::string_view kShape[] = {"42703", "42P01", "42804", "42883"};
    is_shape = std::ranges::find(kShape, error->sqlstate()) != std::end(kShape);
  } else if (const auto* other = dynamic_cast<const clickhouse::Error*>(&failure)) {
    // NO_SUCH_COLUMN_IN_TABLE, UNKNOWN_IDENTIFIER, TYPE_MISMATCH, UNKNOWN_TABLE
    constexpr int kShape[] = {16, 47, 53, 60};
    is_shape = std::ranges::find(kShape, other->details().code) != std::end(kShape);
  }
  if (is_shape)
    text +=
        "; the table has another shape than the mapping's, or was altered meanwhile: undo that (or drop a destination's table, "
        "which is made and "
        "filled again), then go on with --resume";
  return text;
}

/// Of the tenancy's, as the source's statistics have it: counting them would take as long as comparing.
asio::awaitable<std::int64_t> estimated_rows(postgres::Connection& source, const mapping::Mapping& mapping, Uuid tenancy) {
  postgres::Params params;
  params.add(tenancy);
  const auto result = co_await source.execute(mapping::estimate_rows_sql(mapping, "$1"), std::move(params), statement_deadline());
  co_return mapping::estimated_rows(result.get<std::string>(0, 0));
}

class Verifier {
 public:
  Verifier(const settings::Settings& settings, const Options& options, postgres::Connection source, std::stop_token stop)
      : settings_(settings), options_(options), source_(std::move(source)), stop_(std::move(stop)) {}

  asio::awaitable<void> run(const std::vector<DestinationRow>& destinations, const std::vector<mapping::Mapping>& mappings,
                            ClickHouseReader& clickhouse) {
    try {
      for (const auto& destination : destinations) {
        if (stop_.stop_requested()) break;
        if (!destination.deleted) co_await run(destination, mappings, clickhouse);  // of those the rows are to be removed
      }
    } catch (const postgres::Error& failure) {  // of the source: what a destination fails with is in its verdicts
      if (failure.kind() != postgres::ErrorKind::connection && failure.kind() != postgres::ErrorKind::deadline) throw;
      source_error_ = failure.what();
    }
  }

  int status() const {
    const auto unproved = [](const Verdict& verdict) { return !verdict.finished() || verdict.progress.undecided > 0; };
    const auto different = [](const Verdict& verdict) { return verdict.progress.differences > 0; };
    if (stop_.stop_requested() || !source_error_.empty() || std::ranges::any_of(verdicts_, unproved)) return kUnproved;
    return std::ranges::any_of(verdicts_, different) ? kDifferent : kEqual;
  }
  const std::vector<Verdict>& verdicts() const { return verdicts_; }
  /// Why the source could not be asked any more; empty where it could.
  const std::string& source_error() const { return source_error_; }

 private:
  /// Throws postgres::Error where the source does not answer.
  asio::awaitable<void> run(const DestinationRow& destination, const std::vector<mapping::Mapping>& mappings,
                            ClickHouseReader& clickhouse) {
    auto records = co_await verify::read_records(source_, destination.tenancy, destination.id, statement_deadline());
    std::unique_ptr<verify::Pair> pair;
    std::string error;
    try {
      pair = co_await open(destination, mappings, clickhouse);
    } catch (const std::exception& failure) {
      error = failure.what();
    }
    for (const auto& mapping : mappings) {
      if (stop_.stop_requested()) break;
      const auto known = records.find(mapping.name);
      auto& verdict = verdicts_.emplace_back();
      verdict.destination = &destination;
      verdict.mapping = mapping.name;
      verdict.error = error;
      if (options_.resume && known != records.end()) verdict.progress = std::move(known->second);
      const bool is_done = options_.resume && known != records.end() && !verdict.progress.next;
      if (pair && !is_done) co_await compare(*pair, mapping, verdict);
      report(verdict);
      if (!verdict.error.empty()) co_await source_.execute("SELECT 1", {}, statement_deadline());  // was it the source?
    }
  }

  asio::awaitable<std::unique_ptr<verify::Pair>> open(const DestinationRow& row, const std::vector<mapping::Mapping>& mappings,
                                                      ClickHouseReader& clickhouse) {
    verify::Place place{.tenancy = row.tenancy,
                        .project = row.project,
                        .branch = row.branch,
                        .destination = row.id,
                        .connection_string = row.connection_string};
    std::optional<verify::ClickHouseAccess> access;
    if (place.is_clickhouse()) access.emplace(co_await clickhouse.access(settings_, mappings, stop_));
    co_return co_await verify::Pair::open(source_options(settings_), std::move(place), destination_params(settings_), access);
  }

  asio::awaitable<void> compare(verify::Pair& pair, const mapping::Mapping& mapping, Verdict& verdict) {
    const auto& row = *verdict.destination;
    const auto save = [&](const verify::Progress& progress, bool begins) {
      return verify::write_record(source_, row.tenancy, row.id, mapping.name, progress, begins, statement_deadline());
    };
    try {
      verdict.about_rows = co_await estimated_rows(source_, mapping, row.tenancy);
      if (!options_.resume || !verdict.progress.next) co_await save({.next = verify::Key{}}, true);
      verdict.progress = co_await pair.compare(
          mapping, {.comparison = {.patience = std::chrono::seconds(options_.patience_s)}, .repairs = options_.repair},
          verdict.progress,
          [&](std::vector<Difference> found) -> asio::awaitable<void> {
            show(verdict, mapping, found);
            co_return;
          },
          [&](const verify::Progress& progress) -> asio::awaitable<void> {
            tell(verdict, progress);
            co_await save(progress, false);
          },
          stop_);
    } catch (const std::exception& failure) {
      verdict.error = explained(failure);
    }
  }

  void show(Verdict& verdict, const mapping::Mapping& mapping, const std::vector<Difference>& found) {
    const auto kind = pair_kind(verdict);
    for (const auto& difference : found) {
      if (shown_ == options_.shown) return;
      ++shown_;
      json::object key;
      std::string text;
      for (std::size_t i = 0; i < difference.key.size(); ++i) {
        key[mapping.target_key[i]] = difference.key[i];
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", mapping.target_key[i], difference.key[i]);
      }
      json::array columns;
      const auto all = mapping.columns_for(kind);
      for (const auto place : difference.columns) {
        columns.emplace_back(all.at(place).name);
        text += fmt::format("{}{}", columns.size() == 1 ? ": " : ", ", all.at(place).name);
      }
      verdict.shown.push_back(fmt::format("{}  {}", word_of(difference.kind), text));
      verdict.shown_json.push_back(
          json::object{{"kind", word_of(difference.kind)}, {"key", std::move(key)}, {"columns", std::move(columns)}});
    }
  }
  static mapping::DestinationKind pair_kind(const Verdict& verdict) {
    return verdict.destination->type == "clickhouse" ? mapping::DestinationKind::clickhouse : mapping::DestinationKind::postgres;
  }

  static std::string name_of(const Verdict& verdict) {
    const auto& row = *verdict.destination;
    return fmt::format("{}{}/{} {}", row.project, row.branch == "main" ? "" : "@" + row.branch, row.id, verdict.mapping);
  }
  void tell(const Verdict& verdict, const verify::Progress& progress) const {
    if (options_.json || ::isatty(STDERR_FILENO) == 0) return;
    std::fprintf(stderr, "\r\033[K%s: %s of about %s", name_of(verdict).c_str(), grouped(progress.rows).c_str(),
                 counted(std::max(verdict.about_rows, progress.rows), "row").c_str());
    std::fflush(stderr);
  }
  void report(const Verdict& verdict) const {
    if (options_.json) return;
    if (::isatty(STDERR_FILENO) != 0) std::fputs("\r\033[K", stderr);
    const auto& progress = verdict.progress;
    std::string result;
    if (progress.differences > 0) result = counted(progress.differences, "difference");
    if (progress.undecided > 0)
      result += fmt::format("{}{} still on its way", result.empty() ? "" : ", ", counted(progress.undecided, "row"));
    if (!verdict.error.empty()) result += fmt::format("{}failed: {}", result.empty() ? "" : ", ", verdict.error);
    if (!verdict.finished() && verdict.error.empty()) result += fmt::format("{}interrupted", result.empty() ? "" : ", ");
    std::printf("%s: %s compared, %s\n", name_of(verdict).c_str(), counted(progress.rows, "row").c_str(),
                result.empty() ? "equal" : result.c_str());
    for (const auto& line : verdict.shown) std::printf("  %s\n", line.c_str());
  }

  const settings::Settings& settings_;
  const Options& options_;
  postgres::Connection source_;
  const std::stop_token stop_;
  std::vector<Verdict> verdicts_;
  std::string source_error_;
  std::size_t shown_ = 0;
};

void print_json(const Verifier& verifier, const Options& options) {
  json::array results;
  for (const auto& verdict : verifier.verdicts()) {
    json::object result{{"project", verdict.destination->project},
                        {"branch", verdict.destination->branch},
                        {"tenancy", verdict.destination->tenancy.to_string()},
                        {"destination", verdict.destination->id},
                        {"mapping", verdict.mapping},
                        {"rows", verdict.progress.rows},
                        {"about_rows", verdict.about_rows},
                        {"differences", verdict.progress.differences},
                        {"undecided", verdict.progress.undecided},
                        {"finished", verdict.finished()},
                        {"shown", verdict.shown_json}};
    if (!verdict.error.empty()) result["error"] = verdict.error;
    results.push_back(std::move(result));
  }
  json::object object{{"equal", verifier.status() == kEqual}, {"repaired", options.repair}, {"results", std::move(results)}};
  if (!verifier.source_error().empty()) object["error"] = verifier.source_error();
  std::puts(json::serialize(object).c_str());
}

void print_advice(const Verifier& verifier, const Options& options, std::size_t destinations) {
  std::int64_t differences = 0;
  std::int64_t undecided = 0;
  std::int64_t shown = 0;
  for (const auto& verdict : verifier.verdicts()) {
    differences += verdict.progress.differences;
    undecided += verdict.progress.undecided;
    shown += static_cast<std::int64_t>(verdict.shown.size());
  }
  if (destinations == 0) std::puts("No destination is to be compared.");
  if (differences > shown) std::printf("%s more; --show N shows more.\n", counted(differences - shown, "difference").c_str());
  if (differences > 0)
    std::puts(options.repair ? "They are on their way to be mended; verify again to see."
                             : "`tributary verify --repair` mends them.");
  if (undecided > 0) std::puts("Rows on their way prove nothing: `tributary status --backlog` says why they are late.");
  if (!verifier.source_error().empty()) std::printf("The source does not answer any more: %s\n", verifier.source_error().c_str());
  if (verifier.status() == kUnproved) std::puts("Not everything was compared; `tributary verify --resume` goes on.");
}

asio::awaitable<int> verify_all(const settings::Settings& settings, const Options& options,
                                const std::vector<mapping::Mapping>& all_mappings, std::stop_token stop) {
  const auto mappings = chosen_mappings(all_mappings, options.choice);
  auto source = co_await open_source(settings);
  co_await source::attach(source, all_mappings, statement_deadline());
  const auto destinations = co_await chosen_destinations(source, options.choice, secrets_of(settings));
  Verifier verifier(settings, options, std::move(source), stop);
  ClickHouseReader clickhouse;
  std::exception_ptr failure;
  try {
    co_await verifier.run(destinations, mappings, clickhouse);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await clickhouse.end();
  if (failure) std::rethrow_exception(failure);
  options.json ? print_json(verifier, options) : print_advice(verifier, options, destinations.size());
  co_return verifier.status();
}

}  // namespace

void add_verify(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "verify",
      "Compare destinations with the source, row by row, while both are in use; exits 0 equal, 1 different, 2 not proved");
  add_choice(*command, options->choice);
  command->add_flag("--repair", options->repair,
                    "Send what differs once more, and remove what the source lacks, by way of the ordinary synchronisation");
  command->add_flag("--resume", options->resume, "Go on with a comparison that was interrupted");
  command->add_option("--show", options->shown, "Most differences that are shown; all are counted")
      ->capture_default_str()
      ->type_name("N");
  command->add_option("--patience", options->patience_s, "How long each mapping waits for rows that are on their way, in seconds")
      ->capture_default_str()
      ->type_name("SECONDS")
      ->check(CLI::Range(0, 3600));
  command->add_flag("--json", options->json, "Print a JSON object");
  command->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) {
      const auto mappings = load_mappings(settings);
      try {
        return run_until_signal([&](std::stop_token stop) { return verify_all(settings, *options, mappings, stop); });
      } catch (const Failure& failure) {
        throw Failure(failure.what(), kUnproved);  // 1 would say that rows differ
      } catch (const std::exception& failure) {
        throw Failure(failure.what(), kUnproved);
      }
    };
  });
}

}  // namespace tributary::cli
