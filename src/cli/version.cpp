#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/command.hpp"

namespace tributary::cli {

std::string_view program_version() { return TRIBUTARY_VERSION; }

void add_version(CLI::App& app, Action& chosen) {
  auto* command = app.add_subcommand("version", "Say which version this is");
  command->callback([&chosen] {
    chosen = [](const settings::Settings&) {
      std::puts("tributary " TRIBUTARY_VERSION);
      return kDone;
    };
  });
}

}  // namespace tributary::cli
