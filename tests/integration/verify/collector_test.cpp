#include "verify/collector.hpp"

#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "fixture.hpp"
#include "support/chaos_proxy.hpp"
#include "support/fake_server.hpp"

namespace tributary::verify {
namespace {

using namespace std::chrono_literals;

class CollectorTest : public VerifyTest {
 protected:
  MenderParams params(std::chrono::milliseconds keep, std::chrono::milliseconds longest_wait = 1h) const {
    return {.source = source_.options(),
            .destination = test::test_destinations(),
            .collection = {.every = 1h, .keep = keep, .longest_wait = longest_wait}};
  }
  std::int64_t collect(const MenderParams& params) {
    std::int64_t removed = 0;
    const auto mappings = test::builtin_mappings();
    test::run([&]() -> asio::awaitable<void> {
      auto source = co_await postgres::Connection::open(queue::session_settings(source_.options()), Deadline::after(20s));
      Collector collector(params, mappings);
      removed = co_await collector.pass(source, {});
    });
    return removed;
  }
  long long tombstones() { return session_.number("SELECT count(*) FROM \"DeletedRow\""); }
  void remove_user(int number) {
    session_.run(fmt::format(R"(DELETE FROM "ProjectUser" WHERE "projectUserId" = {})", user(number)));
  }
  void wait_until_idle() {
    wait_until_synced();
    wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
  }
};

TEST_F(CollectorTest, TombstonesThatEveryDestinationHasAppliedGoOnceTheyAreOld) {
  add_users(1, 10);
  {
    test::Service service(source_);
    wait_until_synced();
    for (int i = 1; i <= 3; ++i) remove_user(i);
    wait_until_idle();
  }
  EXPECT_EQ(tombstones(), 6);
  EXPECT_EQ(collect(params(1h)), 0);
  remove_user(4);  // nobody has applied these two
  EXPECT_EQ(collect(params(0s)), 6);
  EXPECT_EQ(tombstones(), 2);
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.collected"), 2);
  test::Service service(source_);
  wait_until_idle();
  EXPECT_EQ(collect(params(0s)), 2);
}

TEST_F(CollectorTest, ADestinationThatCannotBeAskedHoldsThemBackButNotForEver) {
  add_users(1, 3);
  test::Service service(source_);
  wait_until_synced();
  session_.run(R"(UPDATE "Project" SET "configOverride" = jsonb_set("configOverride", '{dbSync.externalDatabases,gone}',
                    '{"type": "postgres", "connectionString": "postgresql://nobody@127.0.0.1:1/refused"}'))");
  remove_user(1);
  wait_until_synced();
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.destination_state WHERE error <> ''") == 1; },
             "one fails");
  EXPECT_EQ(collect(params(0s)), 0);
  EXPECT_EQ(tombstones(), 2);
  session_.run("UPDATE tributary.destination_state SET failed_since = failed_since - interval '2 hours'");
  wait_until([&] { return collect(params(0s)) == 2; }, "the others are not kept from it for ever");
}

TEST_F(CollectorTest, ADestinationThatIsKnownToFailIsNotWaitedFor) {
  add_users(1, 3);
  {
    test::Service service(source_);
    wait_until_synced();
    remove_user(1);
    wait_until_idle();
  }
  std::atomic<int> asked = 0;
  test::FakeServer silent([&asked](test::FakeServer::Socket&) -> asio::awaitable<void> {
    ++asked;
    co_return;
  });
  session_.run(fmt::format(R"(
    UPDATE "Project" SET "configOverride" = jsonb_set("configOverride", '{{dbSync.externalDatabases,silent}}',
      '{{"type": "postgres", "connectionString": "{}"}}');
    INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, attempts, error)
    VALUES ('{}', 'silent', '', 1, 'it is silent'))",
                           silent.uri(), tenancy_));
  EXPECT_EQ(collect(params(0s)), 0) << "they are kept for it";
  EXPECT_EQ(asked, 0);
  session_.run("DELETE FROM tributary.destination_state");
  EXPECT_EQ(collect(params(0s)), 0);
  EXPECT_EQ(asked, 1);
}

