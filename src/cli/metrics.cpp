#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/command.hpp"
#include "cli/text.hpp"
#include "telemetry/catalog.hpp"

namespace tributary::cli {
namespace {

std::string metrics_table() {
  Table table({"METRIC", "KIND", "UNIT", "LABELS"});
  for (const auto& metric : telemetry::metric_catalog()) {
    table.add(
        {std::string(metric.name), std::string(to_string(metric.kind)), std::string(metric.unit), std::string(metric.labels)});
  }
  return table.to_string();
}

}  // namespace

void add_metrics(CLI::App& app, Action& chosen) {
  const auto markdown = std::make_shared<bool>(false);
  auto* command = app.add_subcommand("metrics", "List every metric of /metrics with its kind, unit and labels");
  command->add_flag("--markdown", *markdown, "As docs/metrics.md has it, with what each one is");
  command->callback([&chosen, markdown] {
    chosen = [markdown](const settings::Settings&) {
      std::fputs((*markdown ? telemetry::metrics_markdown() : metrics_table()).c_str(), stdout);
      return kDone;
    };
  });
}

}  // namespace tributary::cli
