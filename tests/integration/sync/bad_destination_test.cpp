#include <boost/asio/ip/tcp.hpp>

#include "fixture.hpp"

namespace tributary::sync {
namespace {

/// Accepts connections and never says a word. The kernel does the accepting.
class SilentServer {
 public:
  SilentServer() : acceptor_(loop_, {asio::ip::address_v4::loopback(), 0}) {}
  std::string uri() const { return fmt::format("postgresql://nobody@127.0.0.1:{}/silent", acceptor_.local_endpoint().port()); }
  void close() { acceptor_.close(); }

 private:
  asio::io_context loop_{1};
  asio::ip::tcp::acceptor acceptor_;
};

// Invariant 6.
TEST_F(SyncTest, ABadDestinationIsAlone) {
  test::Database good("customer");
  test::Database odd("customer");
  SilentServer silent;
  auto odd_session = odd.session();
  odd_session.run("CREATE TABLE public.users (id text PRIMARY KEY)");
  const auto tenancy =
      add_tenancy(1, {good.uri(), "postgresql://nobody@127.0.0.1:1/refused", silent.uri(), odd.uri(), "no connection string"});
  test::Service::Params params;
  params.sync.apply_timeout = params.sync.destination.connect_timeout = std::chrono::minutes(10);
  test::Service service(source_, params);
  auto good_session = good.session();
  add_users(tenancy, 1, 10);
  wait_until_equal(session_, tenancy, good_session);
  // All this time the silent one was waited for: so the good one got its rows beside it, not after it.
  EXPECT_EQ(state("d2"), "");
  silent.close();
  // The sound tables of the odd one are served.
  wait_until(
      [&] {
        return odd_session.value("SELECT to_regclass('public.contact_channels') IS NOT NULL") == "t" &&
               odd_session.number("SELECT count(*) FROM public.contact_channels") == 10;
      },
      "the other mappings of the odd destination are served");
  // Each says what is wrong with it.
  wait_until([&] { return !state("d1").empty() && !state("d2").empty() && !state("d3").empty() && !state("d4").empty(); },
             "errors are shown");
  EXPECT_NE(state("d1").find("refused"), std::string::npos) << state("d1");
  EXPECT_NE(state("d3").find("users: public.users has column \"id\" of type text"), std::string::npos) << state("d3");
  EXPECT_EQ(state("d0"), "");
  // And the good one goes on, whatever the others do.
  add_users(tenancy, 100, 10);
  wait_until_equal(session_, tenancy, good_session);

  // And they recover by themselves.
  odd_session.run("DROP TABLE public.users");
  wait_until_equal(session_, tenancy, odd_session);
  wait_until([&] { return state("d3").empty(); }, "its error is gone");
}

TEST_F(SyncTest, ADestinationThatComesBackCatchesUp) {
  test::Database good("customer");
  test::Database bad("customer");
  const auto tenancy = add_tenancy(1, {good.uri(), bad.uri()});
  auto good_session = good.session();
  session_.run(fmt::format("ALTER DATABASE \"{}\" ALLOW_CONNECTIONS false", bad.name()));
  test::Service service(source_);
  add_users(tenancy, 1, 10);
  wait_until_equal(session_, tenancy, good_session);
  wait_until([&] { return !state("d1").empty(); }, "its error is shown");
  session_.run(fmt::format("ALTER DATABASE \"{}\" ALLOW_CONNECTIONS true", bad.name()));
  auto bad_session = bad.session();
  wait_until_equal(session_, tenancy, bad_session);
  wait_until([&] { return state("d1").empty(); }, "its error is gone");
}

TEST_F(SyncTest, ALockedTableDelaysItsOwnRowsOnly) {
  test::Database free("customer");
  test::Database locked("customer");
  const auto tenancy = add_tenancy(1, {free.uri(), locked.uri()});
  auto free_session = free.session();
  auto locked_session = locked.session();
  test::Service service(source_);
  add_users(tenancy, 1, 10);
  wait_until_equal(session_, tenancy, locked_session);
  auto locker = locked.session();
  locker.run("BEGIN; LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE");
  for (int i = 0; i < 3; ++i) {
    add_users(tenancy, 100 + i, 1);
    wait_until_equal(session_, tenancy, free_session, std::chrono::seconds(5));  // the locked one gives up after 10
  }
  locker.run("ROLLBACK");
  wait_until_equal(session_, tenancy, locked_session);
}

TEST_F(SyncTest, ADroppedTableIsMadeAnewAndFilledAgain) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  auto customer_session = customer.session();
  test::Service service(source_);
  add_users(tenancy, 1, 10);
  wait_until_equal(session_, tenancy, customer_session);
  customer_session.run("DROP TABLE public.users");
  add_users(tenancy, 100, 1);
  wait_until_equal(session_, tenancy, customer_session);
}

}  // namespace
}  // namespace tributary::sync
