#include <fmt/format.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <iterator>

#include "fixture.hpp"
#include "support/compare.hpp"

/// A service that runs, and how it ends (invariant 10).
namespace tributary::test {
namespace {

using namespace std::chrono_literals;

class CliServe : public Cli {
 protected:
  void SetUp() override {
    migrate();
    tenancy_ = create_project("acme");
    done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  }
  std::int64_t teams() {
    auto session = warehouse_.session();
    return session.value("SELECT to_regclass('public.teams') IS NOT NULL") == "t" ? session.number("SELECT count(*) FROM teams")
                                                                                  : 0;
  }
  /// Sessions of tributary in the cluster that belong to this test's databases.
  std::int64_t sessions() {
    return source_.session().number("SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname IN ('" +
                                    source_.name() + "', '" + warehouse_.name() + "')");
  }
  /// Statements of other sessions in the warehouse that wait for a lock.
  bool somebody_waits() {
    return source_.session().number("SELECT count(*) FROM pg_stat_activity WHERE datname = '" + warehouse_.name() +
                                    "' AND wait_event_type = 'Lock'") > 0;
  }

  Database warehouse_{"cli_warehouse"};
  std::string tenancy_;
};

/// What the kernel lets it have.
std::string limits_of(const Binary& process) {
  std::ifstream limits("/proc/" + std::to_string(process.pid()) + "/limits");
  return {std::istreambuf_iterator<char>(limits), {}};
}

TEST_F(CliServe, LeavesNoCoreWithSecretsBehind) {
  Binary serve({"serve"}, environment());
  serve.wait_for("started");
  EXPECT_THAT(limits_of(serve), testing::ContainsRegex("Max core file size +0 +0 "));
}

TEST_F(CliServe, EachRoleOpensAsManyConnectionsAsTheSystemAllows) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const auto before = limit;
  limit.rlim_cur = 256;  // as a shell's, of which the children are born with theirs
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  Binary sequencer({"serve", "--roles", "sequencer"}, environment());
  Binary sync({"serve", "--roles", "sync"}, environment());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  for (auto* process : {&sequencer, &sync}) {
    process->wait_for("started");
    const auto most = std::to_string(before.rlim_max);
    EXPECT_THAT(limits_of(*process), testing::ContainsRegex("Max open files +" + most + " +" + most + ' '));
  }
}

TEST_F(CliServe, KeepsInStepAndEndsCleanlyAtSigterm) {
  Binary serve({"serve", "--threads", "2"}, environment());
  serve.wait_for("started");
  insert_teams(tenancy_, "acme", 3);
  serve.wait_until([&] { return teams() == 3; });
  insert_teams(tenancy_, "acme", 1);
  serve.wait_until([&] { return teams() == 4; });

  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(), 0) << serve.err();
  EXPECT_THAT(serve.err(), testing::HasSubstr("\"stopped\""));
  wait_until([&] { return sessions() == 0; }, "the sessions of the ended service to be gone");
}

TEST_F(CliServe, RolesWorkTogetherFromProcessesOfTheirOwn) {
  Binary sequencer({"serve", "--roles", "sequencer"}, environment());
  Binary sync({"serve", "--roles", "sync"}, environment());
  sequencer.wait_for("started");
  sync.wait_for("started");
  insert_teams(tenancy_, "acme", 3);
  sync.wait_until([&] { return teams() == 3; });
  for (auto* process : {&sequencer, &sync}) {
    process->signal(SIGINT);
    EXPECT_EQ(process->wait(), 0) << process->err();
  }
  wait_until([&] { return sessions() == 0; }, "the sessions of the ended service to be gone");
}

TEST_F(CliServe, ADestinationThatHangsDoesNotHoldUpTheEnd) {
  auto patient = environment();
  patient["TRIBUTARY_SYNC_APPLY_TIMEOUT"] = "10min";
  Binary serve({"serve"}, patient);
  serve.wait_for("started");
  insert_teams(tenancy_, "acme", 1);
  serve.wait_until([&] { return teams() == 1; });

  auto customer = warehouse_.session();
  customer.run(R"sql(
    CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3600); RETURN NULL; END';
    CREATE TRIGGER hang BEFORE INSERT ON teams EXECUTE FUNCTION hang())sql");
  const auto asleep = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
  insert_teams(tenancy_, "acme", 1);
  serve.wait_until([&] { return customer.number(fmt::format("SELECT count(*) {}", asleep)) == 1; });
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(), 0) << serve.err();
  customer.run(fmt::format("SELECT pg_terminate_backend(pid) {}", asleep));
  customer.run("DROP FUNCTION hang() CASCADE");

  // And it recovers: what was cut off is done by whoever comes next, some time after it was last worked on.
  done({"sync", "--once"});
  EXPECT_EQ(teams(), 2);
}

TEST_F(CliServe, ASecondSignalEndsItAtOnce) {
  Binary serve({"serve"}, environment());
  serve.wait_for("started");
  insert_teams(tenancy_, "acme", 1);
  serve.wait_until([&] { return teams() == 1; });

  auto blocker = warehouse_.session();
  blocker.run("BEGIN; LOCK TABLE teams IN ACCESS EXCLUSIVE MODE");
  insert_teams(tenancy_, "acme", 1);
  serve.wait_until([&] { return somebody_waits(); });
  serve.signal(SIGTERM);
  serve.wait_for("stopping");
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(), 128 + SIGTERM);
  blocker.run("ROLLBACK");

  // The dead process's lease has to run out first.
  done({"sync", "--once"});
  EXPECT_EQ(teams(), 2);
}

TEST_F(CliServe, SyncOnceStopsAtASignal) {
  done({"sync", "--once"});  // the tables are there
  auto blocker = warehouse_.session();
  blocker.run("BEGIN; LOCK TABLE teams IN ACCESS EXCLUSIVE MODE");
  insert_teams(tenancy_, "acme", 1);
  Binary sync({"sync", "--once"}, environment());
  sync.wait_until([&] { return somebody_waits(); });
  sync.signal(SIGINT);
  EXPECT_EQ(sync.wait(), 1) << sync.err();
  EXPECT_THAT(sync.err(), testing::HasSubstr("run it again"));
}

}  // namespace
}  // namespace tributary::test
