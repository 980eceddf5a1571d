#include <deque>

#include "fixture.hpp"

namespace tributary::sync {
namespace {

TEST_F(SyncTest, ACommittedChangeAppearsInEveryDestinationOfItsTenancyOnly) {
  test::Database mine("customer");
  test::Database also_mine("customer");
  test::Database theirs("customer");
  const auto one = add_tenancy(1, {mine.uri(), also_mine.uri()});
  const auto two = add_tenancy(2, {theirs.uri()});
  test::Service service(source_);
  auto mine_session = mine.session();
  auto also_session = also_mine.session();
  auto theirs_session = theirs.session();
  add_users(one, 1, 20);
  add_users(two, 100, 5);
  wait_until_equal(session_, one, mine_session);
  wait_until_equal(session_, one, also_session);
  wait_until_equal(session_, two, theirs_session);
  EXPECT_EQ(theirs_session.number("SELECT count(*) FROM public.users"), 5);

  session_.run(
      R"(UPDATE "ProjectUser" SET "displayName" = 'Zoë 🚀' WHERE "projectUserId" = '10000000-0000-4000-8000-000000000003')");
  session_.run(R"(DELETE FROM "ProjectUser" WHERE "projectUserId" = '10000000-0000-4000-8000-000000000004')");
  session_.run(
      R"(UPDATE "ContactChannel" SET "isVerified" = false WHERE "projectUserId" = '10000000-0000-4000-8000-000000000005')");
  wait_until_equal(session_, one, mine_session);
  wait_until_equal(session_, one, also_session);
  EXPECT_EQ(
      mine_session.value("SELECT primary_email_verified FROM public.users WHERE id = '10000000-0000-4000-8000-000000000005'"),
      "f");
}

// The index that only a fetch uses tells how often there was one. Sessions report their statistics when they end.
TEST_F(SyncTest, AChangeIsReadOnceForAllItsDestinations) {
  std::deque<test::Database> customers;
  std::vector<std::string> uris;
  for (int i = 0; i < 3; ++i) uris.push_back(customers.emplace_back("customer").uri());
  const auto tenancy = add_tenancy(1, uris);
  const auto equal_everywhere = [&] {
    for (const auto& customer : customers) {
      auto session = customer.session();
      wait_until_equal(session_, tenancy, session);
    }
    wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
  };
  const auto fetches = [&] {
    wait_until([&] { return session_.number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") == 1; },
               "the service's sessions have ended");
    return session_.number(
        "SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_indexes WHERE indexrelname = 'Team_tributary_tenancy_sequence'");
  };
  session_.run(test::insert_team(tenancy, uuid(1)));
  {
    test::Service service(source_);
    equal_everywhere();
  }
  const auto before = fetches();
  session_.run(test::insert_team(tenancy, uuid(2)));
  session_.run(R"(UPDATE "Team" SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false)");
  session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy));
  {
    test::Service::Params params;
    params.run_sequencer = false;
    // One that is left behind on a busy machine, or parked, would read by itself.
    params.sync.patience = params.sync.destination.connect_timeout = std::chrono::minutes(1);
    test::Service service(source_, params);
    equal_everywhere();
  }
  EXPECT_EQ(fetches() - before, 1);
}

TEST_F(SyncTest, AFirstLoadThatTakesTooLongToBeReadWholeIsReadInOrder) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 600);
  test::Service::Params params;
  params.sync.small_rows = 10;
  params.sync.load_rows = 150;  // as a whole it may have 750
  params.sync.load_chunk_bytes = 4'096;
  params.sync.load_time = std::chrono::milliseconds(1);
  session_.run(R"(UPDATE "ExternalDbSyncMetadata" SET "pollerEnabled" = false)");
  test::Service service(source_, params);
  test::wait_until_numbered(session_);
  session_.run(R"(UPDATE "ExternalDbSyncMetadata" SET "pollerEnabled" = true; NOTIFY tributary_queue)");
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
}

TEST_F(SyncTest, ALargeBacklogIsLoadedInBatchesWhileChangesFlow) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 3'000);
  test::Service::Params params;
  params.sync.small_rows = 10;
  params.sync.load_rows = 500;
  params.sync.load_chunk_bytes = 4'096;
  test::Service service(source_, params);
  for (int i = 0; i < 20; ++i) {
    session_.run(
        fmt::format(R"(UPDATE "ProjectUser" SET "displayName" = 'changed {0}' WHERE "projectUserId"::text LIKE '%{0}')", i));
    session_.run(fmt::format(R"(DELETE FROM "ProjectUser" WHERE "projectUserId"::text LIKE '%{}1')", 10 + i));
  }
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
}

