#include <boost/json.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/command.hpp"
#include "mapping/clickhouse_plan.hpp"

namespace tributary::cli {
namespace {

namespace clickhouse = mapping::clickhouse;
namespace json = boost::json;

/// No hash is that: a server refuses the statement until somebody has put one in.
constexpr std::string_view kNoPassword = "<SHA-256 of the password, 64 hexadecimal digits>";

struct Options {
  bool print = false;
  bool json = false;
  clickhouse::Options target;
  std::string password_sha256;
};

void print_text(const clickhouse::Plan& plan) {
  for (const auto& step : plan.steps) {
    std::printf("-- ---- %s\n\n", step.name.c_str());
    for (const auto& statement : step.statements) std::printf("%s;\n\n", statement.c_str());
  }
}

void print_json(const clickhouse::Plan& plan, const Options& options, std::span<const mapping::Mapping> mappings) {
  json::array steps;
  for (const auto& step : plan.steps) {
    steps.push_back({{"version", step.version},
                     {"name", step.name},
                     {"statements", json::array(step.statements.begin(), step.statements.end())}});
  }
  json::object object{{"steps", std::move(steps)}};
  if (options.target.embedded) {
    object["users"] = {{"setup", clickhouse::embedded_setup_users()}, {"tenants", clickhouse::embedded_users(mappings)}};
  }
  std::puts(json::serialize(object).c_str());
}

int print_migrations(const Options& options, const settings::Settings& settings) {
  if (!options.print) {
    throw Failure(
        "`tributary clickhouse migrate` cannot reach a server yet: take --print and run what it prints with clickhouse-client",
        kBadInput);
  }
  const auto mappings = load_mappings(settings);
  const clickhouse::TenantUser user{.password_sha256 =
                                        options.password_sha256.empty() ? std::string(kNoPassword) : options.password_sha256};
  const auto plan = clickhouse::plan(mappings, options.target, options.target.embedded ? nullptr : &user, {});
  if (options.json)
    print_json(plan, options, mappings);
  else
    print_text(plan);
  return kDone;
}

/// For CLI11: what is wrong with it, or nothing.
std::string hash_mistake(const std::string& text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  return text.size() == 64 && std::ranges::all_of(text, is_digit) ? "" : "must be 64 hexadecimal digits";
}

}  // namespace

void add_clickhouse(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("clickhouse", "The shared ClickHouse: its tables, views and rights");
  command->require_subcommand(1);

  auto* migrating =
      command->add_subcommand("migrate", "Show the statements that make an empty ClickHouse ready for the mappings");
  migrating->add_flag("--print", options->print, "Print the statements and run none");
  migrating->add_flag("--json", options->json, "Print a JSON object");
  auto* embedded =
      migrating->add_flag("--embedded", options->target.embedded,
                          "For the embedded engine; with --json also its files of users, who cannot be made by statements");
  migrating->add_option("--cluster", options->target.cluster, "Run on all replicas of this cluster, with replicated tables")
      ->type_name("NAME")
      ->excludes(embedded);
  migrating
      ->add_option("--definer", options->target.definer,
                   "User with whose rights the views read; else whoever runs the statements")
      ->type_name("USER")
      ->excludes(embedded);
  migrating
      ->add_option("--password-sha256", options->password_sha256,
                   "SHA-256 of limited_user's password, in hexadecimal; else a gap to fill")
      ->type_name("HASH")
      ->check(hash_mistake)
      ->excludes(embedded);
  migrating->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) { return print_migrations(*options, settings); };
  });
}

}  // namespace tributary::cli
