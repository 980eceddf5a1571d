#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/command.hpp"
#include "source/migrate.hpp"

namespace tributary::cli {
namespace {

struct Options {
  bool quiet = false;
  bool print_grants = false;
  bool api = false;
  std::string role = "tributary";
};

asio::awaitable<int> migrate(const settings::Settings& settings, std::vector<mapping::Mapping> mappings, bool quiet,
                             std::stop_token stop) {
  auto connection = co_await open_source(settings);
  source::MigrateOptions options;
  if (!quiet) options.progress = [](const source::Step& step) { std::printf("%s\n", step.name.c_str()); };
  co_await source::migrate(connection, mappings, options, stop);
  if (stop.stop_requested()) throw Failure("stopped; what was done stays, run `tributary migrate` again for the rest");
  co_await source::attach(connection, mappings, statement_deadline());
  if (!quiet) std::puts("The source is ready.");
  co_return kDone;
}

}  // namespace

void add_migrate(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "migrate", "Create or attach the source schema and install capture; safe to run again, and by two at once");
  command->add_flag("--quiet", options->quiet, "Do not list the steps");
  auto* print =
      command->add_flag("--print-grants", options->print_grants,
                        "Change nothing: print the SQL that makes a role for everything but this subcommand, and what it needs");
  command
      ->add_flag("--api", options->api, "Also what the REST API and `project delete` write: users, teams and what hangs on them")
      ->needs(print);
  command->add_option("--role", options->role, "Name of that role")->needs(print)->capture_default_str()->type_name("NAME");
  command->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) {
      const auto mappings = load_mappings(settings);
      if (options->print_grants) {
        std::fputs(source::grants_sql(mappings, options->role, options->api).c_str(), stdout);
        return kDone;
      }
      return run_until_signal([&](std::stop_token stop) { return migrate(settings, mappings, options->quiet, stop); });
    };
  });
}

}  // namespace tributary::cli
