#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

#include "bench.hpp"
#include "pgbench.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// The application's own commits by 32 clients, with capture and without.
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

constexpr const char* kMakeTeams = R"sql(
INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "displayName")
SELECT id, id, "projectId", 'The team'
FROM "Tenancy")sql";

// Before each run every row is written once, and its place made free: the first write of a page after a checkpoint, which logs the whole page, belongs to
// seconds out of five minutes, and there are more pages where there are more indexes. With capture no row is flagged after that, as behind a sequencer.
constexpr const char* kWriteWith =
    R"sql(UPDATE "ProjectUser" SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false)sql";
constexpr const char* kWriteWithout = R"sql(UPDATE "ProjectUser" SET "updatedAt" = CURRENT_TIMESTAMP)sql";

/// What the application commits.
enum class Work : std::uint8_t { one_update, as_application };

std::string script(Work work, const std::vector<std::string>& tenancies, long long users_of_each) {
  return sql_file(work == Work::one_update ? "commit_one_update.sql" : "commit_as_application.sql",
                  {{":tenancies", fmt::format("'{{{}}}'::uuid[]", fmt::join(tenancies, ","))},
                   {":tenancy_count", std::to_string(tenancies.size())},
                   {":user_count", std::to_string(users_of_each)}});
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
      source.run(kMakeTeams);
      number_users(source);
      for (const auto work : {Work::one_update, Work::as_application}) {
        runs_[work] = {
            .script = script(work, ids, users / tenancies), .clients = 32, .threads = 2, .transactions = context.pick(2'000, 20)};
      }
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

  double commits(Work work, const std::string& database) {
    Session source(servers_.source(database));
    source.run(database == kWith ? kWriteWith : kWriteWithout);
    source.run("VACUUM");
    return pgbench(servers_, servers_.source(database), runs_.at(work)).per_second;
  }
  double commits_beside_sequencer(Work work) {
    Service service(servers_, kWith, {"--roles", "sequencer"});
    return commits(work, kWith);
  }
  /// The first tenancy's users go to a destination.
  double commits_beside_everything(Work work, int pair) {
    servers_.create_target(kWith);
    double rate = 0;
    {
      Session source(servers_.source(kWith));
      set_destinations(source, tenancy_id(1), {{fmt::format("target-{}", pair), servers_.target(kWith)}});
      Service service(servers_, kWith);
      Session target(servers_.target(kWith));
      wait_until("the destination has the users", 10ms,
                 [&] { return users_watermark(target) >= last_sequence_id(source, tenancy_id(1)); });
      rate = commits(work, kWith);
    }
    servers_.drop_target(kWith);
    return rate;
  }

 private:
  Servers& servers_;
  std::map<Work, PgbenchRun> runs_;
};

std::string rate(const std::vector<double>& values) { return fmt::format("{:.0f} commits/s", median(values)); }

Result result(std::string name, const Pairs& pairs, const std::string& what, std::optional<Goal> goal) {
  return {.name = std::move(name),
          .measured = rate(pairs.ours) + ", " + what,
          .beside = "without capture: " + rate(pairs.baseline),
          .value = pairs.ratio(),
          .goal = goal};
}

std::vector<Result> of_many_tenancies(Context& context, Sources& sources, const std::string& name, Work work,
                                      std::optional<Goal> goal) {
  Pairs captured;
  Pairs sequenced;
  for (int pair = 0; pair < context.pairs; ++pair) {
    const auto with_capture = sources.commits(work, kWith);
    const auto with_sequencer = sources.commits_beside_sequencer(work);
    const auto without = sources.commits(work, kWithout);
    captured.add(with_capture, without);
    sequenced.add(with_sequencer, without);
  }
  return {result(name, captured, "captured", goal), result(name, sequenced, "and sequenced on this machine", std::nullopt)};
}

}  // namespace

std::vector<Result> commit_throughput(Context& context) {
  const auto users = context.pick(100'000LL, 1'000LL);
  std::vector<Result> results;
  {
    Sources sources(context, context.pick(100, 10), users);
    std::ranges::move(of_many_tenancies(context, sources, "commit_throughput", Work::as_application, at_least(0.8)),
                      std::back_inserter(results));
    std::ranges::move(of_many_tenancies(context, sources, "commits_of_one_update", Work::one_update, std::nullopt),
                      std::back_inserter(results));
  }
  Pairs captured;
  Pairs synced;
  Sources one(context, 1, users);
  for (int pair = 0; pair < context.pairs; ++pair) {
    const auto with_capture = one.commits(Work::one_update, kWith);
    const auto with_all = one.commits_beside_everything(Work::one_update, pair);
    const auto without = one.commits(Work::one_update, kWithout);
    captured.add(with_capture, without);
    synced.add(with_all, without);
  }
  results.push_back(result("commits_of_one_tenancy", captured, "captured", std::nullopt));
  results.push_back(result("commits_of_one_tenancy", synced, "and synced on this machine", std::nullopt));
  return results;
}

}  // namespace tributary::bench
