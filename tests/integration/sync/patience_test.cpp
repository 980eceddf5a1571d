#include "fixture.hpp"

// A destination that never ends a step within the others' patience once lost its load each time it was left behind, and so never got anywhere. Found
// by the model test on a machine that was too busy.

namespace tributary::sync {
namespace {

TEST_F(SyncTest, ADestinationSlowerThanAnyPatienceStillAdvances) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 100);
  test::Service::Params params;
  params.sync.patience = std::chrono::milliseconds(0);
  params.sync.small_rows = 2;
  params.sync.load_rows = 40;
  test::Service service(source_, params);
  auto customer_session = customer.session();
  wait_until_equal(session_, tenancy, customer_session);
  wait_until([&] { return session_.number(R"(SELECT count(*) FROM "OutgoingRequest")") == 0; }, "the queue is empty");
}

// The request of a tenancy does not wait for a destination that is tried alone. If the process dies meanwhile, what the source knows of the destination
// is all that is left: it was once removed after the first batch. Found by `make torture`.
TEST_F(SyncTest, ADestinationTriedAloneIsRememberedUntilItIsDone) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  add_users(tenancy, 1, 1);
  auto customer_session = customer.session();
  {
    test::Service service(source_);
    wait_until_equal(session_, tenancy, customer_session);
  }
  session_.run(fmt::format(
      "INSERT INTO tributary.destination_state (tenancy_id, destination_id, mapping, next_try_at) VALUES ('{}', 'd0', '', now())",
      tenancy));
  add_users(tenancy, 2, 3);
  for (unsigned team = 1; team <= 100; ++team) session_.run(test::insert_team(tenancy, uuid(team)));
  auto locker = customer.session();
  locker.run("BEGIN; LOCK TABLE public.teams IN ACCESS EXCLUSIVE MODE");

  test::Service::Params params;
  params.sync.small_rows = 10;
  test::Service service(source_, params);
  wait_until([&] { return customer_session.number("SELECT count(*) FROM public.users") == 4; }, "the small batch is there");
  wait_until([&] { return customer_session.number("SELECT count(*) FROM pg_locks WHERE NOT granted") > 0; }, "the load waits");
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.destination_state"), 1);
  locker.run("ROLLBACK");
  wait_until_equal(session_, tenancy, customer_session);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.destination_state") == 0; },
             "nothing is left to remember");
}

}  // namespace
}  // namespace tributary::sync
