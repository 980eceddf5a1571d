#include <csignal>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "support/application.hpp"
#include "support/chaos_proxy.hpp"
#include "support/clickhouse.hpp"
#include "support/compare.hpp"
#include "support/load.hpp"
#include "support/source.hpp"
#include "support/torture.hpp"

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 240s;

/// Services of one source, as the shell would run them.
class Services {
 public:
  /// `roles`: of each; "all" or what --roles takes.
  Services(const TortureParams& params, const Process::Environment& settings, const std::vector<std::string>& roles) {
    for (const auto& role : roles) {
      std::vector<std::string> arguments{"serve"};
      if (role != "all") arguments.insert(arguments.end(), {"--roles", role});
      processes_.push_back(std::make_unique<Process>(params.binary, std::move(arguments), settings));
    }
  }
  Process& one(std::size_t number) { return *processes_[number % processes_.size()]; }
  std::size_t count() const { return processes_.size(); }

 private:
  std::vector<std::unique_ptr<Process>> processes_;
};

/// Each has run all the time: kill() tells how it ended.
void require_alive(Services& services) {
  for (std::size_t i = 0; i < services.count(); ++i) {
    const auto end = services.one(i).kill();
    if (end.status != 128 + SIGKILL)
      throw std::runtime_error("a service had ended by itself, with status " + std::to_string(end.status));
  }
}

}  // namespace

void torture_network(const TortureParams& params) {
  std::mt19937_64 random(params.seed);
  const SourceDatabase source;
  ChaosProxy to_source(source.options(), random());
  ChaosProxy to_destinations(source.options(), random());
  const Application application(source, to_destinations.port());
  auto settings = torture_settings(source);
  settings["TRIBUTARY_SOURCE_URL"] = with_port(source.uri(), to_source.port());
  settings["TRIBUTARY_SYNC_SOURCE_TIMEOUT"] = "5s";
  // What piles up meanwhile is no part of the test.
  for (const auto* rows : {"SEQUENCER_ROWS_PER_BATCH", "SEQUENCER_ROWS_PER_TENANCY", "SYNC_LOAD_ROWS", "CLICKHOUSE_LOAD_ROWS"})
    settings[std::string("TRIBUTARY_") + rows] = "400";
  std::optional<ClickHouse> clickhouse;
  std::optional<ChaosProxy> to_clickhouse;
  if (ClickHouse::is_installed()) {
    to_clickhouse.emplace(clickhouse.emplace().options().port, random());
    settings["TRIBUTARY_CLICKHOUSE_USE"] = "automatic";
    settings["TRIBUTARY_CLICKHOUSE_URL"] = with_port(clickhouse->uri(), to_clickhouse->port());
  }
  Services services(params, settings, {"all", "all"});
  application.wait_until_equal(kLimit);

  Load load(application, params.seed);
  const auto fail = [&](bool at_source, bool elsewhere) {
    to_source.fail(at_source);
    to_destinations.fail(elsewhere);
    if (to_clickhouse) to_clickhouse->fail(elsewhere);
  };
  for (int round = 0; round < params.rounds; ++round) {
    const bool source_is_bad = random() % 2 == 0;
    fail(source_is_bad, !source_is_bad || random() % 2 == 0);
    // Not to wait for anything: this is how long the network is bad, at least.
    std::this_thread::sleep_for(500ms);
    // Where both are bad, little gets through in a minute.
    if (!source_is_bad) application.wait_for_progress(kLimit);
  }
  fail(true, true);
  const auto was_bad = [&] {
    return to_source.faults() > 0 && to_destinations.faults() > 0 && (!to_clickhouse || to_clickhouse->faults() > 0);
  };
  // Nor this: longer than the leases last.
  std::this_thread::sleep_for(1'500ms);
  wait_until(was_bad, "every way had a fault", kLimit);
  fail(false, false);
  application.wait_for_progress(kLimit);
  load.finish();

  auto session = source.session();
  application.complete(session);
  application.wait_until_equal(kLimit);
  if (clickhouse) expect_equal_views(session, application, *clickhouse, kLimit);
  application.delete_everything(kLimit);
  require_alive(services);
}

void torture_zombies(const TortureParams& params) {
  std::mt19937_64 random(params.seed);
  const SourceDatabase source;
  const Application application(source);
  const auto settings = torture_settings(source);
  std::vector<std::string> roles{"all", "all", "sequencer", "sync"};
  std::shuffle(roles.begin(), roles.end(), random);  // each comes to be a victim before any does again
  Services services(params, settings, roles);
  application.wait_until_equal(kLimit);
  Load load(application, params.seed);
  for (int round = 0; round < params.rounds; ++round) {
    application.wait_for_progress(kLimit);
    auto& victim = services.one(static_cast<std::size_t>(round));
    kill(victim.pid(), SIGSTOP);
    // Longer than its lease (torture_settings), so that another takes over what it was at; or not.
    std::this_thread::sleep_for(std::chrono::milliseconds(500 + random() % 1'500));
    kill(victim.pid(), SIGCONT);
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
  }
  application.wait_for_progress(kLimit);
  load.finish();

  auto session = source.session();
  application.complete(session);
  application.wait_until_equal(kLimit);
  application.delete_everything(kLimit);
  require_alive(services);
}

}  // namespace tributary::test
