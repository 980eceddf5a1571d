#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/event.hpp"
#include "cli/choice.hpp"
#include "cli/command.hpp"
#include "cli/text.hpp"
#include "queue/mend.hpp"
#include "source/migrate.hpp"

namespace tributary::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookEvery = 500ms;

struct Options {
  Choice choice;
  bool no_wait = false;
  bool json = false;
};

asio::awaitable<int> resync(const settings::Settings& settings, const Options& options,
                            const std::vector<mapping::Mapping>& all_mappings, std::stop_token stop) {
  const auto mappings = chosen_mappings(all_mappings, options.choice);
  auto source = co_await open_source(settings);
  co_await source::attach(source, all_mappings, statement_deadline());
  std::vector<queue::DestinationName> names;
  for (const auto& row : co_await chosen_destinations(source, options.choice, {})) {
    if (!row.deleted) names.push_back({row.tenancy, row.id});
  }
  std::vector<std::string> mapping_names;
  for (const auto& mapping : mappings) mapping_names.push_back(mapping.name);
  const auto asked = co_await queue::request_resync(source, names, mapping_names, statement_deadline());
  if (!options.json)
    std::printf("To be read again from the beginning, and freed of what the source lacks: %s\n",
                counted(static_cast<std::int64_t>(asked), "table").c_str());
  if (options.no_wait) {
    if (options.json) std::printf("{\"tables\":%llu}\n", static_cast<unsigned long long>(asked));
    co_return kDone;
  }
  if (!options.json) std::puts("Whoever runs `tributary serve` does so; this waits for it and may be interrupted.");
  Event pause(co_await asio::this_coro::executor);
  std::string told;
  for (;;) {
    const auto open = co_await queue::count_mends(source, names, mapping_names, statement_deadline());
    if (open.count == 0) {
      if (options.json)
        std::printf("{\"tables\":%llu,\"mended\":%lld}\n", static_cast<unsigned long long>(asked),
                    static_cast<long long>(open.differences));
      else
        std::printf("Done; mended: %s\n", counted(open.differences, "row").c_str());
      co_return kDone;
    }
    if (!open.error.empty() && open.error != told) std::fprintf(stderr, "tributary: one waits: %s\n", open.error.c_str());
    told = open.error;
    if (stop.stop_requested())
      throw Failure(fmt::format("{} are still to be done; that goes on without this command", open.count));
    co_await pause.wait(Deadline::after(kLookEvery), stop);
  }
}

}  // namespace

void add_resync(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "resync",
      "Read everything again and remove what the source lacks, while changes flow; the destination keeps its rows meanwhile");
  add_choice(*command, options->choice);
  command->add_flag("--no-wait", options->no_wait, "Return once it is on record");
  command->add_flag("--json", options->json, "Print how many tables, and in the end how many rows were mended, as a JSON object");
  command->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) {
      if (options->choice.is_everything()) throw Failure("say what: --project, --tenancy, --destination or --mapping", kBadInput);
      const auto mappings = load_mappings(settings);
      return run_until_signal([&](std::stop_token stop) { return resync(settings, *options, mappings, stop); });
    };
  });
}

}  // namespace tributary::cli
