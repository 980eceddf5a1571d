#include "queue/pause.hpp"

#include "fixture.hpp"

namespace tributary::sync {
namespace {

class Pause : public SyncTest {
 protected:
  using Change = asio::awaitable<std::uint64_t> (*)(postgres::Connection&, std::span<const queue::DestinationName>, std::string,
                                                    Deadline);
  /// How many it changed.
  std::uint64_t change(Change what, unsigned tenancy, const std::string& destination, std::string mapping = "") {
    std::uint64_t changed = 0;
    test::run([&]() -> asio::awaitable<void> {
      const auto deadline = Deadline::after(std::chrono::seconds(20));
      auto connection = co_await postgres::Connection::open(source_.options().with_setting("search_path", "public"), deadline);
      const std::vector<queue::DestinationName> names{{*Uuid::parse(uuid(tenancy)), destination}};
      changed = co_await what(connection, names, std::move(mapping), deadline);
    });
    return changed;
  }
  void wait_until_idle() {
    wait_until([&] { return session_.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; }, "the queue is empty");
  }

  test::Database one_{"customer"};
  test::Database other_{"customer"};
};

TEST_F(Pause, APausedDestinationDelaysNobodyAndGetsItsBacklogWhenItIsResumed) {
  const auto tenancy = add_tenancy(1, {one_.uri(), other_.uri()});
  test::Service service(source_);
  auto one = one_.session();
  auto other = other_.session();
  add_users(tenancy, 1, 5);
  wait_until_equal(session_, tenancy, one);
  wait_until_equal(session_, tenancy, other);
  wait_until_idle();

  EXPECT_EQ(change(queue::pause, 1, "d0"), 1U);
  EXPECT_EQ(change(queue::pause, 1, "d0"), 0U);
  add_users(tenancy, 100, 5);
  session_.run(R"(DELETE FROM "ProjectUser" WHERE "projectUserId" = '10000000-0000-4000-8000-000000000001')");
  wait_until_equal(session_, tenancy, other);
  wait_until_idle();
  EXPECT_EQ(one.number("SELECT count(*) FROM public.users"), 5);

  EXPECT_EQ(change(queue::end_pause, 1, "d0"), 1U);
  wait_until_equal(session_, tenancy, one);
  EXPECT_EQ(change(queue::end_pause, 1, "d0"), 0U);
  EXPECT_EQ(session_.number("SELECT count(*) FROM tributary.destination_state WHERE paused"), 0);
}

TEST_F(Pause, OneMappingIsPausedAndTheOthersFlow) {
  const auto tenancy = add_tenancy(1, {one_.uri()});
  test::Service service(source_);
  auto one = one_.session();
  add_users(tenancy, 1, 1);
  wait_until_equal(session_, tenancy, one);
  wait_until_idle();

  change(queue::pause, 1, "d0", "users");
  add_users(tenancy, 2, 4);
  wait_until([&] { return one.number("SELECT count(*) FROM public.contact_channels") == 5; }, "contact channels flow");
  wait_until_idle();
  EXPECT_EQ(one.number("SELECT count(*) FROM public.users"), 1);
  change(queue::end_pause, 1, "d0", "users");
  wait_until_equal(session_, tenancy, one);
}

// What had failed stays on record, is not tried while it is paused, and is due at once afterwards.
TEST_F(Pause, AFailingDestinationIsNotTriedWhileItIsPaused) {
  const auto tenancy = add_tenancy(1, {"postgresql://nobody@127.0.0.1:1/refused"});
  test::Service service(source_);
  add_users(tenancy, 1, 1);
  wait_until([&] { return !state("d0").empty(); }, "it has failed");
  change(queue::pause, 1, "d0");
  wait_until_idle();
  set_destinations(1, {one_.uri()});
  wait_until_idle();
  EXPECT_NE(state("d0"), "");
  EXPECT_EQ(one_.session().value("SELECT to_regclass('public.users') IS NULL"), "t");
  change(queue::end_pause, 1, "d0");
  auto one = one_.session();
  wait_until_equal(session_, tenancy, one);
  wait_until([&] { return state("d0").empty(); }, "its error is gone");
}

}  // namespace
}  // namespace tributary::sync
