#include <fmt/format.h>

#include "bench.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// `tributary verify` of users that are equal on both sides, beside one statement that reads every row of the same table once and adds up a hash of it.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSource = "verify";
constexpr const char* kTarget = "verify_target";

class Equal {
 public:
  explicit Equal(Context& context) : servers_(context.servers), users_(context.pick(1'000'000LL, 2'000LL)) {
    servers_.create_source(kSource);
    servers_.create_target(kTarget);
    Session source(servers_.source(kSource));
    const auto tenancy = make_tenancy(source, 1);
    make_users(source, tenancy, users_);
    make_unsynced_channels(source, tenancy);
    number_users(source);
    set_destinations(source, tenancy, {{"target", servers_.target(kTarget)}});
    {
      const Service service(servers_, kSource);
      Session target(servers_.target(kTarget));
      const auto last = last_sequence_id(source, tenancy);
      wait_until("the destination has every user", 20ms, [&] { return users_watermark(target) >= last; }, 600s);
    }
    Session(servers_.target(kTarget)).run("VACUUM ANALYZE");
    source.run("VACUUM ANALYZE");
    servers_.checkpoint();
  }
  ~Equal() {
    servers_.drop_source(kSource);
    servers_.drop_target(kTarget);
  }

  double verify() {
    std::string said;
    const auto seconds = seconds_of([&] {
      said = servers_.shell("\"$TRIBUTARY\" verify --mapping users --json",
                            {{"TRIBUTARY", servers_.tributary().string()},
                             {"TRIBUTARY_SOURCE_URL", servers_.source(kSource).to_string()},
                             {"TRIBUTARY_DESTINATIONS_ALLOW_NETWORKS", "127.0.0.0/8"},
                             {"TRIBUTARY_CLICKHOUSE_USE", "none"}});
    });
    if (said.find(fmt::format("\"rows\":{},", users_)) == std::string::npos)
      throw std::runtime_error("not all users were compared: " + said);
    return seconds;
  }
  double scan_target() { return scan(servers_.target(kTarget), "users"); }
  double scan_source() { return scan(servers_.source(kSource), "\"ProjectUser\""); }

 private:
  double scan(const postgres::ConnectOptions& database, const std::string& table) {
    Session session(database);
    long long rows = 0;
    const auto seconds =
        seconds_of([&] { rows = session.number("SELECT count(*), sum(hashtext(t::text)) FROM " + table + " AS t"); });
    if (rows != users_) throw std::runtime_error(table + " lacks users");
    return seconds;
  }

  Servers& servers_;
  const long long users_;
};

}  // namespace

std::vector<Result> verify(Context& context) {
  Equal equal(context);
  equal.verify();  // so that neither side is the one that warms the caches
  equal.scan_source();
  equal.scan_target();
  Pairs beside_target;
  Pairs beside_source;
  for (int pair = 0; pair < context.pairs; ++pair) {
    const auto ours = equal.verify();
    beside_target.add(ours, equal.scan_target());
    beside_source.add(ours, equal.scan_source());
  }
  const auto result = [](const Pairs& pairs, const char* table) {
    return Result{.name = "verify",
                  .measured = fmt::format("{:.2f} s", median(pairs.ours)),
                  .beside = fmt::format("count(*), sum(hashtext(t::text)) of {}: {:.2f} s", table, median(pairs.baseline)),
                  .value = pairs.ratio()};
  };
  auto target = result(beside_target, "the destination's users");
  target.goal = at_most(3);
  return {target, result(beside_source, "the source's \"ProjectUser\"")};
}

}  // namespace tributary::bench
