#include "queue/pause.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/choice.hpp"
#include "cli/command.hpp"
#include "cli/text.hpp"

namespace tributary::cli {
namespace {

using Change = asio::awaitable<std::uint64_t> (*)(postgres::Connection&, std::span<const queue::DestinationName>, std::string,
                                                  Deadline);

struct Verb {
  const char* name;
  const char* help;
  Change change;
  const char* nothing;  ///< where nothing was to be changed
  const char* done;     ///< before the number of destinations
  const char* counted;  ///< that number's name in JSON
};

struct Options {
  Choice choice;
  bool json = false;
};

constexpr Verb kVerbs[] = {
    {"pause", "Give a destination, a mapping or a tenancy no rows until it is resumed; what changes meanwhile is kept",
     queue::pause, "Paused already.", "Paused", "paused"},
    {"resume", "End what `pause` began; it gets what it has missed at once", queue::end_pause, "Nothing is paused there.",
     "Resumed", "resumed"}};

asio::awaitable<int> run(const settings::Settings& settings, const Options& options, const Verb& verb) {
  const auto& choice = options.choice;
  chosen_mappings(load_mappings(settings), choice);
  auto source = co_await open_source(settings);
  std::vector<queue::DestinationName> names;
  for (const auto& row : co_await chosen_destinations(source, choice, {})) names.push_back({row.tenancy, row.id});
  const auto changed = co_await verb.change(source, names, choice.mapping, statement_deadline());
  if (options.json)
    std::printf("{\"%s\":%llu}\n", verb.counted, static_cast<unsigned long long>(changed));
  else if (changed == 0)
    std::puts(verb.nothing);
  else if (choice.mapping.empty())
    std::printf("%s: %s\n", verb.done, grouped(static_cast<std::int64_t>(changed)).c_str());
  else
    std::printf("%s %s: %s\n", verb.done, choice.mapping.c_str(),
                counted(static_cast<std::int64_t>(changed), "destination").c_str());
  co_return kDone;
}

}  // namespace

void add_pause(CLI::App& app, Action& chosen) {
  for (const auto& verb : kVerbs) {
    const auto options = std::make_shared<Options>();
    auto* command = app.add_subcommand(verb.name, verb.help);
    add_choice(*command, options->choice);
    command->add_flag("--json", options->json, "Print how many destinations, or mappings of them, that were, as a JSON object");
    command->callback([&chosen, options, &verb] {
      chosen = [options, &verb](const settings::Settings& settings) {
        if (options->choice.is_everything())
          throw Failure("say what: --project, --tenancy, --destination or --mapping (the fusebox stops everything)", kBadInput);
        return run_until_signal([&](std::stop_token) { return run(settings, *options, verb); });
      };
    });
  }
}

}  // namespace tributary::cli
