#include <fmt/format.h>

#include <chrono>

#include "bench.hpp"
#include "clickhouse.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// How long after its commit a single-row change is visible to its tenant, in the view of the embedded engine: of a tenancy that is quiet otherwise, and
// while another one changes all the time, so that every round waits for the pause after the one before.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr const char* kSource = "clickhouse_latency";
constexpr int kRows = 1'000;

class Visible {
 public:
  explicit Visible(Context& context) : servers_(context.servers), folder_(servers_) {
    servers_.create_source(kSource);
    source_.emplace(servers_.source(kSource));
    tenancy_ = make_tenancy(*source_, 1);
    other_ = make_tenancy(*source_, 2);
    for (const auto& each : {tenancy_, other_}) make_users(*source_, each, kRows);
    service_.emplace(servers_, kSource, std::vector<std::string>{}, &folder_);
    const auto engine = wait_for_engine(folder_);
    tenant_.emplace(tenant_of(engine, "project-" + tenancy_, "main"));
    const auto other = tenant_of(engine, "project-" + other_, "main");
    wait_until("ClickHouse has every user", 20ms, [&] {
      return tenant_->number("SELECT count() FROM users") == kRows && other.number("SELECT count() FROM users") == kRows;
    });
    source_->run("VACUUM ANALYZE");
  }
  ~Visible() {
    service_.reset();
    source_.reset();
    servers_.drop_source(kSource);
  }

  /// Milliseconds of each. `beside`: rows of the other tenancy change before each look.
  std::vector<double> changes(int samples, bool beside) {
    std::vector<double> lags;
    for (int i = 0; i < samples; ++i) {
      const auto name = fmt::format("change {}", ++number_);
      change(tenancy_, name);
      const auto committed = Clock::now();
      wait_until("a change is visible", 5ms, [&] {
        if (beside) change(other_, name);
        return tenant_->number(fmt::format("SELECT count() FROM users WHERE display_name = '{}'", name)) == 1;
      });
      lags.push_back(std::chrono::duration<double, std::milli>(Clock::now() - committed).count());
      if (!beside) wait_until("it is quiet", 400ms, [quiet = false]() mutable { return std::exchange(quiet, true); });
    }
    return lags;
  }

 private:
  void change(const std::string& tenancy, const std::string& name) {
    source_->rows(R"(UPDATE "ProjectUser" SET "displayName" = $2 WHERE "tenancyId" = $1
                     AND "projectUserId" = (SELECT "projectUserId" FROM "ProjectUser" WHERE "tenancyId" = $1 LIMIT 1))",
                  {tenancy, name});
  }

  Servers& servers_;
  const EngineFolder folder_;
  std::string tenancy_;
  std::string other_;
  std::optional<Session> source_;
  std::optional<Service> service_;
  std::optional<ClickHouse> tenant_;
  int number_ = 0;
};

Result result_of(std::string_view when, const std::vector<double>& lags) {
  return {.name = "clickhouse_latency",
          .measured = fmt::format("{}: p50 {:.0f} ms, p99 {:.0f} ms", when, quantile(lags, 0.5), quantile(lags, 0.99)),
          .beside = "",
          .value = quantile(lags, 0.99),
          .goal = at_most(1'000),
          .unit = "ms"};
}

}  // namespace

std::vector<Result> clickhouse_latency(Context& context) {
  Visible visible(context);
  const int samples = context.pick(100, 5);
  const auto alone = visible.changes(samples, false);
  return {result_of("commit to visible in the view", alone), result_of("beside others", visible.changes(samples, true))};
}

}  // namespace tributary::bench