TEST_F(CollectorTest, MoreThanOneBatchOfThemGoes) {
  const auto lonely = uuid(2);  // it has no destination that would hold them back
  session_.run(test::insert_project("lonely") + test::insert_tenancy(lonely, "lonely"));
  session_.run(fmt::format(
      R"(INSERT INTO "DeletedRow" ("tenancyId", "tableName", "primaryKey", "deletedAt", "sequenceId", "shouldUpdateSequenceId")
                              SELECT '{}', 'Team', jsonb_build_object('teamId', i), now() - interval '1 day', nextval('global_seq_id'), false
                              FROM generate_series(1, 2001) AS i)",
      lonely));
  EXPECT_EQ(collect(params(0s)), 2'001);
  EXPECT_EQ(tombstones(), 0);
  EXPECT_EQ(session_.value("SELECT through FROM tributary.collected WHERE tenancy_id = '" + lonely + "'"),
            session_.value("SELECT last_value FROM global_seq_id"));
}

TEST_F(CollectorTest, TombstonesOfQuarantinedKeysAreKept) {
  add_users(1, 3);
  test::Service service(source_);
  wait_until_synced();
  remove_user(1);
  remove_user(2);
  wait_until_idle();
  session_.run(
      fmt::format("INSERT INTO tributary.quarantine (tenancy_id, destination_id, mapping, key, next_try_at) "
                  "VALUES ('{}', 'd', 'users', jsonb_build_object('id', {}), now() + interval '1 hour')",
                  tenancy_, user(1)));
  EXPECT_EQ(collect(params(0s)), 3);
  EXPECT_EQ(session_.value(R"(SELECT "primaryKey" ->> 'projectUserId' FROM "DeletedRow")"), session_.value("SELECT " + user(1)));
}

/// A mender on a loop of its own, until it is destroyed.
class Mending {
 public:
  Mending(MenderParams params) : mender_(std::move(params), mappings_) {
    thread_ = std::jthread([this](std::stop_token stop) {
      asio::co_spawn(loop_, mender_.run(stop), [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
      });
      loop_.run();
    });
  }

 private:
  const std::vector<mapping::Mapping> mappings_ = test::builtin_mappings();
  asio::io_context loop_{1};
  Mender mender_;
  std::jthread thread_;
};

/// A destination has a row whose tombstone nobody has any more, and stands before that tombstone.
class ForgottenTombstone : public CollectorTest {
 protected:
  /// `watermark`: what else the row of its watermark says.
  void is_made_up_for(const std::string& watermark) {
    add_users(1, 10);
    std::string before;
    {
      test::Service service(source_);
      wait_until_idle();
      before = customer_session_.value("SELECT last_synced_sequence_id FROM _stack_sync_metadata WHERE mapping_name = 'users'");
      remove_user(1);
      wait_until_idle();
    }
    ASSERT_EQ(collect(params(0s)), 2);
    customer_session_.run(
        "INSERT INTO users SELECT md5('1')::uuid, display_name, profile_image_url, primary_email, primary_email_verified, "
        "signed_up_at, "
        "client_metadata, client_read_only_metadata, server_metadata, is_anonymous FROM users LIMIT 1");
    customer_session_.run("UPDATE _stack_sync_metadata SET last_synced_sequence_id = " + before + watermark +
                          " WHERE mapping_name = 'users'");
    add_users(11, 1);
    test::Service service(source_);
    auto mending_params = params(1h);
    mending_params.idle_pause = 100ms;
    Mending mending(mending_params);
    wait_until_synced();
    EXPECT_EQ(session_.value("SELECT reason FROM tributary.mend WHERE mapping = 'users'"), "collected");
  }
};

TEST_F(ForgottenTombstone, OfADestinationFromABackupLeavesNoGhost) { is_made_up_for(""); }
// The destination was taken out of the configuration, or was down for too long, in the middle of its first load.
TEST_F(ForgottenTombstone, OfAFirstLoadThatWasInterruptedLeavesNoGhost) { is_made_up_for(", loading = true"); }

