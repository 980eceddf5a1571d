#include <fmt/format.h>

#include <sstream>

#include "bench.hpp"
#include "http_load.hpp"
#include "statistics.hpp"

// Requests over 64 keep-alive connections, beside pgbench's SELECT 1 over as many sessions: what a round trip to Postgres costs on this machine.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSource = "http";
constexpr int kClients = 64;

/// Transactions of pgbench: one SELECT 1 each.
HttpLoad bare_round_trips(Servers& servers, int seconds) {
  const auto printed = servers.shell(R"sh(
cd "$FOLDER"
echo 'SELECT 1' > select.pgbench
pgbench -n -c "$CLIENTS" -j 1 -M prepared -T "$SECONDS_EACH" -f select.pgbench --log --log-prefix=round_trip "$SOURCE" > /dev/null 2>&1
cat round_trip.* | cut -d ' ' -f 3
rm round_trip.*)sh",
                                     {{"FOLDER", servers.folder().string()},
                                      {"CLIENTS", std::to_string(kClients)},
                                      {"SECONDS_EACH", std::to_string(seconds)},
                                      {"SOURCE", servers.source(kSource).to_string()}});
  HttpLoad seen;
  std::istringstream lines(printed);
  for (double microseconds = 0; lines >> microseconds;) seen.milliseconds.push_back(microseconds / 1'000);
  seen.per_second = static_cast<double>(seen.milliseconds.size()) / seconds;
  return seen;
}

struct Turns {
  Pairs rates;
  std::vector<double> ours_p99;
  std::vector<double> bare_p99;

  void add(const HttpLoad& ours, const HttpLoad& bare) {
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
  const int seconds = context.pick(5, 1);
  Turns trivial;
  Turns with_source;
  {
    Service service(servers, kSource, {"--roles", "api", "--set", "http.access_log=errors"});
    const auto load = [&](const std::string& target) {
      return load_http(service.port(), kClients, std::chrono::seconds(seconds), [&](std::size_t) { return get_request(target); });
    };
    for (int pair = 0; pair < context.pairs; ++pair) {
      const auto bare = bare_round_trips(servers, seconds);
      trivial.add(load("/livez"), bare);
      with_source.add(load("/readyz"), bare);
    }
  }
  servers.drop_source(kSource);
  return {trivial.result("GET without Postgres"), with_source.result("GET with one statement")};
}

}  // namespace tributary::bench