// Invariant 2. The claim must not take the old request away before the new ids are visible.
TEST_F(SyncTest, NothingBetweenTheIdsAndTheRequest) {
  const auto tenancy = add_tenancy(1, {});
  session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy));
  auto sequencing = source_.session();
  sequencing.run("BEGIN");
  sequencing.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy));
  test::run([&]() -> asio::awaitable<void> {
    const auto deadline = Deadline::after(std::chrono::seconds(20));
    auto connection = co_await postgres::Connection::open(source_.options(), deadline);
    const auto worker = Uuid::random();
    EXPECT_TRUE(
        (co_await queue::claim(connection, queue::DestinationKind::postgres, worker, std::chrono::seconds(10), 10, deadline))
            .empty());
    sequencing.run("COMMIT");
    EXPECT_EQ(
        (co_await queue::claim(connection, queue::DestinationKind::postgres, worker, std::chrono::seconds(10), 10, deadline))
            .size(),
        1U);
  });
}

TEST_F(SyncTest, TheWatermarkSaysUntilWhenADestinationIsComplete) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 3);
  const auto committed_by = session_.value("SELECT clock_timestamp()");
  test::Service service(source_);
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
  wait_until(
      [&] {
        return customer_session.value(
                   fmt::format("SELECT bool_and(complete_until >= '{}') FROM public._stack_sync_metadata", committed_by)) == "t";
      },
      "every mapping is complete until the commit");
}

// One mapping has so many rows that they are loaded, the others have none: of these the customer was never told.
TEST_F(SyncTest, ATableWithoutRowsIsCompleteToo) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  for (unsigned team = 1; team <= 40; ++team) session_.run(test::insert_team(tenancy, uuid(team)));
  test::Service::Params params;
  params.sync.small_rows = 10;
  params.sync.load_rows = 20;  // the last batch of the load is full
  test::Service service(source_, params);
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
  wait_until([&] { return customer_session.number("SELECT count(complete_until) FROM public._stack_sync_metadata") == 4; },
             "every mapping is complete");

  // Told once: a look that finds nothing writes nothing.
  const auto versions = [&] {
    return customer_session.rows("SELECT mapping_name, xmin FROM public._stack_sync_metadata ORDER BY 1");
  };
  wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
  const auto before = versions();
  session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy));
  wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
  EXPECT_EQ(versions(), before);
}

TEST_F(SyncTest, CompleteUntilDoesNotPassARowThatIsNotSequenced) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 3);
  {
    test::Service service(source_);
    auto customer_session = customer.session();
    wait_until_equal(session_, tenancy, customer_session);
  }
  add_users(tenancy, 10, 1);
  session_.run(fmt::format(R"(UPDATE "ProjectUser" SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false
                              WHERE "projectUserId" = '10000000-0000-4000-8000-000000000001')"));
  const auto flagged_at = session_.value("SELECT clock_timestamp()");
  session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy));
  test::Service::Params params;
  params.run_sequencer = false;
  test::Service service(source_, params);
  auto customer_session = customer.session();
  wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
  EXPECT_EQ(customer_session.value(fmt::format(
                "SELECT complete_until < '{}' FROM public._stack_sync_metadata WHERE mapping_name = 'users'", flagged_at)),
            "t");
}

TEST_F(SyncTest, AnItemOfAMissingTenancyIsNoError) {
  test::Service service(source_);
  session_.run("SELECT tributary.enqueue(ARRAY[gen_random_uuid()])");
  session_.run(R"(INSERT INTO "OutgoingRequest" (id, "qstashOptions", "deduplicationKey") VALUES
                  (gen_random_uuid(), '{"body": {"tenancyId": "no uuid"}}', 'sync:no-uuid'))");
  wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
}

TEST_F(SyncTest, ADeletedTenancyIsEmptiedAtItsDestinationAndForgotten) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 50);
  test::Service service(source_);
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
  session_.run("DELETE FROM \"Project\" WHERE id = 'project-1'");
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.deleted_tenancy") == 0; }, "the tenancy is forgotten");
  EXPECT_EQ(customer_session.number("SELECT count(*) FROM public.users"), 0);

  // Its database is free for the project's next tenancy.
  const auto next = add_tenancy(2, {customer.uri()});
  add_users(next, 1, 5);
  wait_until_equal(session_, next, customer_session);
  EXPECT_EQ(customer_session.number("SELECT count(*) FROM public.users"), 5);
}

TEST_F(SyncTest, ARequestWhoseLeaseRanOutIsDoneByAnother) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 5);
  // A worker that claimed it and died.
  session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy));
  test::run([&]() -> asio::awaitable<void> {
    const auto deadline = Deadline::after(std::chrono::seconds(20));
    auto connection = co_await postgres::Connection::open(source_.options(), deadline);
    EXPECT_EQ((co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), std::chrono::milliseconds(1),
                                     10, deadline))
                  .size(),
              1U);
  });
  test::Service service(source_);
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
  wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
}

// As after the source's clock was set back: its worker is dead, and its lease would last for days.
TEST_F(SyncTest, ALeaseThatIsLongerThanAnyCanBeHasRunOut) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 5);
  session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy));
  session_.run(
      R"(UPDATE "OutgoingRequest" SET "startedFulfillingAt" = now(), "leaseToken" = gen_random_uuid(), "leaseUntil" = now() + interval '2 days')");
  test::Service service(source_);
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
}

