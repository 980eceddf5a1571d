#include "fixture.hpp"

// A deleted tenancy is enqueued when it is deleted, and again when its tombstones have their ids. The first of these finds nothing to do, and once
// took that for the end: the destinations were given up with the tenancy's rows in them. So did the end of an earlier deletion of a tenancy that was
// made again and deleted again. Found by the model test.

namespace tributary::sync {
namespace {

class DeletedTenancyTest : public SyncTest {
 protected:
  DeletedTenancyTest() { without_sequencer_.run_sequencer = false; }
  long long remembered() { return session_.number("SELECT count(*) FROM tributary.deleted_tenancy"); }
  void wait_for_queue() {
    wait_until([&] { return session_.number(R"(SELECT count(*) FROM "OutgoingRequest")") == 0; }, "the queue is empty");
  }

  test::Service::Params without_sequencer_;
  test::Database customer_{"customer"};
};

TEST_F(DeletedTenancyTest, IsNotForgottenBeforeItsTombstonesAreSequenced) {
  const auto tenancy = add_tenancy(1, {customer_.uri()});
  auto customer_session = customer_.session();
  add_users(tenancy, 1, 10);
  {
    test::Service service(source_);
    wait_until_equal(session_, tenancy, customer_session);
  }
  session_.run("DELETE FROM \"Tenancy\"");
  {
    test::Service service(source_, without_sequencer_);
    wait_for_queue();
  }
  EXPECT_EQ(remembered(), 1);
  test::Service service(source_);
  wait_until([&] { return remembered() == 0; }, "the tenancy is forgotten");
  EXPECT_EQ(customer_session.number("SELECT count(*) FROM public.users"), 0);
}

// Both once waited for ever, each for the database that the other had: the deleted tenancy gave up its databases only all at once.
TEST_F(DeletedTenancyTest, LeavesEachDatabaseToTheNextTenancyByItself) {
  test::Database other_customer("customer");
  add_tenancy(1, {customer_.uri(), other_customer.uri()});
  auto customer_session = customer_.session();
  auto other_session = other_customer.session();
  test::Service service(source_);
  add_users(uuid(1), 1, 10);
  wait_until_equal(session_, uuid(1), customer_session);
  wait_until_equal(session_, uuid(1), other_session);
  customer_session.run(fmt::format(
      "UPDATE public._stack_sync_metadata SET tenancy_id = '{}'; DELETE FROM public.users; DELETE FROM public.contact_channels",
      uuid(2)));
  session_.run("DELETE FROM \"Tenancy\";" + test::insert_tenancy(uuid(2), "project-1"));
  add_users(uuid(2), 100, 5);
  wait_until_equal(session_, uuid(2), customer_session);
  wait_until_equal(session_, uuid(2), other_session);
  wait_until([&] { return remembered() == 0; }, "the tenancy is forgotten");
}

// A worker that had claimed the tenancy while it was alive, was stopped, and goes on when others have given its database up. Found by the fault test.
TEST_F(DeletedTenancyTest, KeepsNoDatabaseThatALateWorkerClaimedForIt) {
  add_tenancy(1, {customer_.uri()});
  auto customer_session = customer_.session();
  test::Service service(source_);
  add_users(uuid(1), 1, 10);
  wait_until_equal(session_, uuid(1), customer_session);
  session_.run("DELETE FROM \"Tenancy\"");
  wait_until([&] { return remembered() == 0; }, "the tenancy is forgotten");
  customer_session.run(fmt::format(R"sql(
    INSERT INTO public._stack_sync_metadata (mapping_name, installation_id, tenancy_id, loading)
    SELECT name, '{}', '{}', true FROM unnest(ARRAY['users', 'contact_channels', 'teams', 'team_member_profiles']) AS name)sql",
                                   session_.value("SELECT id FROM tributary.installation"), uuid(1)));
  session_.run(test::insert_tenancy(uuid(2), "project-1"));
  add_users(uuid(2), 100, 5);
  wait_until_equal(session_, uuid(2), customer_session);
}

TEST_F(DeletedTenancyTest, IsForgottenThoughItsTombstonesWereLoaded) {
  const auto tenancy = add_tenancy(1, {customer_.uri()});
  add_users(tenancy, 1, 50);
  test::Service::Params params;
  params.sync.small_rows = 10;
  test::Service service(source_, params);
  auto customer_session = customer_.session();
  wait_until_equal(session_, tenancy, customer_session);
  session_.run("DELETE FROM \"Tenancy\"");
  wait_until([&] { return remembered() == 0; }, "the tenancy is forgotten");
  EXPECT_EQ(customer_session.number("SELECT count(*) FROM public.users"), 0);
}

// A marker that is settled without any row of the tenancy getting an id is the last that anybody hears of the tenancy.
TEST_F(DeletedTenancyTest, IsForgottenThoughAMarkerWasTheLastToGo) {
  add_tenancy(1, {customer_.uri()});
  session_.run("DELETE FROM \"Tenancy\"");
  session_.run(fmt::format(R"(INSERT INTO tributary.marker ("tenancyId", "tableName", "primaryKey")
                              VALUES ('{0}', 'ProjectUser', '{{"tenancyId": "{0}", "projectUserId": "{0}"}}'))",
                           uuid(1)));
  {
    test::Service service(source_, without_sequencer_);
    wait_for_queue();
  }
  test::Service service(source_);
  wait_until([&] { return remembered() == 0; }, "the tenancy is forgotten");
}

