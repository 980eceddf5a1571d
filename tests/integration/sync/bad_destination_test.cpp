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

TEST_F(SyncTest, ARefusedRowIsQuarantinedAndEveryOtherFlows) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  auto customer_session = customer.session();
  test::Service service(source_);
  add_users(tenancy, 1, 3);
  wait_until_equal(session_, tenancy, customer_session);
  customer_session.run("ALTER TABLE public.users ADD CONSTRAINT polite CHECK (display_name <> 'rude')");
  session_.run(
      R"(UPDATE "ProjectUser" SET "displayName" = CASE WHEN "projectUserId"::text LIKE '%2' THEN 'rude' ELSE 'kind' END)");
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 1; }, "the row is quarantined");
  wait_until([&] { return customer_session.number("SELECT count(*) FROM public.users WHERE display_name = 'kind'") == 2; },
             "the others flow");
  EXPECT_NE(session_.value("SELECT error FROM tributary.quarantine").find("polite"), std::string::npos);
  EXPECT_NE(session_.value("SELECT key FROM tributary.quarantine").find("10000000-0000-4000-8000-000000000002"),
            std::string::npos);

  // A new change of the key is applied as soon as it is accepted.
  session_.run(R"(UPDATE "ProjectUser" SET "displayName" = 'sorry' WHERE "displayName" = 'rude')");
  wait_until_equal(session_, tenancy, customer_session);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 0; }, "the quarantine is empty");
}

TEST_F(SyncTest, AQuarantinedKeyIsRetriedUntilItsRowIsAccepted) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  auto customer_session = customer.session();
  test::Service::Params params;
  params.sync.small_rows = 20;  // so that the refused row is met by a load, too
  test::Service service(source_, params);
  add_users(tenancy, 1, 1);
  wait_until_equal(session_, tenancy, customer_session);
  customer_session.run("ALTER TABLE public.users ADD CONSTRAINT polite CHECK (display_name NOT LIKE '%99')");
  add_users(tenancy, 50, 100);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 1; }, "the row is quarantined");
  wait_until([&] { return customer_session.number("SELECT count(*) FROM public.users") == 100; }, "the others flow");
  customer_session.run("ALTER TABLE public.users DROP CONSTRAINT polite");
  wait_until_equal(session_, tenancy, customer_session);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 0; }, "the quarantine is empty");
}

// Keys gather from many batches. Tried all at once they were more than one batch may refuse, and stopped the mapping.
TEST_F(SyncTest, MoreQuarantinedKeysThanABatchMayRefuseAreTriedPartByPart) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  auto customer_session = customer.session();
  test::Service::Params params;
  params.sync.most_refused_rows = 3;
  test::Service service(source_, params);
  add_users(tenancy, 1, 1);
  wait_until_equal(session_, tenancy, customer_session);
  customer_session.run("ALTER TABLE public.users ADD CONSTRAINT none CHECK (display_name = 'Üser 1') NOT VALID");
  for (int user = 2; user < 7; ++user) {
    add_users(tenancy, user, 1);
    wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == user - 1; },
               "the row is quarantined");
  }
  session_.run("UPDATE tributary.quarantine SET next_try_at = now(), attempts = 1");
  wait_until([&] { return session_.number("SELECT min(attempts) FROM tributary.quarantine") > 1; }, "each was tried again");
  EXPECT_EQ(state("d0"), "");
}

// What docs/decisions/0005 tells a customer whose rows exchange their values.
TEST_F(SyncTest, ADeferrableConstraintLetsRowsExchangeTheirValues) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  auto customer_session = customer.session();
  test::Service service(source_);
  add_users(tenancy, 1, 2);
  wait_until_equal(session_, tenancy, customer_session);
  customer_session.run("ALTER TABLE public.users ADD UNIQUE (display_name)");
  const auto exchange =
      R"(UPDATE "ProjectUser" SET "displayName" = CASE "displayName" WHEN 'Üser 1' THEN 'Üser 2' ELSE 'Üser 1' END)";
  session_.run(exchange);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 2; }, "both are refused");
  customer_session.run("ALTER TABLE public.users DROP CONSTRAINT users_display_name_key, ADD UNIQUE (display_name) DEFERRABLE");
  wait_until_equal(session_, tenancy, customer_session);
  session_.run(exchange);
  wait_until_equal(session_, tenancy, customer_session);
}

TEST_F(SyncTest, AQuarantinedKeyThatIsDeletedMeanwhileIsForgotten) {
  test::Database customer("customer");
  const auto tenancy = add_tenancy(1, {customer.uri()});
  auto customer_session = customer.session();
  test::Service service(source_);
  add_users(tenancy, 1, 1);
  wait_until_equal(session_, tenancy, customer_session);
  customer_session.run("ALTER TABLE public.users ADD CONSTRAINT none CHECK (display_name NOT LIKE '%2')");
  add_users(tenancy, 2, 1);
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 1; }, "the row is quarantined");
  session_.run(R"(DELETE FROM "ProjectUser" WHERE "projectUserId"::text LIKE '%2')");
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.quarantine") == 0; }, "the quarantine is empty");
  wait_until_equal(session_, tenancy, customer_session);
}

}  // namespace
}  // namespace tributary::sync
