#include "cli/command.hpp"

#include <CLI/CLI.hpp>

#include <memory>

#include "cli/demo/demo.hpp"

namespace tributary::cli {

void add_demo(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<demo::DemoOptions>();
  auto* command = app.add_subcommand(
      "demo", "See it work: a private PostgreSQL, tenants, an application that changes them, and their databases that follow");
  command->add_option("--tenants", options->tenants, "Tenants, each with a database of its own (the first has two)")
      ->check(CLI::Range(1, 500))
      ->capture_default_str();
  command->add_option("--users", options->users, "Users of all tenants together; a few tenants have most of them")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100'000'000}))
      ->capture_default_str();
  command->add_option("--rate", options->rate, "Changes a second, 0: none")
      ->check(CLI::Range(0.0, 100'000.0))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "The same seed makes the same data")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000'000}))
      ->capture_default_str();
  command
      ->add_option("--data-dir", options->data_dir,
                   "Where the cluster goes: an empty or new folder. Root: one that the user postgres can reach")
      ->type_name("FOLDER");
  command->add_flag("--keep", options->keep, "Leave the data at the end, and go on with it the next time");
  auto* once =
      command->add_flag("--once", options->once, "Wait until every database equals its source, compare row by row, and end");
  command->add_flag("--json", options->json, "With --once: the summary as JSON")->needs(once);
  command->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) { return demo::run_demo(*options, settings); };
  });
}

}  // namespace tributary::cli
