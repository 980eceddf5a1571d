#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "bench.hpp"
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

std::string script(const std::string& tenancy, long long users) {
  return fmt::format(R"(\set user random(1, {})
UPDATE "ProjectUser" SET "displayName" = 'name ' || :user WHERE "tenancyId" = '{}' AND "projectUserId" = md5('{} user ' || :user)::uuid;
)",
                     users, tenancy, tenancy);
}

/// Transactions per second.
double pgbench(Servers& servers, const std::string& database, const std::filesystem::path& file, int seconds) {
  servers.checkpoint();
  const auto printed = servers.shell(
      R"sh(pgbench -n -c 32 -j 2 -M prepared -T "$SECONDS_EACH" -f "$FILE" "$SOURCE")sh",
      {{"SECONDS_EACH", std::to_string(seconds)}, {"FILE", file.string()}, {"SOURCE", servers.source(database).to_string()}});
  const auto place = printed.find("tps = ");
  if (place == std::string::npos) throw std::runtime_error("pgbench said:\n" + printed);
  return std::atof(printed.c_str() + place + 6);
}

}  // namespace

std::vector<Result> commit_throughput(Context& context) {
  auto& servers = context.servers;
  const auto users = context.pick(100'000LL, 1'000LL);
  const auto file = servers.folder() / "commits.pgbench";
  servers.create_source(kWith);
  {
    Session source(servers.source(kWith));
    const auto tenancy = make_tenancy(source, 1);
    make_users(source, tenancy, users);
    number_users(source);
    std::ofstream(file) << script(tenancy, users);
  }
  servers.clone_source(kWithout, kWith);
  {
    Session source(servers.source(kWithout));
    source.run(kRemoveCapture);
    source.run("VACUUM FULL ANALYZE");
  }
  const int seconds = context.pick(8, 3);
  Pairs captured;
  Pairs sequenced;
  Pairs synced;
  for (int pair = 0; pair < context.pairs; ++pair) {
    const auto with_capture = pgbench(servers, kWith, file, seconds);
    double with_sequencer = 0;
    double with_all = 0;
    {
      Service service(servers, kWith, {"--roles", "sequencer"});
      with_sequencer = pgbench(servers, kWith, file, seconds);
    }
    const auto without = pgbench(servers, kWithout, file, seconds);
    servers.create_target(kWith);
    {
      Session source(servers.source(kWith));
      set_destinations(source, tenancy_id(1), {{fmt::format("target-{}", pair), servers.target(kWith)}});
      Service service(servers, kWith);
      Session target(servers.target(kWith));
      wait_until("the destination has the users", 10ms,
                 [&] { return users_watermark(target) >= last_sequence_id(source, tenancy_id(1)); });
      with_all = pgbench(servers, kWith, file, seconds);
    }
    servers.drop_target(kWith);
    captured.add(with_capture, without);
    sequenced.add(with_sequencer, without);
    synced.add(with_all, without);
  }
  servers.drop_source(kWith);
  servers.drop_source(kWithout);
  const auto rate = [](const std::vector<double>& values) { return fmt::format("{:.0f} commits/s", median(values)); };
  return {{.name = "commit_throughput",
           .measured = rate(captured.ours) + ", captured",
           .beside = "without capture: " + rate(captured.baseline),
           .value = captured.ratio(),
           .goal = at_least(0.8)},
          {.name = "commit_throughput",
           .measured = rate(sequenced.ours) + ", sequenced",
           .beside = "without capture: " + rate(sequenced.baseline),
           .value = sequenced.ratio(),
           .goal = at_least(0.8)},
          {.name = "commit_throughput",
           .measured = rate(synced.ours) + ", and synced on this machine",
           .beside = "without capture: " + rate(synced.baseline),
           .value = synced.ratio()}};
}

}  // namespace tributary::bench
