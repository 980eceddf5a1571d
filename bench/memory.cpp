#include <fmt/format.h>

#include "bench.hpp"
#include "tenants.hpp"

// Resident memory of the one process while rows flow to many destinations at once. It must not follow the backlog.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSource = "memory";

std::string target_of(int tenancy) { return fmt::format("memory_{}", tenancy); }

/// Highest resident memory, in MiB, of a fresh service that sequences and syncs so many users of so many tenancies.
double peak(Servers& servers, int tenancies, long long users) {
  servers.create_source(kSource);
  double mebibytes = 0;
  {
    Session source(servers.source(kSource));
    for (int i = 0; i < tenancies; ++i) {
      make_users(source, make_tenancy(source, i), users / tenancies);
      servers.create_target(target_of(i));
      set_destinations(source, tenancy_id(i), {{"target", servers.target(target_of(i))}});
    }
    source.run("VACUUM ANALYZE");
    Service service(servers, kSource);
    wait_until(
        "all are sequenced", 20ms,
        [&] { return source.value(R"(SELECT EXISTS (SELECT FROM "ProjectUser" WHERE "shouldUpdateSequenceId"))") == "f"; }, 600s);
    for (int i = 0; i < tenancies; ++i) {
      Session target(servers.target(target_of(i)));
      const auto last = last_sequence_id(source, tenancy_id(i));
      wait_until("a destination has its users", 20ms, [&] { return users_watermark(target) >= last; }, 600s);
      if (target.number("SELECT count(*) FROM users") != users / tenancies) throw std::runtime_error("a destination lacks users");
    }
    mebibytes = service.peak_mebibytes();
  }
  servers.drop_source(kSource);
  for (int i = 0; i < tenancies; ++i) servers.drop_target(target_of(i));
  return mebibytes;
}

}  // namespace

std::vector<Result> memory(Context& context) {
  const int tenancies = context.pick(20, 4);
  const auto few_users = context.pick(100'000LL, 1'000LL);
  const auto many_users = 10 * few_users;
  const auto few = peak(context.servers, tenancies, few_users);
  const auto many = peak(context.servers, tenancies, many_users);
  const auto measured = fmt::format("{:.1f} MiB while {} rows flow", many, many_users);
  return {{.name = "memory", .measured = measured, .beside = "", .value = many, .goal = at_most(150), .unit = "MiB"},
          {.name = "memory",
           .measured = measured,
           .beside = fmt::format("while {} do: {:.1f} MiB", few_users, few),
           .value = many / few,
           .goal = at_most(1.25)}};
}

}  // namespace tributary::bench
