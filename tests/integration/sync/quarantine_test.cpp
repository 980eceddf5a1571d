#include "integration/sync/fixture.hpp"

namespace tributary::sync {
namespace {

class QuarantineTest : public SyncTest {
 protected:
  std::int64_t quarantined() { return session_.number("SELECT count(*) FROM tributary.quarantine"); }
  /// As `tributary retry` does.
  void retry_now() { session_.run("UPDATE tributary.quarantine SET next_try_at = now()"); }
  void wait_until_in_step() { wait_until_equal(session_, tenancy_, customer_); }
  /// What is in quarantine is accepted once `accept` was run, which a backup of before knows nothing of. REQUIRES: the watermark has passed it.
  void is_there_after_a_restore(const std::string& accept) {
    customer_.run(
        "CREATE SCHEMA backup; CREATE TABLE backup.users AS TABLE public.users; "
        "CREATE TABLE backup.metadata AS TABLE public._stack_sync_metadata");
    customer_.run(accept);
    retry_now();
    wait_until([&] { return quarantined() == 0; }, "the quarantine is empty");
    wait_until_in_step();

    customer_.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid(); "
        "BEGIN; DELETE FROM public._stack_sync_metadata; INSERT INTO public._stack_sync_metadata TABLE backup.metadata; "
        "DELETE FROM public.users; INSERT INTO public.users TABLE backup.users; COMMIT");
    add_users(tenancy_, 4, 1);
    wait_until_in_step();
  }

