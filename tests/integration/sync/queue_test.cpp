#include <thread>

#include "queue/health.hpp"
#include "queue/mend.hpp"
#include "queue_fixture.hpp"
#include "sync/reader.hpp"

// What a reader of the queue's code asks first: who can lose a request, and who can hold everybody up.

namespace tributary::sync {
namespace {

using namespace std::chrono_literals;

TEST_F(QueueTest, OnlyTheLeasesOfWhatIsStillWorkedOnAreRenewed) {
  const auto kept = add_tenancy(1, {});
  const auto given_up = add_tenancy(2, {});
  enqueue(kept);
  enqueue(given_up);
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    auto claims = co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), 1ms, 10, deadline());
    EXPECT_EQ(claims.size(), 2U);
    if (claims.at(0).tenancy != Uuid::parse(kept)) std::swap(claims[0], claims[1]);
    EXPECT_EQ(co_await queue::renew(connection, {claims[0].request, Uuid::random()}, 1h, deadline()),
              std::vector{claims[0].request});
    session_.run("SELECT pg_sleep(0.002)");
    EXPECT_EQ(co_await queue::revive(connection, queue::DestinationKind::postgres, 1h, 5000, {}, deadline()), 1U);
  });
  EXPECT_EQ(session_.value(R"(SELECT "tenancyId" FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NULL)"), given_up);
}

// Or a process that is late with them would have the more to do the more it has to do. The poller of the other kind renews its own before it looks.
TEST_F(QueueTest, APollerTakesAwayLeasesOfItsKindAndNoneOfItsOwn) {
  const auto tenancy = *Uuid::parse(add_tenancy(1, {}));
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    for (const auto kind : {queue::DestinationKind::postgres, queue::DestinationKind::clickhouse}) {
      const auto other =
          kind == queue::DestinationKind::postgres ? queue::DestinationKind::clickhouse : queue::DestinationKind::postgres;
      co_await queue::enqueue(connection, kind, tenancy, deadline());
      const auto claims = co_await queue::claim(connection, kind, Uuid::random(), 1ms, 10, deadline());
      session_.run("SELECT pg_sleep(0.002)");
      EXPECT_EQ(co_await queue::revive(connection, other, 1h, 5000, {}, deadline()), 0U);
      EXPECT_EQ(co_await queue::revive(connection, kind, 1h, 5000, {claims.at(0).request}, deadline()), 0U);
      EXPECT_EQ(co_await queue::revive(connection, kind, 1h, 5000, {Uuid::random()}, deadline()), 1U);
      session_.run(R"(DELETE FROM "OutgoingRequest")");
    }
  });
}

// A load of many batches is put back after some of them: since when its tenancy is not up to date must not begin anew.
TEST_F(QueueTest, ATenancyIsBehindSinceTheFirstOfItsRequestsThatWasPutBack) {
  enqueue(add_tenancy(1, {}));
  const auto behind = [&] {
    return session_.number(R"(SELECT round(extract(epoch FROM now() - "behindSince") / 60) FROM "OutgoingRequest")");
  };
  session_.run(R"(UPDATE "OutgoingRequest" SET "createdAt" = (now() - interval '7 min') AT TIME ZONE 'UTC')");
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    for (int round = 0; round < 2; ++round) {
      const auto claims = co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), 10s, 1, deadline());
      co_await queue::finish(connection, claims.at(0), true, deadline());
      EXPECT_EQ(behind(), 7);
    }
    const auto all = co_await queue::read_behind(connection, std::nullopt, 10, deadline());
    EXPECT_EQ(all.size(), 1U);
    EXPECT_EQ(all.at(0).state, queue::Behind::State::pending);
    EXPECT_NEAR(static_cast<double>(all.at(0).age.count()), 7 * 60'000, 30'000);
    const auto claims = co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), 10s, 1, deadline());
    co_await queue::finish(connection, claims.at(0), false, deadline());
  });
  EXPECT_EQ(session_.number(R"(SELECT count(*) FROM "OutgoingRequest")"), 0);
}

