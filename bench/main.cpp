#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "bench.hpp"
#include "report.hpp"

namespace tributary::bench {
namespace {

constexpr Benchmark kBenchmarks[] = {
    {"backfill_empty", "users that are sequenced, into an empty destination", &backfill_empty},
    {"backfill_full", "the same where every row is there and has changed", &backfill_full},
    {"sequencing", "flagged users get their ids; and all the way to their destinations", &sequencing},
    {"latency", "commit to visible at 100 changes a second, beside native logical replication", &latency},
    {"latency_beside_backfill", "the same while another tenancy is backfilled without a pause", &latency_beside_backfill},
    {"commit_throughput", "the application's own commits, with capture and without", &commit_throughput},
    {"bad_destinations", "sixteen destinations beside one down, one hanging, one with another password, one without its table",
     &bad_destinations},
    {"memory", "resident memory while rows flow", &memory},
    {"api", "requests over 64 connections, beside the same row from Postgres itself", &api},
    {"clickhouse_backfill",
     "users that are sequenced, into the embedded engine, beside its own INSERT … SELECT FROM postgresql()",
     &clickhouse_backfill},
    {"clickhouse_fan_in", "one change of each of many tenancies, until all are visible in the embedded engine",
     &clickhouse_fan_in},
    {"clickhouse_latency", "commit to visible in the tenant's view of the embedded engine", &clickhouse_latency},
    {"clickhouse_queries", "a tenant's queries over the views, beside the bare tables", &clickhouse_queries},
    {"verify", "a million equal users compared, beside one statement that hashes each row once", &verify},
    {"http", "requests of 64 clients, beside as many sessions of pgbench", &http},
};

struct Options {
  std::vector<std::string> only;
  bool quick = false;
  bool json = false;
  int pairs = 5;
  long long clickhouse_users = 1'000'000;
  std::string program = TRIBUTARY_BINARY;
  std::vector<std::string> set;
};

bool chosen(const Options& options, const Benchmark& benchmark) {
  return options.only.empty() || std::ranges::find(options.only, benchmark.name) != options.only.end();
}

int run(const Options& options) {
  std::vector<std::string> arguments;
  for (const auto& setting : options.set) arguments.insert(arguments.end(), {"--set", setting});
  Servers servers(options.program, arguments, !options.quick);
  Context context{.servers = servers,
                  .quick = options.quick,
                  .pairs = options.quick ? 1 : options.pairs,
                  .clickhouse_users = options.clickhouse_users};
  std::vector<Result> results;
  bool failed = false;
  for (const auto& benchmark : kBenchmarks) {
    if (!chosen(options, benchmark)) continue;
    fmt::print(stderr, "{}: {} …\n", benchmark.name, benchmark.about);
    try {
      for (auto& result : benchmark.run(context)) {
        fmt::print(stderr, "  {}\n", line(result, options.quick));
        results.push_back(std::move(result));
      }
    } catch (const std::exception& error) {  // what the others have measured is worth having
      fmt::print(stderr, "  {} failed: {}\n", benchmark.name, error.what());
      failed = true;
    }
  }
  fmt::print("{}", options.json ? to_json(results, options.quick) : to_table(results, options.quick));
  if (failed) return 2;
  const bool all_met = std::ranges::all_of(results, [](const auto& r) { return !r.goal || r.goal->met_by(r.value); });
  return all_met || options.quick ? 0 : 1;
}

}  // namespace
}  // namespace tributary::bench

int main(int argc, char** argv) {
  tributary::bench::Options options;
  CLI::App app(
      "End-to-end benchmarks: each figure beside its baseline of the same run. Exit status 1 where a goal is missed, 2 where one "
      "failed.",
      "tributary_bench");
  std::vector<std::string> names;
  for (const auto& benchmark : tributary::bench::kBenchmarks) names.emplace_back(benchmark.name);
  app.add_option("--only", options.only, "Only these: " + CLI::detail::join(names, ", "))
      ->delimiter(',')
      ->check(CLI::IsMember(names))
      ->type_name("NAME,...");
  app.add_flag("--quick", options.quick, "Everything small and once, to see that it runs; figures and goals mean nothing");
  app.add_option("--pairs", options.pairs, "How often the two sides of a comparison take turns")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app.add_option("--clickhouse-users", options.clickhouse_users, "How many users clickhouse_backfill loads")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  app.add_flag("--json", options.json, "Results as JSON on standard output");
  app.add_option("--set", options.set, "A setting of the service: --set sync.load_rows=1000; may be given several times")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  app.add_option("--binary", options.program, "The program to measure")->type_name("FILE")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return tributary::bench::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "tributary_bench: {}\n", error.what());
    return 2;
  }
}
