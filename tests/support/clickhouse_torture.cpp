#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "clickhouse/error.hpp"
#include "support/application.hpp"
#include "support/compare.hpp"
#include "support/engine_of_service.hpp"
#include "support/load.hpp"
#include "support/source.hpp"
#include "support/torture.hpp"

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 900s;  ///< what piled up while the engine was killed fifty times is loaded forty rows at a time

/// Looking costs something, and nobody tells.
void look_until(const std::function<bool()>& done, std::string_view what) {
  wait_until(
      [&] {
        std::this_thread::sleep_for(10ms);
        return done();
      },
      what, kLimit);
}

class ClickHouseTorture {
 public:
  explicit ClickHouseTorture(const TortureParams& params) : params_(params), random_(params.seed), application_(source_) {
    environment_ = torture_settings(source_);
    for (auto& [name, value] : engine_.settings()) environment_.insert_or_assign(name, value);
    start();
  }

  void run(Victim victim) {
    expect_equal();
    Load load(application_, params_.seed, false);
    for (int round = 0; round < params_.rounds; ++round) {
      const auto host = wait_for_another_host();
      // Three of four meet an engine that is written to, the others one that starts.
      if (random_() % 4 != 0) wait_for_progress(host);
      // Not to wait for anything: this is the random moment.
      std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 800));
      victim == Victim::host ? kill_host() : replace_service();
    }
    load.finish();

    expect_equal();
    application_.delete_everything(kLimit);
    expect_equal_views();
  }

 private:
  void start() { service_ = std::make_unique<Process>(params_.binary, std::vector<std::string>{"serve"}, environment_); }
  pid_t host_of_now() const { return EngineOfService::host_of(*service_); }

  /// That is not the one which was killed and may still be seen.
  pid_t wait_for_another_host() {
    pid_t host = -1;
    look_until(
        [&] {
          host = host_of_now();
          return host > 0 && host != killed_;
        },
        "there is a process for the engine");
    return host;
  }
  /// Until the engine shows more of the ledger than it did, or another process is it.
  void wait_for_progress(pid_t host) {
    std::optional<std::string> before;
    look_until(
        [&] {
          const auto now = users_of_ledger();
          if (!before) before = now;
          return (now && now != before) || host_of_now() != host;
        },
        "the engine shows more");
  }
  /// Their number; none where the engine does not answer.
  std::optional<std::string> users_of_ledger() {
    try {
      auto session = source_.session();
      return engine_.strings(application_.tenant(session, Application::kLedger), "SELECT toString(count()) FROM users").at(0);
    } catch (const clickhouse::Error&) {
      return std::nullopt;
    }
  }
  void expect_equal() {
    auto session = source_.session();
    application_.complete(session);
    application_.wait_until_equal(kLimit);
    expect_equal_views();
  }
  void expect_equal_views() {
    auto session = source_.session();
    const AskClickHouse ask = [this](const TenantName& tenant, const std::string& sql) { return engine_.strings(tenant, sql); };
    test::expect_equal_views(session, application_, ask, kLimit);
  }
  void kill_host() {
    killed_ = wait_for_another_host();
    if (::kill(killed_, SIGKILL) != 0 && errno != ESRCH) throw std::system_error(errno, std::generic_category(), "kill");
  }
  void replace_service() {
    const auto end = service_->kill();
    if (end.status != 128 + SIGKILL)
      throw std::runtime_error(fmt::format("the service had ended by itself, with status {}", end.status));
    start();
  }

  const TortureParams params_;
  std::mt19937_64 random_;
  const SourceDatabase source_;
  const Application application_;
  const EngineOfService engine_;
  Process::Environment environment_;
  pid_t killed_ = -1;
  std::unique_ptr<Process> service_;
};

}  // namespace

void torture_clickhouse(const TortureParams& params, Victim victim) { ClickHouseTorture(params).run(victim); }

}  // namespace tributary::test
