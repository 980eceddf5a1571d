#include <boost/asio/this_coro.hpp>
#include <boost/json.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "cli/clickhouse_engine.hpp"
#include "cli/command.hpp"
#include "destination/clickhouse/schema.hpp"
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

/// What the flags say, and where they say nothing the settings.
clickhouse::Options target_of(const Options& options, const settings::Settings& settings) {
  auto target = options.target;
  if (target.embedded) return target;
  if (target.cluster.empty()) target.cluster = settings.clickhouse.cluster;
  if (target.definer.empty()) target.definer = settings.clickhouse.definer;
  return target;
}

int print_migrations(const Options& options, const settings::Settings& settings) {
  const auto mappings = load_mappings(settings);
  const auto target = target_of(options, settings);
  const clickhouse::TenantUser user{.password_sha256 =
                                        options.password_sha256.empty() ? std::string(kNoPassword) : options.password_sha256};
  const auto plan = clickhouse::plan(mappings, target, target.embedded ? nullptr : &user, {});
  if (options.json)
    print_json(plan, options, mappings);
  else
    print_text(plan);
  return kDone;
}

/// What differs goes to stderr, a line each.
int report(const destination::clickhouse_target::SchemaState& state, bool made_user) {
  if (state.failure) throw Failure(state.failure->message);
  for (const auto& [mapping, failure] : state.of_mappings) std::fprintf(stderr, "%s\n", failure.message.c_str());
  std::printf("%zu statements were run, %zu tables differ and were left as they are\n", state.statements,
              state.of_mappings.size());
  if (!made_user) std::puts("limited_user and its row policies were left as they are: --password-sha256 makes them");
  return state.of_mappings.empty() ? kDone : kIncomplete;
}

asio::awaitable<int> apply_migrations(Options options, settings::Settings settings) {
  const auto mappings = load_mappings(settings);
  if (settings.clickhouse.url.empty())
    throw Failure(
        "clickhouse.url is not set: the embedded engine's schema is applied by whoever starts it. --print shows the statements",
        kBadInput);
  const auto server = clickhouse_server(settings);
  const clickhouse::TenantUser user{.password_sha256 = options.password_sha256};
  const bool makes_user = !options.password_sha256.empty();
  tributary::clickhouse::Client client(co_await asio::this_coro::executor, server);
  try {
    const auto state = co_await destination::clickhouse_target::apply_schema(
        client, mappings, target_of(options, settings), makes_user ? &user : nullptr, destination::clickhouse_target::Extent::all,
        statement_deadline());
    client.close();
    co_return report(state, makes_user);
  } catch (const tributary::clickhouse::Error& error) {
    client.close();
    throw Failure("ClickHouse at " + server.redacted() + ": " + error.what());
  }
}

int migrate(const Options& options, const settings::Settings& settings) {
  if (options.print) return print_migrations(options, settings);
  if (options.target.embedded || options.json) throw Failure("--embedded and --json go with --print", kBadInput);
  return run_until_signal([&](std::stop_token) { return apply_migrations(options, settings); });
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

  auto* migrating = command->add_subcommand(
      "migrate", "Make the ClickHouse of clickhouse.url ready for the mappings; safe to run again, and by two at once");
  migrating->add_flag("--print", options->print, "Print the statements that an empty ClickHouse needs, and run none");
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
  migrating->callback(
      [&chosen, options] { chosen = [options](const settings::Settings& settings) { return migrate(*options, settings); }; });
}

}  // namespace tributary::cli