// The same for who has failed, and for a row that was refused.
TEST_F(SyncTest, ARestThatIsLongerThanAnyCanBeIsOver) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 5);
  session_.run(
      fmt::format("INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, attempts, next_try_at, error) "
                  "VALUES ('{0}', 'd0', '', 1, now() + interval '2 days', 'it failed');"
                  "INSERT INTO tributary.quarantine (tenancy_id, destination_id, mapping, key, next_try_at, updated_at) "
                  "SELECT '{0}', 'd0', 'users', jsonb_build_object('id', min(\"projectUserId\"::text)), now() + interval '2 "
                  "days', now() + interval '2 days' "
                  "FROM \"ProjectUser\"",
                  tenancy));
  test::Service service(source_);
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 0 && state("d0").empty(); },
             "nothing is left of it");
}

TEST_F(SyncTest, AStaleRequestWithANewerPendingOneIsDropped) {
  const auto tenancy = add_tenancy(1, {});
  session_.run(R"(DELETE FROM "OutgoingRequest")");
  session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy));
  session_.run(
      R"(UPDATE "OutgoingRequest" SET "startedFulfillingAt" = now(), "leaseToken" = gen_random_uuid(), "leaseUntil" = now() - interval '1 s')");
  session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", tenancy));
  test::run([&]() -> asio::awaitable<void> {
    const auto deadline = Deadline::after(std::chrono::seconds(20));
    auto connection = co_await postgres::Connection::open(source_.options(), deadline);
    co_await queue::revive(connection, queue::DestinationKind::postgres, std::chrono::seconds(10), 5000, {}, deadline);
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM \"OutgoingRequest\""), 1);
  EXPECT_EQ(session_.number(R"(SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL)"), 1);
}

// Two that take turns at the only slot, after each batch: where they stand in between was read since the jump, and is no reason to compare anything.
TEST_F(SyncTest, AFirstLoadBelowTheJumpIsComparedWithNothing) {
  test::Database first("customer");
  test::Database second("customer");
  for (const unsigned number : {1U, 2U}) {
    add_tenancy(number, {});
    add_users(uuid(number), static_cast<int>(1'000 * number), 200);
  }
  for (const auto* table : {"ProjectUser", "ContactChannel"})
    session_.run(
        fmt::format(R"(UPDATE "{}" SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false)", table));
  session_.run("SELECT tributary.guard_sequence()");
  session_.run("UPDATE tributary.installation SET postmaster_started_at = postmaster_started_at - interval '1 day'");
  EXPECT_EQ(session_.value("SELECT tributary.guard_sequence()"), "t");
  set_destinations(1, {first.uri()});
  set_destinations(2, {second.uri()});

  test::Service::Params params;
  params.sync.small_rows = 5;
  params.sync.load_rows = 10;
  params.sync.parallel_loads = 1;
  test::Service service(source_, params);
  auto first_session = first.session();
  auto second_session = second.session();
  wait_until_equal(session_, uuid(1), first_session);
  wait_until_equal(session_, uuid(2), second_session);
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.mend"), 0);
}

TEST_F(SyncTest, ATenancyInFlightIsNotClaimedTwice) {
  const auto tenancy = add_tenancy(1, {});
  session_.run(R"(DELETE FROM "OutgoingRequest")");
  test::run([&]() -> asio::awaitable<void> {
    const auto deadline = Deadline::after(std::chrono::seconds(20));
    auto connection = co_await postgres::Connection::open(source_.options(), deadline);
    const auto id = *Uuid::parse(tenancy);
    co_await queue::enqueue(connection, queue::DestinationKind::postgres, id, deadline);
    const auto first = co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(),
                                             std::chrono::seconds(10), 10, deadline);
    EXPECT_EQ(first.size(), 1U);
    co_await queue::enqueue(connection, queue::DestinationKind::postgres, id, deadline);
    EXPECT_TRUE((co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), std::chrono::seconds(10), 10,
                                       deadline))
                    .empty());
    co_await queue::finish(connection, first.at(0), false, deadline);
    EXPECT_EQ((co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), std::chrono::seconds(10), 10,
                                     deadline))
                  .size(),
              1U);
  });
}

// Invariant 10, the orderly half: what is in flight is finished, nothing is left claimed.
TEST_F(SyncTest, StoppingIsClean) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 2'000);
  test::Service::Params params;
  params.sync.load_rows = 100;
  params.sync.small_rows = 10;
  {
    test::Service service(source_, params);
    auto customer_session = customer.session();
    wait_until(
        [&] {
          return customer_session.value("SELECT to_regclass('public.users') IS NOT NULL") == "t" &&
                 customer_session.number("SELECT count(*) FROM public.users") > 0;
        },
        "the load has begun");
  }
  EXPECT_EQ(session_.number(R"(SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NOT NULL)"), 0);
  test::Service service(source_);
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
}

}  // namespace
}  // namespace tributary::sync