TEST_F(DeletedTenancyTest, IsNotForgottenForAnEarlierDeletionOfTheSame) {
  add_tenancy(1, {customer_.uri()});
  session_.run("DELETE FROM \"Tenancy\"");
  session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", uuid(1)));
  test::run([&]() -> asio::awaitable<void> {
    const auto deadline = Deadline::after(std::chrono::seconds(20));
    auto connection = co_await postgres::Connection::open(source_.options(), deadline);
    const auto claims = co_await queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(),
                                              std::chrono::seconds(10), 10, deadline);
    EXPECT_EQ(claims.size(), 1U);
    session_.run(test::insert_tenancy(uuid(1), "project-1") + "DELETE FROM \"Tenancy\"");
    co_await queue::forget_deleted_tenancy(connection, claims.at(0), {"d0"}, deadline);
    EXPECT_EQ(remembered(), 1);
  });
}

// Who took over may have met rows that the destination refuses.
TEST_F(DeletedTenancyTest, IsNotForgottenByAWorkerThatWasOvertaken) {
  add_tenancy(1, {customer_.uri()});
  session_.run("DELETE FROM \"Tenancy\"");
  session_.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid])", uuid(1)));
  session_.run("UPDATE tributary.deleted_tenancy SET destinations = destinations - '@clickhouse'");
  test::run([&]() -> asio::awaitable<void> {
    const auto deadline = Deadline::after(std::chrono::seconds(20));
    auto connection = co_await postgres::Connection::open(source_.options(), deadline);
    const auto claim = [&](std::chrono::milliseconds lease) {
      return queue::claim(connection, queue::DestinationKind::postgres, Uuid::random(), lease, 1, deadline);
    };
    const auto overtaken = co_await claim(std::chrono::milliseconds(1));
    session_.run("SELECT pg_sleep(0.002)");
    EXPECT_EQ(co_await queue::revive(connection, queue::DestinationKind::postgres, std::chrono::hours(1), 5000, {}, deadline),
              1U);
    const auto ours = co_await claim(std::chrono::seconds(10));
    co_await queue::forget_deleted_tenancy(connection, overtaken.at(0), {"d0"}, deadline);
    EXPECT_EQ(remembered(), 1);
    co_await queue::forget_deleted_tenancy(connection, ours.at(0), {"d0"}, deadline);
    EXPECT_EQ(remembered(), 0);
  });
}

}  // namespace
}  // namespace tributary::sync