// More of them than are looked at together: once nobody behind them had a turn.
TEST_F(CollectorTest, DestinationsThatCannotBeReachedKeepNoOtherFromBeingMended) {
  add_users(1, 3);
  test::Service service(source_);
  wait_until_idle();
  session_.run(R"(
    UPDATE "Project" SET "configOverride" = jsonb_set("configOverride", '{dbSync.externalDatabases}', "configOverride" -> 'dbSync.externalDatabases' || (
      SELECT jsonb_object_agg('gone-' || i, '{"type": "postgres", "connectionString": "postgresql://nobody@127.0.0.1:1/refused"}'::jsonb)
      FROM generate_series(1, 50) AS i));
    INSERT INTO tributary.mend (tenancy_id, destination_id, mapping, reason, reads_everything, requested_at)
    SELECT t.id, 'gone-' || i, mapping, 'resync', true, now() - interval '1 hour'
    FROM "Tenancy" AS t, generate_series(1, 50) AS i, unnest(ARRAY['users', 'teams']) AS mapping;
    INSERT INTO tributary.mend (tenancy_id, destination_id, mapping, reason, reads_everything)
    SELECT id, 'd', 'users', 'resync', true FROM "Tenancy")");
  auto mending_params = params(1h);
  mending_params.idle_pause = 100ms;
  Mending mending(mending_params);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.mend WHERE finished_at IS NOT NULL") == 1; },
             "the one that can be reached is mended");
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.mend WHERE attempts > 0 AND error <> ''"), 100);
}

// Nobody asks it while it is away, so tombstones go that it has never seen.
TEST_F(CollectorTest, ADestinationThatWasRemovedAndIsAddedAgainAfterACollectionLosesItsGhosts) {
  add_users(1, 10);
  const auto configure = [&](const std::string& destinations) {
    session_.run(R"(UPDATE "Project" SET "configOverride" = jsonb_build_object('dbSync.externalDatabases', ')" + destinations +
                 "'::jsonb)");
  };
  const auto configured = session_.value(R"(SELECT "configOverride" ->> 'dbSync.externalDatabases' FROM "Project")");
  test::Service service(source_);
  wait_until_idle();
  configure("{}");
  remove_user(1);
  test::wait_until_numbered(session_);
  ASSERT_EQ(collect(params(0s)), 2);
  ASSERT_EQ(customer_session_.number("SELECT count(*) FROM users WHERE id = " + user(1)), 1);
  auto mending_params = params(1h);
  mending_params.idle_pause = 100ms;
  Mending mending(mending_params);
  configure(configured);
  wait_until_synced();
  EXPECT_EQ(customer_session_.number("SELECT count(*) FROM users WHERE id = " + user(1)), 0);
  EXPECT_EQ(session_.value(
                "SELECT string_agg(DISTINCT reason, ', ') FROM tributary.mend WHERE mapping IN ('users', 'contact_channels')"),
            "collected");
}

// Collection waits no longer for a destination that was down for so long; it may come back in that moment, and its worker knows what was collected before its claim.
TEST_F(CollectorTest, TombstonesThatAreCollectedBetweenAClaimAndItsReadAreMadeUpFor) {
  add_users(1, 10);
  {
    test::Service service(source_);
    wait_until_idle();
  }
  session_.run(R"(UPDATE "ExternalDbSyncMetadata" SET "pollerEnabled" = false)");
  remove_user(1);
  add_users(11, 1);
  auto locker = test::Session(customer_.uri());
  locker.run("BEGIN; LOCK TABLE public._stack_sync_metadata IN ACCESS EXCLUSIVE MODE");
  test::Service service(source_);
  test::wait_until_numbered(session_);
  session_.run(R"(UPDATE "ExternalDbSyncMetadata" SET "pollerEnabled" = true; NOTIFY tributary_queue)");
  wait_until([&] { return customer_session_.waiting_for_locks() > 0; }, "a worker has claimed the tenancy");
  session_.run(R"(WITH gone AS (DELETE FROM "DeletedRow" RETURNING *)
                  INSERT INTO tributary.collected (tenancy_id, table_name, through)
                  SELECT "tenancyId", "tableName", max("sequenceId") FROM gone GROUP BY 1, 2)");
  locker.run("ROLLBACK");
  auto mending_params = params(1h);
  mending_params.idle_pause = 100ms;
  Mending mending(mending_params);
  wait_until_synced();
  EXPECT_EQ(customer_session_.number("SELECT count(*) FROM users WHERE id = " + user(1)), 0);
}

