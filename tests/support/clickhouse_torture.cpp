#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <system_error>
#include <thread>

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
    Load load(application_, params_.seed, false);
    Ledger ledger(source_);
    for (int round = 0; round < params_.rounds; ++round) {
      const auto host = wait_for_another_host();
      // Three of four meet an engine that is written to, the others one that starts.
      if (random_() % 4 != 0) look_until([&] { return engine_.is_up() || host_of_now() != host; }, "the engine answers");
      // Not to wait for anything: this is the random moment.
      std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 800));
      victim == Victim::host ? kill_host() : replace_service();
    }
    load.finish();
    ledger.finish();

    auto session = source_.session();
    application_.complete(session);
    application_.wait_until_equal(kLimit);
    expect_equal_views(session, ledger.tenant());
    application_.delete_everything(kLimit);
    expect_equal_views(session, ledger.tenant());
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

  void expect_equal_views(Session& source, const TenantName& ledger) const {
    const AskClickHouse ask = [this](const TenantName& tenant, const std::string& sql) { return engine_.strings(tenant, sql); };
    test::expect_equal_views(source, application_, ask, kLimit);
    wait_until_equal(source, ledger, ask, kLimit);
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
