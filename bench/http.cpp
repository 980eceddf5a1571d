#include <fmt/format.h>

#include "bench.hpp"
#include "http_load.hpp"
#include "pgbench.hpp"
#include "statistics.hpp"

// Requests over 64 keep-alive connections, beside pgbench's SELECT 1 over as many sessions: what a round trip to Postgres costs on this machine.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSource = "http";
constexpr int kClients = 64;

struct Turns {
  Pairs rates;
  std::vector<double> ours_p99;
  std::vector<double> bare_p99;

  void add(const HttpLoad& ours, const PgbenchRates& bare) {
    rates.add(ours.per_second, bare.per_second);
    ours_p99.push_back(quantile(ours.milliseconds, 0.99));
    bare_p99.push_back(quantile(bare.milliseconds, 0.99));
  }
  Result result(const std::string& what) const {
    const auto side = [](const std::vector<double>& rates, const std::vector<double>& p99) {
      return fmt::format("{:.0f}/s, p99 {:.1f} ms", median(rates), median(p99));
    };
    return {.name = "http",
            .measured = what + ": " + side(rates.ours, ours_p99),
            .beside = "SELECT 1 by pgbench: " + side(rates.baseline, bare_p99),
            .value = rates.ratio()};
  }
};

}  // namespace

std::vector<Result> http(Context& context) {
  auto& servers = context.servers;
  servers.create_source(kSource);
  const auto time = context.pick(5s, 1s);
  const PgbenchRun round_trips{.script = "SELECT 1;\n", .clients = kClients, .transactions = context.pick(1'500, 20)};
  Turns trivial;
  Turns with_source;
  {
    Service service(servers, kSource, {"--roles", "api", "--set", "http.access_log=errors"});
    const auto load = [&](const std::string& target) {
      return load_http(service.port(), kClients, time, [&](std::size_t) { return get_request(target); });
    };
    for (int pair = 0; pair < context.pairs; ++pair) {
      const auto bare = pgbench(servers, servers.source(kSource), round_trips);
      trivial.add(load("/livez"), bare);
      with_source.add(load("/readyz"), bare);
    }
  }
  servers.drop_source(kSource);
  return {trivial.result("GET without Postgres"), with_source.result("GET with one statement")};
}

}  // namespace tributary::bench
