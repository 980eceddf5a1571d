#include <fmt/ranges.h>

#include <optional>

#include "bench.hpp"
#include "pgbench.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// The application's own commits: 32 clients that each update one user a transaction, with capture and without.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kWith = "commits_with";
constexpr const char* kWithout = "commits_without";

// Capture is columns, indexes and triggers: a table without it has none of these.
constexpr const char* kRemoveCapture = R"sql(
DO $$
DECLARE
  found record;
BEGIN
  FOR found IN SELECT tgrelid::regclass AS relation, tgname AS name FROM pg_trigger WHERE tgname LIKE 'tributary%' LOOP
    EXECUTE format('DROP TRIGGER %I ON %s', found.name, found.relation);
  END LOOP;
  FOR found IN SELECT unnest(ARRAY['ProjectUser', 'ContactChannel', 'Team', 'TeamMember']) AS name LOOP
    EXECUTE format('ALTER TABLE %I DROP COLUMN "sequenceId", DROP COLUMN "shouldUpdateSequenceId"', found.name);
  END LOOP;
END
$$)sql";

std::string script(const std::vector<std::string>& tenancies, long long users_of_each) {
  return fmt::format(R"(\set tenancy random(1, {0})
\set user random(1, {1})
UPDATE "ProjectUser"
SET "displayName" = 'name ' || :user
WHERE "tenancyId" = ('{{{2}}}'::uuid[])[:tenancy]
  AND "projectUserId" = md5(('{{{2}}}'::uuid[])[:tenancy]::text || ' user ' || :user)::uuid;
)",
                     tenancies.size(), users_of_each, fmt::join(tenancies, ","));
}

/// The application's database, with capture and, as a copy, without.
class Sources {
 public:
  Sources(Context& context, int tenancies, long long users) : servers_(context.servers) {
    servers_.create_source(kWith);
    {
      Session source(servers_.source(kWith));
      std::vector<std::string> ids;
      for (int number = 1; number <= tenancies; ++number) {
        ids.push_back(make_tenancy(source, number));
        make_users(source, ids.back(), users / tenancies);
      }
      number_users(source);
      updates_.script = script(ids, users / tenancies);
      updates_.transactions = context.pick(2'000, 20);
    }
    servers_.clone_source(kWithout, kWith);
    Session without(servers_.source(kWithout));
    without.run(kRemoveCapture);
    without.run("VACUUM FULL ANALYZE");
  }
  ~Sources() {
    servers_.drop_source(kWith);
    servers_.drop_source(kWithout);
  }

  double commits(const std::string& database) {
    servers_.checkpoint();
    return pgbench(servers_, servers_.source(database), updates_).per_second;
  }
  double commits_beside_sequencer() {
    Service service(servers_, kWith, {"--roles", "sequencer"});
    return commits(kWith);
  }
  /// The first tenancy's users go to a destination.
  double commits_beside_everything(int pair) {
    servers_.create_target(kWith);
    double rate = 0;
    {
      Session source(servers_.source(kWith));
      set_destinations(source, tenancy_id(1), {{fmt::format("target-{}", pair), servers_.target(kWith)}});
      Service service(servers_, kWith);
      Session target(servers_.target(kWith));
      wait_until("the destination has the users", 10ms,
                 [&] { return users_watermark(target) >= last_sequence_id(source, tenancy_id(1)); });
      rate = commits(kWith);
    }
    servers_.drop_target(kWith);
    return rate;
  }

 private:
  Servers& servers_;
  PgbenchRun updates_{.script = {}, .clients = 32, .threads = 2};
};

std::string rate(const std::vector<double>& values) { return fmt::format("{:.0f} commits/s", median(values)); }

Result result(std::string name, const Pairs& pairs, const std::string& what, std::optional<Goal> goal) {
  return {.name = std::move(name),
          .measured = rate(pairs.ours) + ", " + what,
          .beside = "without capture: " + rate(pairs.baseline),
          .value = pairs.ratio(),
          .goal = goal};
}

}  // namespace

std::vector<Result> commit_throughput(Context& context) {
  const auto users = context.pick(100'000LL, 1'000LL);
  Pairs captured;
  Pairs sequenced;
  {
    Sources of_many(context, context.pick(100, 10), users);
    for (int pair = 0; pair < context.pairs; ++pair) {
      const auto with_capture = of_many.commits(kWith);
      const auto with_sequencer = of_many.commits_beside_sequencer();
      const auto without = of_many.commits(kWithout);
      captured.add(with_capture, without);
      sequenced.add(with_sequencer, without);
    }
  }
  Pairs of_one;
  Pairs synced;
  Sources one(context, 1, users);
  for (int pair = 0; pair < context.pairs; ++pair) {
    const auto with_capture = one.commits(kWith);
    const auto with_all = one.commits_beside_everything(pair);
    const auto without = one.commits(kWithout);
    of_one.add(with_capture, without);
    synced.add(with_all, without);
  }
  return {result("commit_throughput", captured, "captured", at_least(0.8)),
          result("commit_throughput", sequenced, "sequenced", at_least(0.8)),
          result("commits_of_one_tenancy", of_one, "captured", std::nullopt),
          result("commits_of_one_tenancy", synced, "and synced on this machine", std::nullopt)};
}

}  // namespace tributary::bench