// What was remembered of the refused row goes with the id that the database had, and its watermark has passed the row.
TEST_F(CollectorTest, ARowThatWasRefusedIsMadeUpForWhereTheDestinationIsAddedUnderAnotherId) {
  const auto rename = [&](const std::string& from, const std::string& to) {
    session_.run(R"(UPDATE "Project" SET "configOverride" = jsonb_build_object('dbSync.externalDatabases',
                      jsonb_build_object(')" +
                 to + R"(', "configOverride" -> 'dbSync.externalDatabases' -> ')" + from + "'))");
  };
  add_users(1, 3);
  test::Service service(source_);
  wait_until_synced();
  customer_session_.run("ALTER TABLE users ADD CONSTRAINT no_ada CHECK (display_name <> 'Ada')");
  session_.run(R"(UPDATE "ProjectUser" SET "displayName" = 'Ada' WHERE "projectUserId" = )" + user(1));
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 1; }, "it is refused");
  rename("d", "e");
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 0; }, "nothing is remembered");
  customer_session_.run("ALTER TABLE users DROP CONSTRAINT no_ada");
  auto mending_params = params(1h);
  mending_params.idle_pause = 100ms;
  Mending mending(mending_params);
  wait_until_synced();
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.added_destination"), 0);
}

/// A table of a destination that nobody has synced, with a row that the source lacks.
void make_teams_with_a_ghost(test::Session& session, const std::string& name) {
  session.run(
      "CREATE TABLE teams (id uuid PRIMARY KEY, display_name text NOT NULL, profile_image_url text, created_at timestamp NOT "
      "NULL, client_metadata jsonb NOT NULL, client_read_only_metadata jsonb NOT NULL, server_metadata jsonb NOT NULL);"
      "INSERT INTO teams VALUES (md5('" +
      name + "')::uuid, 'ghost', NULL, now(), '{}', '{}', '{}')");
}

TEST_F(CollectorTest, ANewDestinationThatIsNotEmptyLosesWhatTheSourceLacksAndAnEmptyOneIsNotCompared) {
  make_teams_with_a_ghost(customer_session_, "ghost");
  add_users(1, 3);
  session_.run(test::insert_team(tenancy_, uuid(7)));
  test::Service service(source_);
  auto mending_params = params(1h);
  mending_params.idle_pause = 100ms;
  Mending mending(mending_params);
  wait_until_synced();
  EXPECT_EQ(session_.value("SELECT string_agg(mapping || ': ' || reason, ', ') FROM tributary.mend"), "teams: not empty");
}

// The last change of its contact channels was a delete, which nobody remembers any more: its watermark stays below that for good.
TEST_F(CollectorTest, ADestinationThatWasComparedAndHadNothingToMendIsNotComparedAtEachChange) {
  add_users(1, 10);
  test::Service service(source_);
  wait_until_idle();
  remove_user(1);
  wait_until_idle();
  ASSERT_EQ(collect(params(0s)), 2);
  test::Database added("added");
  session_.run(
      fmt::format(R"(UPDATE "Project" SET "configOverride" = jsonb_set("configOverride", '{{dbSync.externalDatabases,added}}',
                                '{{"type": "postgres", "connectionString": "{}"}}'))",
                  added.uri()));
  auto mending_params = params(1h);
  mending_params.idle_pause = 100ms;
  Mending mending(mending_params);
  const auto change_a_user = [&] {
    session_.run(R"(UPDATE "ProjectUser" SET "displayName" = 'changed' WHERE "projectUserId" = )" + user(2));
    wait_until_idle();
  };
  const auto asked = [&] {
    return session_.rows(
        "SELECT requested_at::text, finished_at IS NOT NULL FROM tributary.mend "
        "WHERE destination_id = 'added' AND mapping = 'contact_channels'");
  };
  const auto is_finished = [&] {
    const auto rows = asked();
    return !rows.empty() && rows[0][1] == "t";
  };
  wait_until([&] { return change_a_user(), is_finished(); }, "it is compared");
  const auto once = asked();
  for (int i = 0; i < 3; ++i) change_a_user();
  EXPECT_EQ(asked(), once);
}

