#include "cli/choice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/command.hpp"

namespace tributary::cli {
namespace {

Selection selection_of(const Choice& choice) {
  Selection selection;
  if (!choice.project.empty()) {
    selection.project = choice.project;
    selection.branch = choice.branch;
  }
  if (!choice.destination.empty()) selection.destination = choice.destination;
  if (!choice.tenancy.empty()) {
    selection.tenancy = Uuid::parse(choice.tenancy);
    if (!selection.tenancy) throw Failure("--tenancy " + choice.tenancy + ": must be a uuid", kBadInput);
  }
  return selection;
}

}  // namespace

void add_choice(CLI::App& command, Choice& choice) {
  command.add_option("--project", choice.project, "Of this project only")->type_name("PROJECT");
  command.add_option("--branch", choice.branch, "Branch of that project")->capture_default_str()->type_name("BRANCH");
  command.add_option("--tenancy", choice.tenancy, "Of this tenancy only, by its id")->type_name("UUID");
  command.add_option("--destination", choice.destination, "This destination only; @clickhouse is the one that all share")
      ->type_name("ID");
  command.add_option("--mapping", choice.mapping, "This mapping only")->type_name("MAPPING");
}

asio::awaitable<std::vector<DestinationRow>> chosen_destinations(postgres::Connection& source, const Choice& choice,
                                                                 Secrets secrets) {
  auto rows = co_await list_every_destination(source, selection_of(choice), std::move(secrets));
  if (rows.empty()) throw Failure("no destination is like that; `tributary destination list` shows them all");
  co_return rows;
}

std::vector<mapping::Mapping> chosen_mappings(std::vector<mapping::Mapping> mappings, const Choice& choice) {
  if (choice.mapping.empty()) return mappings;
  std::vector<std::string> names;
  for (const auto& mapping : mappings) names.push_back(mapping.name);
  if (std::ranges::find(names, choice.mapping) == names.end())
    throw Failure(fmt::format("there is no mapping \"{}\"; one of {}", choice.mapping, fmt::join(names, ", ")), kBadInput);
  std::erase_if(mappings, [&](const auto& mapping) { return mapping.name != choice.mapping; });
  return mappings;
}

}  // namespace tributary::cli
