#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/command.hpp"
#include "cli/server.hpp"
#include "telemetry/log.hpp"

namespace tributary::cli {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

/// With the two seconds that a stuck loop is given, a stop takes less than ten.
constexpr auto kStopTime = 7s;

struct Options {
  std::vector<std::string> roles;
};

Roles roles_of(const std::vector<std::string>& names) {
  if (names.empty()) return {.api = true};
  Roles roles{.sequencer = false, .sync = false};
  for (const auto& name : names) (name == "sequencer" ? roles.sequencer : name == "api" ? roles.api : roles.sync) = true;
  return roles;
}

/// As many connections as the system lets this process have: its default is meant for programs that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

asio::awaitable<int> serve(ServerParams params, std::vector<mapping::Mapping> mappings, std::stop_token stop) {
  telemetry::Metrics metrics;
  Server server(co_await asio::this_coro::executor, std::move(params), std::move(mappings), metrics);
  co_await server.start(statement_deadline());
  telemetry::log(Level::info, "serve", "started");
  co_await server.wait(stop);
  const bool asked = stop.stop_requested();
  telemetry::log(Level::info, "serve", "stopping: finishing what is in flight");
  const bool in_time = co_await server.stop(Deadline::after(kStopTime));
  telemetry::log(in_time ? Level::info : Level::warning, "serve",
                 in_time ? "stopped" : "stopped; what was cut off is done again by whoever comes next");
  co_return asked ? kDone : kFailed;
}

}  // namespace

void add_serve(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("serve", "Keep every destination in step until SIGTERM or Ctrl-C");
  command
      ->add_option("--roles", options->roles,
                   "What this process does, separated by commas: sequencer (gives changes their order), sync (claims tenancies "
                   "and applies their changes; also written poller), api (answers over HTTP at http.listen). All where not "
                   "given. Any number of processes may do each")
      ->delimiter(',')
      ->check(CLI::IsMember({"sequencer", "sync", "poller", "api"}))
      ->type_name("ROLE,...");
  command->callback([&chosen, options] {
    chosen = [options](const settings::Settings& settings) {
      source_options(settings);
      auto params = ServerParams::from(settings);
      params.roles = roles_of(options->roles);
      const auto mappings = load_mappings(settings);
      raise_descriptor_limit();
      return run_until_signal([&](std::stop_token stop) { return serve(params, mappings, stop); });
    };
  });
}

}  // namespace tributary::cli
