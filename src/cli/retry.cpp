#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/catalog.hpp"
#include "cli/command.hpp"
#include "cli/text.hpp"
#include "queue/queue.hpp"

namespace tributary::cli {
namespace {

struct Options {
  std::string project;
  std::string branch = "main";
  std::string destination;
  std::string mapping;
  bool json = false;
};

asio::awaitable<int> retry(const settings::Settings& settings, const Options& options) {
  auto source = co_await open_source(settings);
  std::optional<Uuid> tenancy;
  if (!options.project.empty()) {
    tenancy = co_await find_tenancy(source, options.project, options.branch);
    if (!tenancy) {
      throw Failure("there is no project \"" + options.project + "\" with a branch \"" + options.branch +
                    "\"; `tributary project list` shows them");
    }
  }
  const auto tenancies = co_await queue::retry(source, tenancy, options.destination, options.mapping, statement_deadline());
  if (options.json)
    std::printf("{\"tenancies\":%llu}\n", static_cast<unsigned long long>(tenancies));
  else if (tenancies == 0)
    std::puts("Nothing waits for a retry.");
  else
    std::printf("Tenancies queued for another try: %s\n", grouped(static_cast<std::int64_t>(tenancies)).c_str());
  co_return kDone;
}

}  // namespace

void add_retry(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("retry", "Try everything that is parked or quarantined now, without waiting for its next try");
  command->add_option("--project", options->project, "Of this project only")->type_name("PROJECT");
  command->add_option("--branch", options->branch, "Branch of that project")->capture_default_str()->type_name("BRANCH");
  command->add_option("--destination", options->destination, "Of this destination only")->type_name("ID");
  command->add_option("--mapping", options->mapping, "Of this mapping only")->type_name("MAPPING");
  command->add_flag("--json", options->json, "Print how many tenancies were queued, as a JSON object");
  command->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) {
      return run_until_signal([&](std::stop_token) { return retry(settings, *options); });
    };
  });
}

}  // namespace tributary::cli