TEST_F(CollectorTest, ADestinationThatNamesAnotherDatabaseIsComparedThoughTheFirstOneWas) {
  make_teams_with_a_ghost(customer_session_, "first");
  session_.run(test::insert_team(tenancy_, uuid(7)));
  test::Service service(source_);
  auto mending_params = params(1h);
  mending_params.idle_pause = 100ms;
  Mending mending(mending_params);
  wait_until_synced();
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.mend WHERE finished_at IS NULL") == 0; },
             "it is compared");
  test::Database other("other");
  auto other_session = other.session();
  make_teams_with_a_ghost(other_session, "second");
  session_.run(fmt::format(R"(UPDATE "Project" SET "configOverride" = jsonb_set("configOverride",
                                '{{dbSync.externalDatabases,d,connectionString}}', to_jsonb('{}'::text)))",
                           other.uri()));
  wait_until_equal(session_, tenancy_, other_session);
}

/// Passes on what is said to a database, a request and its answer at a time, until somebody asks for a watermark; then it is silent.
asio::awaitable<void> hang_at_the_watermark(test::FakeServer::Socket& client, std::uint16_t server_port) {
  test::FakeServer::Socket upstream(client.get_executor());
  co_await upstream.async_connect({asio::ip::make_address("127.0.0.1"), server_port}, asio::use_awaitable);
  std::string piece(64UL << 10, '\0');
  for (;;) {
    const auto size = co_await client.async_read_some(asio::buffer(piece), asio::use_awaitable);
    const std::string_view request(piece.data(), size);
    if (request.find("last_synced_sequence_id") != std::string_view::npos) continue;
    co_await asio::async_write(upstream, asio::buffer(request), asio::use_awaitable);
    for (std::string answer; answer.size() < 6 || answer.substr(answer.size() - 6) != test::wire::ready();) {
      const auto more = co_await upstream.async_read_some(asio::buffer(piece), asio::use_awaitable);
      answer.append(piece, 0, more);
      co_await asio::async_write(client, asio::buffer(piece, more), asio::use_awaitable);
    }
  }
}

// Its server takes connections, begins a session, and then answers no more.
TEST_F(CollectorTest, ADestinationThatHangsKeepsNoOtherFromBeingMended) {
  add_users(1, 3);
  {
    test::Service service(source_);
    wait_until_idle();
  }
  const auto port = static_cast<std::uint16_t>(std::stoi(customer_.options().keywords.at("port")));
  test::FakeServer hanging([port](test::FakeServer::Socket& socket) { return hang_at_the_watermark(socket, port); });
  session_.run(fmt::format(R"(
    UPDATE "Project" SET "configOverride" = jsonb_set("configOverride", '{{dbSync.externalDatabases,hanging}}',
      '{{"type": "postgres", "connectionString": "{}"}}');
    INSERT INTO tributary.mend (tenancy_id, destination_id, mapping, reason, reads_everything, requested_at)
    SELECT id, 'hanging', mapping, 'collected', false, now() - interval '1 hour' FROM "Tenancy", unnest(ARRAY['users', 'teams']) AS mapping;
    INSERT INTO tributary.mend (tenancy_id, destination_id, mapping, reason, reads_everything)
    SELECT id, 'd', 'users', 'collected', false FROM "Tenancy")",
                           test::with_port(customer_.uri(), hanging.port())));
  auto mending_params = params(1h);
  mending_params.destination.connect_timeout = 1s;
  Mending mending(mending_params);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.mend WHERE finished_at IS NOT NULL") == 1; },
             "the other one is mended");
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.mend WHERE attempts > 0 AND error <> ''"), 2);
}

}  // namespace
}  // namespace tributary::verify