TEST_F(QueueTest, TheOldestRequestIsClaimedFirst) {
  const std::vector<std::string> oldest_first{add_tenancy(3, {}), add_tenancy(1, {}), add_tenancy(2, {})};
  session_.run(R"(DELETE FROM "OutgoingRequest")");
  for (std::size_t i = 0; i < oldest_first.size(); ++i) {
    enqueue(oldest_first[i]);
    session_.run(fmt::format(R"(UPDATE "OutgoingRequest" SET "createdAt" = now() - interval '{} s' WHERE "tenancyId" = '{}')",
                             60 - i, oldest_first[i]));
  }
  enqueue(oldest_first[0]);  // and one that is enqueued again while it waits keeps its place
  std::vector<std::string> claimed;
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    while (claimed.size() < oldest_first.size()) {
      const auto claims = co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), 10s, 1, deadline());
      claimed.push_back(claims.at(0).tenancy.value().to_string());
    }
  });
  EXPECT_EQ(claimed, oldest_first);
}

// There is one slot for loads, and the huge tenancy's load has it when the small one's comes.
TEST_F(QueueTest, AHugeTenancyDoesNotStarveASmallOne) {
  test::Database huge_customer("customer");
  test::Database small_customer("customer");
  const auto huge = add_tenancy(1, {huge_customer.uri()});
  const auto small = add_tenancy(2, {small_customer.uri()});
  auto huge_session = huge_customer.session();
  auto small_session = small_customer.session();
  test::Service::Params params;
  params.sync.patience = 1min;  // what is left behind would have a slot of its own
  {
    test::Service service(source_, params);
    add_users(huge, 1, 1);
    wait_until_equal(session_, huge, huge_session);
  }
  add_users(huge, 2, 3'000);
  add_users(small, 10'000, 60);
  for (const auto* table : {"ProjectUser", "ContactChannel"}) {
    session_.run(
        fmt::format(R"(UPDATE "{}" SET "sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false)", table));
  }
  huge_session.run(R"sql(
    CREATE FUNCTION public.gate() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END';
    CREATE TRIGGER gate BEFORE INSERT ON public.users EXECUTE FUNCTION public.gate();
    CREATE TRIGGER gate BEFORE INSERT ON public.contact_channels EXECUTE FUNCTION public.gate();
    SELECT pg_advisory_lock(1))sql");
  session_.run(R"(DELETE FROM "OutgoingRequest")");
  enqueue(huge);
  params.run_sequencer = false;
  params.sync.small_rows = 10;
  params.sync.load_rows = 20;
  params.sync.parallel_loads = 1;
  test::Service service(source_, params);
  wait_until([&] { return huge_session.waiting_for_locks() == 1; }, "the huge tenancy's load is under way");
  enqueue(small);
  wait_until(
      [&] { return session_.number(R"(SELECT count(*) FROM "OutgoingRequest" WHERE "startedFulfillingAt" IS NOT NULL)") == 2; },
      "both are claimed");
  huge_session.run("SELECT pg_advisory_unlock(1)");
  wait_until_equal(session_, small, small_session);
  EXPECT_LT(huge_session.number("SELECT count(*) FROM public.contact_channels"), 3'001);
}

// An application that changes a project's configuration and does not commit for a while must not be in the sequencer's way.
TEST_F(QueueTest, AnApplicationsTransactionHoldsNoRequest) {
  const auto tenancy = add_tenancy(1, {});
  enqueue(tenancy);
  auto application = source_.session();
  application.run(R"(BEGIN; UPDATE "Project" SET "configOverride" = '{"changed": true}')");
  session_.run("SET lock_timeout = '5s'");
  enqueue(tenancy);
  application.run("ROLLBACK");
}

TEST_F(QueueTest, AChangeOfDestinationsEnqueuesTheProjectsTenancies) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {});
  add_users(tenancy, 1, 3);
  test::Service service(source_);
  wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
  set_destinations(1, {customer.uri()});
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
}

// The claim follows a request to the version that another transaction commits meanwhile: what that one enqueued it for must be seen, too.
TEST_F(QueueTest, AClaimSeesWhatItsRequestWasEnqueuedFor) {
  const auto tenancy = add_tenancy(1, {});
  enqueue(tenancy);
  // The claim's snapshot is taken, then its first statement is held up at the request's row until the other has committed.
  auto other = source_.session();
  session_.run(R"sql(
    CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END $$;
    CREATE TRIGGER slow BEFORE UPDATE ON "OutgoingRequest" FOR EACH ROW WHEN (NEW."startedFulfillingAt" IS NOT NULL) EXECUTE FUNCTION public.slow())sql");
  other.run("BEGIN; SELECT pg_advisory_xact_lock(4711)");
  std::vector<queue::Claim> claims;
  std::thread claimer([&] {
    with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
      claims = co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), 10s, 10, deadline());
    });
  });
  wait_until([&] { return session_.waiting_for_locks() == 1; }, "the claim is under way");
  set_destinations(1, {"postgresql://nobody@127.0.0.1:1/new"});
  other.run("COMMIT");
  claimer.join();
  ASSERT_EQ(claims.size(), 1U);
  EXPECT_EQ(claims[0].destinations.size(), 1U);
}

