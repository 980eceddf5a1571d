#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/command.hpp"
#include "cli/text.hpp"
#include "settings/definition.hpp"

namespace tributary::cli {
namespace {

std::string reference_table() {
  Table table({"SETTING", "TYPE", "DEFAULT", "RANGE", "ZERO OR EMPTY"});
  for (const auto& definition : settings::definitions()) {
    table.add({std::string(definition.name), settings::type_name(definition), settings::default_text(definition),
               settings::range_text(definition), std::string(definition.zero)});
  }
  return table.to_string();
}

}  // namespace

void add_settings(CLI::App& app, Action& chosen) {
  const auto markdown = std::make_shared<bool>(false);
  auto* command = app.add_subcommand("settings", "List every setting with its type, default and range");
  command->add_flag("--markdown", *markdown, "As docs/configuration.md has it, with what each one is");
  command->callback([&chosen, markdown] {
    chosen = [markdown](const settings::Settings&) {
      std::fputs((*markdown ? settings::reference_markdown() : reference_table()).c_str(), stdout);
      return kDone;
    };
  });
}

}  // namespace tributary::cli
