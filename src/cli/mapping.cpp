#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>

#include "cli/command.hpp"
#include "cli/text.hpp"
#include "mapping/clickhouse_sql.hpp"
#include "mapping/sql.hpp"
#include "source/migrate.hpp"

namespace tributary::cli {
namespace {

constexpr auto kCatalogSql = R"(
SELECT c.relname::text,
       a.attname::text,
       format_type(a.atttypid, a.atttypmod)
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace
  AND c.relkind IN ('r', 'p')
)";

struct Options {
  std::vector<std::string> files;
  bool against_source = false;
  std::string name;
};

std::vector<mapping::Mapping> parse_files(const std::vector<std::string>& names) {
  std::vector<mapping::Mapping> mappings;
  std::vector<mapping::Problem> problems;
  for (const auto& name : names) {
    std::ifstream file(name, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file.is_open() || file.bad()) throw Failure("cannot read the mapping file " + name, kBadInput);
    auto parsed = mapping::parse(text, name);
    std::ranges::move(parsed.problems, std::back_inserter(problems));
    if (parsed.mapping) mappings.push_back(std::move(*parsed.mapping));
  }
  if (problems.empty()) problems = mapping::check_together(mappings);
  if (!problems.empty()) throw Failure(mistakes("mappings", problems), kBadInput);
  return mappings;
}

asio::awaitable<int> check_against_source(const settings::Settings& settings, const std::vector<mapping::Mapping>& mappings) {
  auto connection = co_await open_source(settings);
  const auto result = co_await connection.execute(kCatalogSql, statement_deadline());
  std::vector<mapping::SourceColumn> catalog;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    catalog.push_back({.table = result.get<std::string>(row, 0),
                       .column = result.get<std::string>(row, 1),
                       .type = result.get<std::string>(row, 2)});
  }
  std::vector<mapping::Problem> problems;
  for (const auto& mapping : mappings)
    std::ranges::move(mapping::check_against_source(mapping, catalog), std::back_inserter(problems));
  if (!problems.empty()) throw Failure(mistakes("mappings", problems), kBadInput);
  co_return kDone;
}

int check(const Options& options, const settings::Settings& settings) {
  const auto mappings = options.files.empty() ? load_mappings(settings) : parse_files(options.files);
  if (options.against_source) {
    run_until_signal([&](std::stop_token) { return check_against_source(settings, mappings); });
  }
  Table table({"MAPPING", "SOURCE", "TARGET", "COLUMNS"});
  for (const auto& mapping : mappings) {
    table.add({mapping.name, mapping.source_table, mapping.target_table, std::to_string(mapping.columns.size())});
  }
  std::fputs(table.to_string().c_str(), stdout);
  return kDone;
}

void print_section(std::string_view heading, const std::vector<std::string>& statements) {
  std::printf("-- ---- %.*s\n\n", static_cast<int>(heading.size()), heading.data());
  for (const auto& statement : statements) std::printf("%s;\n\n", statement.c_str());
}

int show_sql(const Options& options, const settings::Settings& settings) {
  const auto mappings = load_mappings(settings);
  const auto found = std::ranges::find(mappings, options.name, &mapping::Mapping::name);
  if (found == mappings.end())
    throw Failure("there is no mapping \"" + options.name + "\"; `tributary mapping check` lists them", kBadInput);
  const auto& mapping = *found;

  std::vector<std::string> capture;
  for (const auto& step : source::capture_steps({&mapping, 1})) capture.push_back("-- " + step.name + '\n' + step.sql);
  print_section("source: capture", capture);
  const mapping::FetchArguments arguments{.tenancy = "$1", .after = "$2", .limit = "$3"};
  const auto fetch = mapping::fetch_sql(mapping, arguments);
  const auto fetch_for_clickhouse = mapping::fetch_sql(mapping, arguments, mapping::DestinationKind::clickhouse);
  print_section("source: changes of a tenancy", {fetch});
  if (fetch_for_clickhouse != fetch) print_section("source: changes of a tenancy, for ClickHouse", {fetch_for_clickhouse});
  print_section("source: current state of keys", {mapping::fetch_keys_sql(mapping)});
  print_section("source: is anything without its sequence id", {mapping::has_unsequenced_sql(mapping)});
  print_section("destination: table", mapping::create_target_sql(mapping));
  print_section("destination: watermarks", mapping::create_metadata_sql());
  print_section("destination: first load", {mapping::copy_target_sql(mapping)});
  print_section("destination: large batches", {mapping::create_stage_sql(mapping), mapping::copy_stage_sql(mapping),
                                               mapping::delete_from_stage_sql(mapping), mapping::upsert_from_stage_sql(mapping)});
  print_section("destination: small batches", {mapping::delete_arrays_sql(mapping), mapping::upsert_arrays_sql(mapping)});
  print_section("ClickHouse: table and view",
                {mapping::clickhouse::create_table_sql(mapping, {}), mapping::clickhouse::create_view_sql(mapping, {})});
  print_section("ClickHouse: changes", {mapping::clickhouse::insert_sql(mapping)});
  print_section("ClickHouse: deleted rows leave the disk", mapping::clickhouse::clean_up_sql(mapping, std::chrono::hours(24)));
  return kDone;
}

}  // namespace

void add_mapping(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("mapping", "Look at mappings: which rows go where, and the SQL made of them");
  command->require_subcommand(1);

  auto* checking =
      command->add_subcommand("check", "Check mapping files, or those in force where none are given; exits 2 on a mistake");
  checking->add_option("files", options->files, "Mapping files")->type_name("FILE");
  checking->add_flag("--against-source", options->against_source,
                     "Also look whether the source has the tables and columns they name");
  checking->callback(
      [&chosen, options] { chosen = [options](const settings::Settings& settings) { return check(*options, settings); }; });

  auto* showing = command->add_subcommand("show-sql", "Print every statement that is generated from a mapping");
  showing->add_option("name", options->name, "Name of the mapping: users")->required()->type_name("MAPPING");
  showing->callback(
      [&chosen, options] { chosen = [options](const settings::Settings& settings) { return show_sql(*options, settings); }; });
}

}  // namespace tributary::cli