TEST_F(QueueTest, WhatACustomerPutsIntoItsConfigurationHurtsNobody) {
  test::Database customer("customer");
  add_tenancy(1, {});
  std::string deep(500, '[');
  deep += std::string(500, ']');
  session_.run(fmt::format(
      R"(UPDATE "Project" SET "configOverride" = '{{"dbSync.externalDatabases": {{"d0": {{"type": "postgres", "x": {}}},
                              "d1": [], "d2": "text", "d3": {{"type": 7, "connectionString": null}}}}}}')",
      deep));
  const auto sound = add_tenancy(2, {customer.uri()});
  test::Service service(source_);
  add_users(uuid(1), 100, 1);
  add_users(sound, 1, 3);
  auto customer_session = customer.session();
  wait_until_equal(session_, sound, customer_session);
  wait_until([&] { return !state("d0").empty() && !state("d3").empty(); }, "what is wrong is said");
}

TEST_F(QueueTest, WhatIsToBeMendedOfADeletedTenancyIsKeptUntilItsDestinationsAreLeft) {
  const auto tenancy = add_tenancy(1, {"postgresql://nobody@127.0.0.1:1/customer"});
  session_.run("INSERT INTO tributary.mend (tenancy_id, destination_id, mapping, reason, reads_everything) VALUES ('" + tenancy +
               "', 'customer', 'users', 'ahead', false)");
  session_.run(R"(DELETE FROM "Tenancy" WHERE id = ')" + tenancy + "'");
  const auto left = [&] {
    with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
      co_await queue::open_mends(connection, {"users"}, 10, deadline());
    });
    return session_.number("SELECT count(*) FROM tributary.mend");
  };
  EXPECT_EQ(left(), 1) << "it may come back under its own id";
  session_.run("DELETE FROM tributary.deleted_tenancy");
  EXPECT_EQ(left(), 0);
}

TEST_F(QueueTest, AKeyThatIsRefusedTwiceInABatchIsQuarantinedOnce) {
  add_tenancy(1, {});
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const queue::Refused refused{.key = R"({"id": "1"})", .sqlstate = "23503", .error = "still referenced"};
    std::vector<queue::Refused> twice{refused, refused};
    co_await queue::quarantine(connection, *Uuid::parse(uuid(1)), "d0", "users", std::move(twice), Backoff{}, deadline());
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.quarantine"), 1);
}

// Whatever sync.retry_longest is in the process that looks: it may be longer in another one.
TEST_F(QueueTest, OnlyARestThatNoProcessMayGiveIsCutShort) {
  add_tenancy(1, {});
  session_.run(
      fmt::format("INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, attempts, next_try_at, error) "
                  "SELECT '{0}', d, '', 1, now() + rest, 'it failed' FROM (VALUES ('may', interval '59 minutes'), ('may not', "
                  "'61 minutes')) AS v (d, rest);"
                  "INSERT INTO tributary.quarantine (tenancy_id, destination_id, mapping, key, next_try_at) "
                  "SELECT tenancy_id, destination_id, 'users', '{{}}', next_try_at FROM tributary.destination_state",
                  uuid(1)));
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    co_await queue::revive(connection, queue::DestinationKind::postgres, 1s, 5000, {}, deadline());
  });
  for (const auto* table : {"destination_state", "quarantine"})
    EXPECT_EQ(
        session_.value(fmt::format("SELECT string_agg(destination_id, ', ') FROM tributary.{} WHERE next_try_at > now()", table)),
        "may")
        << table;
}

TEST_F(QueueTest, AKeyThatWasRefusedSinceItWasReadStaysInQuarantine) {
  add_tenancy(1, {});
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const auto tenancy = *Uuid::parse(uuid(1));
    const auto clock = [&]() -> asio::awaitable<postgres::Timestamp> {
      co_return (co_await connection.execute("SELECT clock_timestamp()", deadline())).get<postgres::Timestamp>(0, 0);
    };
    const auto before = co_await clock();
    std::vector<queue::Refused> refused{{.key = R"({"id": "1"})", .sqlstate = "23503", .error = "refused"}};
    co_await queue::quarantine(connection, tenancy, "d0", "users", std::move(refused), Backoff{}, deadline());
    const std::vector<std::string> keys{R"({"id": "1"})"};
    co_await queue::release(connection, tenancy, "d0", "users", keys, before, deadline());
    EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.quarantine"), 1);
    co_await queue::release(connection, tenancy, "d0", "users", keys, co_await clock(), deadline());
    EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.quarantine"), 0);
  });
}

