#pragma once
#include <boost/asio/awaitable.hpp>

#include <span>
#include <string>
#include <vector>

#include "cli/catalog.hpp"
#include "mapping/mapping.hpp"

namespace CLI {
class App;
}

/// Flags by which a subcommand is told what it is about: pause, resume, verify, resync.
namespace tributary::cli {

struct Choice {
  std::string project;
  std::string branch = "main";
  std::string tenancy;
  std::string destination;
  std::string mapping;

  bool is_everything() const { return project.empty() && tenancy.empty() && destination.empty() && mapping.empty(); }
};

/// --project, --branch, --tenancy, --destination, --mapping. Lifetime: `choice` outlives `command`.
void add_choice(CLI::App& command, Choice& choice);

/// The destinations that are meant, the shared ClickHouse among them. Throws Failure where there is none, with what to do.
asio::awaitable<std::vector<DestinationRow>> chosen_destinations(postgres::Connection& source, const Choice& choice,
                                                                 Secrets secrets);
/// The mappings that are meant. Throws Failure{kBadInput} where none has that name.
std::vector<mapping::Mapping> chosen_mappings(std::vector<mapping::Mapping> mappings, const Choice& choice);

}  // namespace tributary::cli
