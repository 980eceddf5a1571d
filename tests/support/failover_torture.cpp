#include <csignal>

#include <optional>
#include <random>
#include <stdexcept>
#include <thread>

#include "support/application.hpp"
#include "support/clickhouse.hpp"
#include "support/load.hpp"
#include "support/source.hpp"
#include "support/source_servers.hpp"
#include "support/torture.hpp"

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 240s;

class FailoverTorture {
 public:
  explicit FailoverTorture(const TortureParams& params) : params_(params), random_(params.seed) {
    auto settings = torture_settings(source_);
    if (clickhouse_) {
      settings["TRIBUTARY_CLICKHOUSE_USE"] = "automatic";
      settings["TRIBUTARY_CLICKHOUSE_URL"] = clickhouse_->uri();
    }
    service_.emplace(params.binary, std::vector<std::string>{"serve"}, settings);
  }

  void run(std::span<const Loss> losses) {
    expect_equal();
    for (const auto loss : losses) {
      fail_over(loss);
      expect_equal();
    }
    application_.delete_everything(kLimit);
    if (service_->kill().status != 128 + SIGKILL) throw std::runtime_error("the service had ended by itself");
  }

 private:
  void fail_over(Loss loss) {
    load_for(300ms);
    servers_.prepare(loss == Loss::since_backup ? SourceServers::Successor::backup : SourceServers::Successor::replica);
    load_for(500ms);
    if (loss == Loss::last_commits) {
      servers_.cut_off();
      load_for(500ms);
    }
    // What is lost has been seen by every destination, by some, or by none.
    if (random_() % 2 == 0) expect_equal();
    servers_.replace();
    load_for(300ms);
  }

  /// Not to wait for anything: this is how long the application works.
  void load_for(std::chrono::milliseconds time) {
    Load load(application_, random_());
    std::this_thread::sleep_for(time / 2 + std::chrono::milliseconds(random_() % static_cast<std::uint64_t>(time.count())));
    load.finish();
  }

  void expect_equal() {
    auto session = source_.session();
    application_.complete(session);
    // Who is ahead of the new server is recognised when it is next reached: by a change, as of everybody else.
    session.run(application_.sql({.action = Action::create_user, .tenancy = Application::kLedger}));
    application_.wait_until_equal(kLimit);
    if (clickhouse_) expect_equal_views(session, application_, *clickhouse_, kLimit);
  }

  const TortureParams params_;
  std::mt19937_64 random_;
  SourceServers servers_;
  const SourceDatabase source_{"source", servers_.uri()};
  std::optional<ClickHouse> clickhouse_ = ClickHouse::is_installed() ? std::make_optional<ClickHouse>() : std::nullopt;
  const Application application_{source_};
  std::optional<Process> service_;
};

}  // namespace

void torture_failover(const TortureParams& params, std::span<const Loss> losses) { FailoverTorture(params).run(losses); }

}  // namespace tributary::test