// Invariant 8: a batch is bounded by its bytes, whatever its rows weigh.
TEST_F(QueueTest, ABatchOfHeavyRowsIsReadInParts) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 20);
  session_.run(R"(UPDATE "ProjectUser" SET "serverMetadata" = jsonb_build_object('x', repeat('a', 400000)))");
  {
    test::Service service(source_);
    auto customer_session = customer.session();
    wait_until_equal(session_, tenancy, customer_session);
  }
  test::run([&]() -> asio::awaitable<void> {
    auto connection = co_await postgres::Connection::open(Engine::session_settings(source_.options()), deadline());
    Reader reader(test::builtin_mappings(), mapping::DestinationKind::postgres);
    for (const auto& mapping : reader.mappings()) {
      if (mapping.name != "users") continue;
      const auto read =
          co_await reader.read(connection, *Uuid::parse(tenancy), {{.mapping = &mapping, .after = -1}}, 256, deadline());
      EXPECT_EQ(read.changes.at(0)->rows.rows(), 3U);
      EXPECT_TRUE(read.changes.at(0)->more);
      EXPECT_FALSE(read.changes.at(0)->complete_until.has_value());
    }
  });
}

TEST_F(QueueTest, APlaceIsLeftOnceNobodyCanWriteThereAnyMore) {
  const auto tenancy = add_tenancy(1, {});
  session_.run("UPDATE tributary.installation SET clickhouse = true");
  session_.run(fmt::format("SELECT tributary.enqueue_for(ARRAY['{}'::uuid], 'clickhouse')", tenancy));
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const auto places = [&](std::chrono::milliseconds settling) {
      return queue::left_places(connection, settling, 10, deadline());
    };
    const auto claims = co_await queue::claim(connection, queue::DestinationKind::clickhouse, Uuid::random(), 1h, 10, deadline());
    EXPECT_EQ(claims.size(), 1U);
    session_.run(test::insert_project("elsewhere") + R"(UPDATE "Tenancy" SET "projectId" = 'elsewhere')");
    EXPECT_EQ((co_await places(0ms)).size(), 0U) << "whoever claimed it before writes to the old place";
    session_.run(R"(UPDATE "OutgoingRequest" SET "leaseUntil" = now())");
    EXPECT_EQ((co_await places(1h)).size(), 0U) << "or may do so a little longer";
    const auto left = co_await places(0ms);
    EXPECT_EQ(left.size(), 1U);
    if (left.size() != 1) co_return;

    session_.run(R"(UPDATE "Tenancy" SET "projectId" = 'project-1'; UPDATE "Tenancy" SET "projectId" = 'elsewhere')");
    co_await queue::forget_left_place(connection, left[0], {"users"}, deadline());
    EXPECT_EQ((co_await places(0ms)).size(), 2U) << "left anew meanwhile";
    for (const auto& place : co_await places(0ms)) co_await queue::forget_left_place(connection, place, {"users"}, deadline());
    EXPECT_EQ((co_await places(0ms)).size(), 0U);
    EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.mend WHERE reason = 'moved'"), 1);
  });
}

