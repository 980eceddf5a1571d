// Invariant 1: within a tenancy, sequence ids become visible in increasing order.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "sequencing.hpp"

using namespace tributary;
using namespace tributary::test;

namespace {

constexpr int kTenancies = 1'000;

/// Makes some transactions slow after they were given an id, before they enqueue and before they commit: what a slow disk does.
constexpr auto kSlow = R"(
  CREATE FUNCTION public.delay() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN IF random() < 0.1 THEN PERFORM pg_sleep(random() * 0.03); END IF; RETURN NULL; END';
  CREATE TRIGGER delay_batch AFTER UPDATE ON "ProjectUser" FOR EACH ROW
    WHEN (OLD."sequenceId" IS DISTINCT FROM NEW."sequenceId") EXECUTE FUNCTION public.delay();
  CREATE CONSTRAINT TRIGGER delay_commit AFTER UPDATE ON "ProjectUser" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD."sequenceId" IS DISTINCT FROM NEW."sequenceId") EXECUTE FUNCTION public.delay())";

std::string tenants() {
  return R"(INSERT INTO "Project" (id) SELECT 'p' || i FROM generate_series(1, 1000) AS i;
            INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization") SELECT gen_random_uuid(), 'p' || i, 'TRUE' FROM generate_series(1, 1000) AS i;
            INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId")
            SELECT t.id, gen_random_uuid(), 'p' FROM "Tenancy" AS t, generate_series(1, 3))";
}

/// Reads as the sync engine does, past what it has seen of each tenancy, and counts what appears below.
class Reader {
 public:
  explicit Reader(const Database& database) : session_(database.uri()) {}

  void look() {
    for (const auto& row :
         session_.rows(R"(SELECT "tenancyId"::text, "sequenceId" FROM "ProjectUser" WHERE "sequenceId" IS NOT NULL
                                            UNION ALL SELECT "tenancyId"::text, "sequenceId" FROM "DeletedRow" WHERE "sequenceId" IS NOT NULL)")) {
      const auto id = std::stoll(row[1].value());
      if (id <= passed_[row[0].value()] && !seen_.contains(id)) ++missed_;
      seen_.emplace(id, true);
      highest_[row[0].value()] = std::max(highest_[row[0].value()], id);
    }
    passed_ = highest_;
  }
  int missed() const { return missed_; }

 private:
  Session session_;
  std::map<std::string, long long> passed_;
  std::map<std::string, long long> highest_;
  std::map<long long, bool> seen_;
  int missed_ = 0;
};

void change_things(const Database& database, unsigned seed, std::stop_token stop) {
  Session session(database.uri());
  std::mt19937 random(seed);
  while (!stop.stop_requested()) {
    const auto pick = std::to_string(random() % 997);
    session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'x' WHERE hashtext("projectUserId"::text) % 997 = )" + pick);
    if (random() % 8 == 0) session.run(R"(DELETE FROM "ProjectUser" WHERE hashtext("projectUserId"::text) % 9973 = )" + pick);
  }
}

}  // namespace

TEST(Order, NoReaderEverPassesAnIdThatAppearsLater) {
  SourceDatabase database("order");
  auto session = database.session();
  session.run(kSlow);
  session.run(tenants());

  sequencer::Params params;
  params.rows_per_batch = 32;
  params.parallel_shards = 4;
  std::vector<std::unique_ptr<RunningSequencer>> racing;
  for (int i = 0; i < 4; ++i) racing.push_back(std::make_unique<RunningSequencer>(database, params));
  std::vector<std::jthread> writers;
  for (unsigned i = 0; i < 2; ++i) {
    writers.emplace_back([&database, i](std::stop_token stop) { change_things(database, i, stop); });
  }
  Reader reader(database);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(8);
  while (std::chrono::steady_clock::now() < until) reader.look();
  writers.clear();
  wait_for(session, R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")", "0");
  wait_for(session, R"(SELECT count(*) FROM "DeletedRow" WHERE "shouldUpdateSequenceId")", "0");
  reader.look();
  EXPECT_EQ(reader.missed(), 0);
  EXPECT_EQ(session.value(R"(SELECT count(DISTINCT "tenancyId") FROM "ProjectUser")"), std::to_string(kTenancies));
  int worked = 0;
  for (auto& one : racing) {
    one->stop();
    worked += one->metrics().counter("tributary_sequenced_rows_total", {{"table", "ProjectUser"}}).value() > 0 ? 1 : 0;
  }
  EXPECT_GE(worked, 2) << "a race of one is none";
}

