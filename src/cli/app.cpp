#include "cli/app.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/private_memory.hpp"
#include "cli/command.hpp"
#include "settings/load.hpp"
#include "telemetry/log.hpp"

namespace tributary::cli {
namespace {

constexpr auto kFooter =
    R"(Settings come from --config FILE, then TRIBUTARY_... variables, then flags; `tributary settings` lists them all.
Exit status: 0 done, 1 failed, 2 bad input (nothing was begun), 3 done but a destination needs attention.)";

/// Flags that every subcommand takes.
struct GlobalFlags {
  std::string config;
  std::vector<std::string> set;
  std::vector<settings::Flag> dedicated;
};

void add_global_flags(CLI::App& app, GlobalFlags& flags) {
  app.add_option("--config", flags.config, "YAML file of settings")->envname("TRIBUTARY_CONFIG")->type_name("FILE");
  app.add_option("--set", flags.set, "One setting: --set sync.load_rows=1000; may be given several times")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  const auto dedicated = [&](const std::string& flag, const std::string& setting, const std::string& type,
                             const std::string& help) {
    const auto take = [&flags, flag, setting](const std::string& value) { flags.dedicated.push_back({flag, setting, value}); };
    app.add_option_function<std::string>(flag, take, help + " (" + setting + ")")->type_name(type);
  };
  dedicated("--source", "source.url", "URL", "The application's Postgres");
  dedicated("--mappings", "mappings.folder", "FOLDER", "Mapping files besides the built-in ones");
  dedicated("--threads", "threads", "N", "Event loops, 0: one for each core");
  dedicated("--log-level", "log.level", "LEVEL", "debug, info, warning or error");
  dedicated("--log-format", "log.format", "FORMAT", "automatic, human or json");
}

settings::Sources::File read_file(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad())
    throw Failure("cannot read the settings file " + name + "; check --config or TRIBUTARY_CONFIG", kBadInput);
  return {name, std::move(text)};
}

std::map<std::string, std::string> environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

settings::Settings read_settings(const GlobalFlags& flags) {
  settings::Sources sources{.file = std::nullopt, .environment = environment(), .flags = {}};
  if (!flags.config.empty()) sources.file = read_file(flags.config);
  for (const auto& text : flags.set) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) throw Failure("--set " + text + ": must be NAME=VALUE", kBadInput);
    sources.flags.push_back({"--set", text.substr(0, equals), text.substr(equals + 1)});
  }
  std::ranges::copy(flags.dedicated, std::back_inserter(sources.flags));
  auto loaded = settings::load(sources);
  if (!loaded.problems.empty()) throw Failure(mistakes("settings", loaded.problems), kBadInput);
  return std::move(loaded.settings);
}

int report(const std::string& message, int status) {
  std::fprintf(stderr, "tributary: %s\n", message.c_str());
  return status;
}

}  // namespace

int run(int argc, char** argv) {
  auto libpq_variables = postgres::take_environment();  // they are for the source, and for nobody whom a tenant names
  CLI::App app("Keeps every customer's slice of a multi-tenant Postgres in step with the customer's own databases.", "tributary");
  Action chosen;
  GlobalFlags flags;
  app.require_subcommand(1);
  app.fallthrough();
  app.footer(kFooter);
  add_global_flags(app, flags);
  for (const auto add : {add_demo,  add_migrate, add_serve,    add_sync,    add_status,          add_top,     add_retry,
                         add_pause, add_verify,  add_resync,   add_project, add_destination,     add_mapping, add_clickhouse,
                         add_query, add_secrets, add_settings, add_metrics, add_clickhouse_host, add_version}) {
    add(app, chosen);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kBadInput;
  }
  try {
    // The host of the embedded engine reads files of its own in /proc, and confines itself.
    if (!app.got_subcommand("clickhouse-host")) keep_memory_private();
    auto settings = read_settings(flags);
    settings.source.environment = std::move(libpq_variables);
    telemetry::configure_log(settings.log);
    return chosen(settings);
  } catch (const Failure& failure) {
    return report(failure.what(), failure.status());
  } catch (const std::exception& error) {
    return report(error.what(), kFailed);
  }
}

}  // namespace tributary::cli
