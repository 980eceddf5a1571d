#include <fmt/format.h>

#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "bench.hpp"
#include "proxy.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// Twenty destinations of five tenancies. Four of them, each of another tenancy, go bad: one is down, one hangs, one has another password, one loses
// its table. How long do the other sixteen wait for their rows, against when all are well? And do the four come back by themselves?
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;
using WallClock = std::chrono::system_clock;

constexpr int kTenancies = 5;
constexpr int kEach = 4;
constexpr int kDestinations = kTenancies * kEach;
constexpr const char* kSource = "bad_destinations";

enum Bad : int { kDown = 0, kHanging = 4, kPassword = 8, kTable = 12 };  // the first destination of four tenancies
const std::set<int> kBad{kDown, kHanging, kPassword, kTable};

std::string target_of(int destination) { return fmt::format("bad_{}", destination); }

class Fleet {
 public:
  explicit Fleet(Servers& servers)
      : servers_(servers), down_(server_port()), hanging_(server_port()), admin_(servers.target("postgres")) {
    admin_.run("DROP ROLE IF EXISTS customer");
    admin_.run("CREATE ROLE customer LOGIN PASSWORD 'right'");
    servers_.create_source(kSource);
    source_.emplace(servers_.source(kSource));
    for (int tenancy = 0; tenancy < kTenancies; ++tenancy) {
      Destinations destinations;
      make_tenancy(*source_, tenancy);
      for (int i = tenancy * kEach; i < (tenancy + 1) * kEach; ++i) {
        servers_.create_target(target_of(i));
        destinations.emplace_back(target_of(i), address(i));
      }
      set_destinations(*source_, tenancy_id(tenancy), destinations);
      add_user(tenancy, "the first");
    }
    admin_.run("ALTER DATABASE " + target_of(kPassword) + " OWNER TO customer");
    Session(servers_.target(target_of(kPassword))).run("GRANT ALL ON SCHEMA public TO customer");
    service_.emplace(servers_, kSource);
    wait_until_equal();
  }
  ~Fleet() {
    service_.reset();
    source_.reset();
    servers_.drop_source(kSource);
    for (int i = 0; i < kDestinations; ++i) servers_.drop_target(target_of(i));
  }

  void break_four() {
    down_.set(Proxy::Mode::refuse);
    hanging_.set(Proxy::Mode::hang);
    admin_.run("ALTER ROLE customer PASSWORD 'another'");
    admin_.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'customer'");
    Session(servers_.target(target_of(kTable))).run("DROP TABLE users");
  }
  void mend() {
    down_.set(Proxy::Mode::pass);
    hanging_.set(Proxy::Mode::pass);
    admin_.run("ALTER ROLE customer PASSWORD 'right'");
  }
  void wait_until_equal() {
    for (int i = 0; i < kDestinations; ++i) {
      Session target(servers_.target(target_of(i)));
      wait_until("destination " + target_of(i) + " is up to date", 20ms, [&] {
        return users_watermark(target) >= last_sequence_id(*source_, tenancy_id(i / kEach)) &&
               target.number("SELECT count(*) FROM users") == users_of(i / kEach);
      });
    }
  }

  /// Milliseconds from each commit at the source to that of the healthy destinations, for `time` at 50 users a second.
  std::vector<double> lags(std::chrono::seconds time) {
    const auto run = fmt::format("run {} ", ++runs_);
    std::map<std::string, WallClock::time_point> committed;
    auto due = std::chrono::steady_clock::now();
    const auto count = time / kEvery;
    for (int i = 0; i < count; ++i, due += kEvery) {
      std::this_thread::sleep_until(due);
      const auto name = run + std::to_string(i);
      add_user(i % kTenancies, name);
      committed[name] = WallClock::now();
    }
    std::vector<double> all;
    for (int i = 0; i < kDestinations; ++i) {
      if (!kBad.contains(i)) collect(i, run, committed, all);
    }
    return all;
  }

 private:
  static constexpr auto kEvery = 20ms;

  std::uint16_t server_port() const {
    return static_cast<std::uint16_t>(std::stoi(servers_.target("postgres").keywords.at("port")));
  }

  postgres::ConnectOptions address(int destination) const {
    const auto options = servers_.target(target_of(destination));
    switch (destination) {
      case kDown:
        return options.with("port", std::to_string(down_.port()));
      case kHanging:
        return options.with("port", std::to_string(hanging_.port()));
      case kPassword:
        return options.with("user", "customer").with("password", "right");
      default:
        return options;
    }
  }

  void add_user(int tenancy, const std::string& name) {
    source_->rows(R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName")
                     VALUES ($1::uuid, gen_random_uuid(), $1::text, $2))",
                  {tenancy_id(tenancy), name});
  }
  long long users_of(int tenancy) {
    return source_->number(R"(SELECT count(*) FROM "ProjectUser" WHERE "tenancyId" = $1)", {tenancy_id(tenancy)});
  }

  /// The destination's server notes the time of every commit by itself: looking at twenty databases all the time would cost more than the service. Its
  /// note is made before the commit's flush, in both of what is compared.
  void collect(int destination, const std::string& run, const std::map<std::string, WallClock::time_point>& committed,
               std::vector<double>& lags) {
    Session target(servers_.target(target_of(destination)));
    long long due = 0;
    for (const auto& [name, time] : committed) due += std::stoi(name.substr(run.size())) % kTenancies == destination / kEach;
    wait_until("a healthy destination has its users", 20ms,
               [&] { return target.number("SELECT count(*) FROM users WHERE starts_with(display_name, $1)", {run}) >= due; });
    const auto rows = target.rows(
        "SELECT display_name, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::bigint FROM users WHERE "
        "starts_with(display_name, $1)",
        {run});
    for (const auto& row : rows) {
      const WallClock::time_point visible{std::chrono::microseconds(std::stoll(row[1]))};
      lags.push_back(std::chrono::duration<double, std::milli>(visible - committed.at(row[0])).count());
    }
  }

  Servers& servers_;
  Proxy down_;
  Proxy hanging_;
  Session admin_;
  std::optional<Session> source_;
  std::optional<Service> service_;
  int runs_ = 0;
};

}  // namespace

std::vector<Result> bad_destinations(Context& context) {
  Fleet fleet(context.servers);
  const auto time = context.pick(10s, 1s);
  Pairs p99;
  std::vector<double> recovery;
  fleet.lags(1s);  // warm
  for (int pair = 0; pair < context.pairs; ++pair) {
    const auto healthy = fleet.lags(time);
    fleet.break_four();
    const auto beside_bad = fleet.lags(time);
    fleet.mend();
    recovery.push_back(seconds_of([&] { fleet.wait_until_equal(); }));
    p99.add(quantile(beside_bad, 0.99), quantile(healthy, 0.99));
  }
  return {{.name = "bad_destinations",
           .measured = fmt::format("16 beside 4 bad: p99 {:.2f} ms (all up to date {:.1f} s after mending)", median(p99.ours),
                                   median(recovery)),
           .beside = fmt::format("all 20 well: p99 {:.2f} ms", median(p99.baseline)),
           .value = p99.ratio(),
           .goal = at_most(1.25)}};
}

}  // namespace tributary::bench