  test::Database database_{"customer"};
  test::Session customer_{database_.session()};
  const std::string tenancy_{add_tenancy(1, {database_.uri()})};
};

TEST_F(QuarantineTest, ARefusedRowIsQuarantinedAndEveryOtherFlows) {
  test::Service service(source_);
  add_users(tenancy_, 1, 3);
  wait_until_in_step();
  customer_.run("ALTER TABLE public.users ADD CONSTRAINT polite CHECK (display_name <> 'rude')");
  session_.run(
      R"(UPDATE "ProjectUser" SET "displayName" = CASE WHEN "projectUserId"::text LIKE '%2' THEN 'rude' ELSE 'kind' END)");
  wait_until([&] { return quarantined() == 1; }, "the row is quarantined");
  wait_until([&] { return customer_.number("SELECT count(*) FROM public.users WHERE display_name = 'kind'") == 2; },
             "the others flow");
  EXPECT_NE(session_.value("SELECT error FROM tributary.quarantine").find("polite"), std::string::npos);
  EXPECT_NE(session_.value("SELECT key FROM tributary.quarantine").find("10000000-0000-4000-8000-000000000002"),
            std::string::npos);

  // A new change of the key is applied as soon as it is accepted.
  session_.run(R"(UPDATE "ProjectUser" SET "displayName" = 'sorry' WHERE "displayName" = 'rude')");
  wait_until_in_step();
  wait_until([&] { return quarantined() == 0; }, "the quarantine is empty");
}

// It speaks at the commit only, of small batches and of loads.
TEST_F(QuarantineTest, WhatADeferredConstraintRefusesIsQuarantinedAndEveryOtherFlows) {
  test::Service::Params params;
  params.sync.small_rows = 20;
  test::Service service(source_, params);
  add_users(tenancy_, 1, 3);
  wait_until_in_step();
  customer_.run("ALTER TABLE public.users ADD UNIQUE (display_name) DEFERRABLE INITIALLY DEFERRED");
  session_.run(
      R"(UPDATE "ProjectUser" SET "displayName" = CASE WHEN "projectUserId"::text LIKE '%2' THEN 'Üser 3' ELSE "displayName" END)");
  wait_until([&] { return quarantined() == 1; }, "the row is quarantined");
  add_users(tenancy_, 50, 100);
  session_.run(R"(UPDATE "ProjectUser" SET "displayName" = 'Üser 3' WHERE "projectUserId"::text LIKE '%99')");
  wait_until([&] { return quarantined() == 2; }, "another is");
  wait_until([&] { return customer_.number("SELECT count(*) FROM public.users") >= 102; }, "the others flow");
  EXPECT_EQ(state("d0"), "");

  customer_.run("ALTER TABLE public.users DROP CONSTRAINT users_display_name_key");
  retry_now();
  wait_until_in_step();
}

TEST_F(QuarantineTest, AQuarantinedKeyIsRetriedUntilItsRowIsAccepted) {
  test::Service::Params params;
  params.sync.small_rows = 20;  // so that the refused row is met by a load, too
  test::Service service(source_, params);
  add_users(tenancy_, 1, 1);
  wait_until_in_step();
  customer_.run("ALTER TABLE public.users ADD CONSTRAINT polite CHECK (display_name NOT LIKE '%99')");
  add_users(tenancy_, 50, 100);
  wait_until([&] { return quarantined() == 1; }, "the row is quarantined");
  wait_until([&] { return customer_.number("SELECT count(*) FROM public.users") == 100; }, "the others flow");
  customer_.run("ALTER TABLE public.users DROP CONSTRAINT polite");
  wait_until_in_step();
  wait_until([&] { return quarantined() == 0; }, "the quarantine is empty");
}

// Keys gather from many batches. Tried all at once they were more than one batch may refuse, and stopped the mapping.
TEST_F(QuarantineTest, MoreQuarantinedKeysThanABatchMayRefuseAreTriedPartByPart) {
  test::Service::Params params;
  params.sync.most_refused_rows = 3;
  test::Service service(source_, params);
  add_users(tenancy_, 1, 1);
  wait_until_in_step();
  customer_.run("ALTER TABLE public.users ADD CONSTRAINT none CHECK (display_name = 'Üser 1') NOT VALID");
  for (int user = 2; user < 7; ++user) {
    add_users(tenancy_, user, 1);
    wait_until([&] { return quarantined() == user - 1; }, "the row is quarantined");
  }
  session_.run("UPDATE tributary.quarantine SET next_try_at = now(), attempts = 1");
  wait_until([&] { return session_.number("SELECT min(attempts) FROM tributary.quarantine") > 1; }, "each was tried again");
  EXPECT_EQ(state("d0"), "");
}

// What docs/decisions/0005 tells a customer whose rows exchange their values.
TEST_F(QuarantineTest, ADeferrableConstraintLetsRowsExchangeTheirValues) {
  test::Service service(source_);
  add_users(tenancy_, 1, 2);
  wait_until_in_step();
  customer_.run("ALTER TABLE public.users ADD UNIQUE (display_name)");
  const auto exchange =
      R"(UPDATE "ProjectUser" SET "displayName" = CASE "displayName" WHEN 'Üser 1' THEN 'Üser 2' ELSE 'Üser 1' END)";
  session_.run(exchange);
  wait_until([&] { return quarantined() == 2; }, "both are refused");
  customer_.run("ALTER TABLE public.users DROP CONSTRAINT users_display_name_key, ADD UNIQUE (display_name) DEFERRABLE");
  wait_until_in_step();
  session_.run(exchange);
  wait_until_in_step();
}

TEST_F(QuarantineTest, AQuarantinedKeyThatIsDeletedMeanwhileIsForgotten) {
  test::Service service(source_);
  add_users(tenancy_, 1, 1);
  wait_until_in_step();
  customer_.run("ALTER TABLE public.users ADD CONSTRAINT none CHECK (display_name NOT LIKE '%2')");
  add_users(tenancy_, 2, 1);
  wait_until([&] { return quarantined() == 1; }, "the row is quarantined");
  session_.run(R"(DELETE FROM "ProjectUser" WHERE "projectUserId"::text LIKE '%2')");
  wait_until([&] { return quarantined() == 0; }, "the quarantine is empty");
  wait_until_in_step();
}

TEST_F(QuarantineTest, ATenancyThatIsDeletedWithARefusedRowIsForgotten) {
  test::Service service(source_);
  add_users(tenancy_, 1, 1);
  wait_until_in_step();
  customer_.run("ALTER TABLE public.users ADD CONSTRAINT none CHECK (display_name NOT LIKE '%2')");
  add_users(tenancy_, 2, 1);
  wait_until([&] { return quarantined() == 1; }, "the row is quarantined");
  session_.run(R"(DELETE FROM "Project")");
  wait_until([&] { return session_.number("SELECT count(*) FROM tributary.deleted_tenancy") == 0; }, "the tenancy is forgotten");
  EXPECT_EQ(quarantined(), 0);
  EXPECT_EQ(customer_.number("SELECT count(*) FROM public.users"), 0);
}

// The backup's watermark has passed the row that it does not have.
TEST_F(QuarantineTest, ARowThatWasAcceptedAtLastComesBackAfterARestore) {
  test::Service service(source_);
  add_users(tenancy_, 1, 1);
  wait_until_in_step();
  customer_.run("ALTER TABLE public.users ADD CONSTRAINT none CHECK (display_name NOT LIKE '%2')");
  add_users(tenancy_, 2, 2);
  wait_until([&] { return quarantined() == 1; }, "the row is quarantined");
  wait_until([&] { return customer_.number("SELECT count(*) FROM public.users") == 2; }, "the other flows");
  is_there_after_a_restore("ALTER TABLE public.users DROP CONSTRAINT none");
}

TEST_F(QuarantineTest, ADeletionThatWasAcceptedAtLastIsDoneAgainAfterARestore) {
  test::Service service(source_);
  add_users(tenancy_, 1, 2);
  wait_until_in_step();
  customer_.run(
      "CREATE TABLE public.orders (buyer uuid REFERENCES public.users); "
      "INSERT INTO public.orders SELECT id FROM public.users WHERE display_name LIKE '%2'");
  session_.run(R"(DELETE FROM "ProjectUser" WHERE "displayName" LIKE '%2')");
  add_users(tenancy_, 3, 1);
  wait_until([&] { return quarantined() == 1; }, "the deletion is quarantined");
  wait_until([&] { return customer_.number("SELECT count(*) FROM public.users") == 3; }, "the other flows");
  is_there_after_a_restore("DROP TABLE public.orders");
}

// What the other database was given says nothing of the first.
TEST_F(QuarantineTest, ARefusedRowIsThereAfterAnotherDatabaseStoodInForItsDestination) {
  test::Database substitute("substitute");
  auto substitute_session = substitute.session();
  test::Service service(source_);
  add_users(tenancy_, 1, 1);
  wait_until_in_step();
  customer_.run("ALTER TABLE public.users ADD CONSTRAINT none CHECK (display_name NOT LIKE '%2')");
  add_users(tenancy_, 2, 2);
  wait_until([&] { return quarantined() == 1; }, "the row is quarantined");
  set_destinations(1, {substitute.uri()});
  wait_until_equal(session_, tenancy_, substitute_session);
  wait_until([&] { return quarantined() == 0; }, "the quarantine is empty");
  customer_.run("ALTER TABLE public.users DROP CONSTRAINT none");
  set_destinations(1, {database_.uri()});
  wait_until_in_step();
}

TEST_F(QuarantineTest, ARowThatTheApplicationHoldsStaysInQuarantineAndHoldsUpNothing) {
  test::Service::Params params;
  params.sync.source_timeout = std::chrono::minutes(10);  // whoever waits for the row waits in vain
  test::Service service(source_, params);
  add_users(tenancy_, 1, 1);
  wait_until_in_step();
  customer_.run("ALTER TABLE public.users ADD CONSTRAINT none CHECK (display_name = 'Üser 1') NOT VALID");
  add_users(tenancy_, 2, 2);
  wait_until([&] { return quarantined() == 2; }, "the rows are quarantined");
  auto application = source_.session();
  application.run(R"(BEGIN; SELECT FROM "ProjectUser" WHERE "displayName" LIKE '%2' FOR UPDATE)");
  customer_.run("ALTER TABLE public.users DROP CONSTRAINT none");
  retry_now();
  wait_until([&] { return quarantined() == 1; }, "the other row is released");
  add_users(tenancy_, 4, 1);
  wait_until_in_step();
  wait_until([&] { return !session_.value("SELECT error FROM tributary.quarantine WHERE error LIKE '%holds its row%'").empty(); },
             "it is said why");
  EXPECT_EQ(state("d0"), "");
  application.run("ROLLBACK");
  retry_now();
  wait_until([&] { return quarantined() == 0; }, "the quarantine is empty");
}

}  // namespace
}  // namespace tributary::sync