TEST(Order, ADeadProcessHandsItsShardsOver) {
  SourceDatabase database("handover");
  auto session = database.session();
  // A session that holds every shard in the middle of a sequencing transaction, as a process that hangs would.
  auto hung = database.session();
  hung.run("BEGIN; SELECT tributary.lock_shard(i) FROM generate_series(0, 7) AS i");
  session.run(insert_project("p") + insert_tenancy(uuid(1), "p") + insert_user(uuid(1), uuid(11)));
  EXPECT_EQ(sequence_once(database).rows, 0U);
  EXPECT_TRUE(sequence_once(database).more);

  RunningSequencer running(database);
  session.run("SELECT pg_terminate_backend(" + std::to_string(hung.backend_pid()) + ")");
  wait_for(session, R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")", "0");
}

TEST(Order, GoesOnAfterItsOwnConnectionsWereKilled) {
  SourceDatabase database("killed");
  auto session = database.session();
  session.run(insert_project("p") + insert_tenancy(uuid(1), "p"));
  RunningSequencer running(database, {}, "victim");
  for (unsigned i = 0; i < 3; ++i) {
    session.run(insert_user(uuid(1), uuid(11 + i)));
    wait_for(session, R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")", "0");
    session.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim' AND datname = "
        "current_database()");
  }
  session.run(insert_user(uuid(1), uuid(20)));
  wait_for(session, R"(SELECT count(*) FROM "ProjectUser" WHERE "shouldUpdateSequenceId")", "0");
}

TEST(Order, TheSequenceJumpsWhenTheServerIsNotTheOneLastSeen) {
  SourceDatabase database("failover");
  auto session = database.session();
  session.run(insert_project("p") + insert_tenancy(uuid(1), "p") + insert_user(uuid(1), uuid(11)));
  sequence_all(database);
  const auto before = session.number(R"(SELECT "sequenceId" FROM "ProjectUser")");
  EXPECT_LT(before, 1000);  // the first server ever seen is no reason to jump

  for (const auto* change : {"system_identifier = system_identifier + 1", "timeline = '0000000F'",
                             "postmaster_started_at = postmaster_started_at - interval '1 second'"}) {
    const auto last = session.number(R"(SELECT "sequenceId" FROM "ProjectUser")");
    session.run(std::string("UPDATE tributary.installation SET ") + change);
    session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'x')");
    sequence_all(database);
    EXPECT_GT(session.number(R"(SELECT "sequenceId" FROM "ProjectUser")"), last + 4294967295LL) << change;
  }
  const auto last = session.number(R"(SELECT "sequenceId" FROM "ProjectUser")");
  session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'y')");
  sequence_all(database);
  EXPECT_EQ(session.number(R"(SELECT "sequenceId" FROM "ProjectUser")"), last + 1);
}

TEST(Order, AttachRefusesASequenceThatCachesOrCycles) {
  SourceDatabase database("cache");
  auto session = database.session();
  session.run("ALTER SEQUENCE global_seq_id CACHE 10");
  EXPECT_NE(attach_failure(database, builtin_mappings()).find("CACHE 1 NO CYCLE"), std::string::npos);
  session.run("ALTER SEQUENCE global_seq_id CACHE 1 CYCLE");
  EXPECT_NE(attach_failure(database, builtin_mappings()).find("CACHE 1 NO CYCLE"), std::string::npos);
  session.run("ALTER SEQUENCE global_seq_id NO CYCLE");
  EXPECT_EQ(attach_failure(database, builtin_mappings()), "");
}