TEST_F(QueueTest, WhatCannotBeMendedNowLetsOthersGoFirst) {
  const auto tenancy = add_tenancy(1, {"postgresql://nobody@127.0.0.1:1/a", "postgresql://nobody@127.0.0.1:1/b"});
  const queue::DestinationName first{*Uuid::parse(tenancy), "d0"};
  const queue::DestinationName second{*Uuid::parse(tenancy), "d1"};
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const auto next = [&]() -> asio::awaitable<std::string> {
      const auto mends = co_await queue::open_mends(connection, {"users"}, 1, deadline());
      co_return mends.empty() ? "" : mends[0].destination.destination;
    };
    co_await queue::request_resync(connection, {&first, 1}, {"users", "a mapping of another version"}, deadline());
    co_await queue::request_resync(connection, {&second, 1}, {"users"}, deadline());
    EXPECT_EQ(co_await next(), "d0");
    auto mend = (co_await queue::open_mends(connection, {"users"}, 1, deadline())).at(0);
    co_await queue::postpone_mend(connection, mend, {}, deadline());
    EXPECT_EQ(co_await next(), "d1") << "who only waits goes behind the others";
    mend = (co_await queue::open_mends(connection, {"users"}, 1, deadline())).at(0);
    co_await queue::postpone_mend(connection, mend, {.delay = 30min, .attempts = 1, .error = "refused"}, deadline());
    EXPECT_EQ(co_await next(), "d0");
    co_await queue::finish_mend(connection, (co_await queue::open_mends(connection, {"users"}, 1, deadline())).at(0), 0,
                                deadline());
    EXPECT_EQ(co_await next(), "") << "who has failed rests";
    co_await queue::retry(connection, std::nullopt, "d1", "", deadline());
    EXPECT_EQ(co_await next(), "d1") << "unless an operator wants it now";
    co_await queue::postpone_mend(connection, mend, {.delay = 30min, .attempts = 2, .error = "refused"}, deadline());
    EXPECT_EQ(co_await next(), "d1") << "who began to try it before that has nothing to say";
    mend = (co_await queue::open_mends(connection, {"users"}, 1, deadline())).at(0);
    co_await queue::postpone_mend(connection, mend, {.delay = 30min, .attempts = 2, .error = "refused"}, deadline());
    EXPECT_EQ(co_await next(), "");
    const queue::Park park{.tenancy = second.tenancy, .destination = "d1", .attempts = 1, .error = "refused"};
    co_await queue::park(connection, {&park, 1}, deadline());
    co_await queue::unpark(connection, co_await claim(connection, second.tenancy.to_string()), "d1", {""}, deadline());
    EXPECT_EQ(co_await next(), "d1") << "or it has recovered";
    mend = (co_await queue::open_mends(connection, {"users"}, 1, deadline())).at(0);
    co_await queue::postpone_mend(connection, mend, {.delay = 2h, .attempts = 2, .error = "refused"}, deadline());
    EXPECT_EQ(co_await next(), "d1") << "a rest longer than any comes of a clock that was set back";
  });
}

// The watermark that has told what is to be compared moves with the next batch: a crash of the source must not forget what was asked for.
TEST_F(QueueTest, WhatIsToBeMendedIsDurable) {
  const auto tenancy = add_tenancy(1, {"postgresql://nobody@127.0.0.1:1/a"});
  session_.run(R"(
    CREATE TABLE public.seen (setting text);
    CREATE FUNCTION public.note_setting() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO public.seen VALUES (current_setting(''synchronous_commit'')); RETURN NEW; END';
    CREATE TRIGGER note BEFORE INSERT OR UPDATE ON tributary.mend FOR EACH ROW EXECUTE FUNCTION public.note_setting())");
  const queue::DestinationName destination{*Uuid::parse(tenancy), "d0"};
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    const queue::Suspect suspect{.mapping = "users", .table = "ProjectUser", .watermark = 5, .doubt = queue::Doubt::ahead};
    EXPECT_EQ(co_await queue::request_mends(connection, destination, {&suspect, 1}, deadline()), 1U);
    EXPECT_EQ(co_await queue::request_resync(connection, {&destination, 1}, {"users"}, deadline()), 1U);
  });
  EXPECT_EQ(session_.value("SELECT DISTINCT setting FROM public.seen"), "on");
}

// Sequencers that enqueue one of them wait until the others are enqueued, too. Tenancies are counted, however many of their rows were refused.
TEST_F(QueueTest, ManyRetriesAreEnqueuedAFewAtATime) {
  session_.run(R"(
    INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, attempts, next_try_at, error)
    SELECT gen_random_uuid(), '@clickhouse', '', 1, now(), 'away' FROM generate_series(1, 7);
    INSERT INTO tributary.quarantine (tenancy_id, destination_id, mapping, key, next_try_at)
    SELECT CASE WHEN i = 100 THEN gen_random_uuid() ELSE md5('one')::uuid END, 'd', 'users', jsonb_build_object('id', i), now() FROM generate_series(1, 100) AS i)");
  std::vector<std::uint64_t> revived;
  with_connection([&](postgres::Connection& connection) -> asio::awaitable<void> {
    for (const auto kind : {queue::DestinationKind::clickhouse, queue::DestinationKind::postgres})
      for (int i = 0; i < 4; ++i) revived.push_back(co_await queue::revive(connection, kind, 1h, 3, {}, deadline()));
  });
  EXPECT_EQ(revived, (std::vector<std::uint64_t>{3, 3, 1, 0, 2, 0, 0, 0}));
}

}  // namespace
}  // namespace tributary::sync
