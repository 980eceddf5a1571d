#include "base/uuid.hpp"
#include "fixture.hpp"
#include "support/small_disk.hpp"

/// What happens to servers in production: afterwards a destination equals its source, and nobody had to do anything.
namespace tributary::sync {
namespace {

class FailingDestination : public SyncTest {
 protected:
  FailingDestination() : tenancy_(add_tenancy(1, {customer_.uri()})), service_(source_) {
    add_users(tenancy_, 1, 5);
    wait_until_equal(session_, tenancy_, customer());
  }

  test::Session& customer() {
    if (!customer_session_) customer_session_.emplace(customer_.session());
    return *customer_session_;
  }
  /// From the test's own connection: sessions of others in the customer's database.
  void end_sessions() {
    session_.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + customer_.name() + "'");
    customer_session_.reset();
  }
  void change() {
    session_.run(R"(UPDATE "ProjectUser" SET "displayName" = 'changed ' || clock_timestamp())");
    add_users(tenancy_, next_ += 100, 3);
  }
  void wait_for_failure(const char* what) {
    wait_until([&] { return state("d0").find(what) != std::string::npos; }, what);
  }
  std::string quoted() const { return '"' + customer_.name() + '"'; }

  test::Database customer_{"customer"};
  std::optional<test::Session> customer_session_;
  const std::string tenancy_;
  test::Service service_;
  int next_ = 100;
};

TEST_F(FailingDestination, ThatIsReadOnlyForAWhileCatchesUp) {
  session_.run("ALTER DATABASE " + quoted() + " SET default_transaction_read_only = on");
  end_sessions();
  change();
  wait_for_failure("read-only");
  session_.run("ALTER DATABASE " + quoted() + " RESET default_transaction_read_only");
  end_sessions();
  wait_until_equal(session_, tenancy_, customer());
}

TEST_F(FailingDestination, ThatTakesNoConnectionsForAWhileCatchesUp) {
  session_.run("ALTER DATABASE " + quoted() + " ALLOW_CONNECTIONS false");
  end_sessions();
  change();
  wait_for_failure("not currently accepting connections");
  session_.run("ALTER DATABASE " + quoted() + " ALLOW_CONNECTIONS true");
  wait_until_equal(session_, tenancy_, customer());
}

TEST_F(FailingDestination, ThatIsOutOfConnectionsForAWhileCatchesUp) {
  const auto role = "limited_" + Uuid::random().to_string().substr(0, 8);
  session_.run("CREATE ROLE " + role + " LOGIN CONNECTION LIMIT 0 IN ROLE tributary");
  customer().run("GRANT ALL ON SCHEMA public TO " + role + "; GRANT ALL ON ALL TABLES IN SCHEMA public TO " + role);
  auto uri = customer_.uri();
  uri.replace(uri.find("//") + 2, uri.find('@') - uri.find("//") - 2, role);
  set_destinations(1, {uri});
  change();
  wait_for_failure("too many connections");
  session_.run("ALTER ROLE " + role + " CONNECTION LIMIT 10");
  wait_until_equal(session_, tenancy_, customer());
  set_destinations(1, {});
  end_sessions();
  customer().run("DROP OWNED BY " + role);
  session_.run("DROP ROLE " + role);
}

TEST_F(FailingDestination, WhoseDiskIsFullForAWhileCatchesUp) {
  if (!test::SmallDisk::can_mount()) GTEST_SKIP() << "a small disk can be mounted by root only";
  const test::SmallDisk disk("postgres");
  const auto space = "small_" + Uuid::random().to_string().substr(0, 8);
  session_.run("CREATE TABLESPACE " + space + " LOCATION '" + disk.path().string() + "'");
  customer().run("ALTER TABLE public.users SET TABLESPACE " + space);
  disk.fill();
  add_users(tenancy_, 1'000, 500);
  wait_for_failure("No space left on device");
  disk.make_room();
  wait_until_equal(session_, tenancy_, customer());
  customer().run("ALTER TABLE public.users SET TABLESPACE pg_default");
  session_.run("DROP TABLESPACE " + space);
}

TEST_F(FailingDestination, WhoseTransactionsAreSerializableCatchesUp) {
  session_.run("ALTER DATABASE " + quoted() + " SET default_transaction_isolation = 'serializable'");
  end_sessions();
  customer().run("BEGIN; SELECT count(*) FROM public.users; UPDATE public._stack_sync_metadata SET updated_at = updated_at");
  change();
  wait_until(
      [&] {
        return session_.number("SELECT count(*) FROM pg_stat_activity WHERE datname = '" + customer_.name() +
                               "' AND wait_event_type = 'Lock'") > 0;
      },
      "ours waits for the customer's transaction");
  customer().run("COMMIT");
  wait_until_equal(session_, tenancy_, customer());
}

TEST_F(FailingDestination, ThatCannotSerialiseATransactionCatchesUp) {
  customer().run(R"sql(
    CREATE SEQUENCE public.tries;
    CREATE FUNCTION public.conflict() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF pg_catalog.nextval('public.tries') < 5 THEN RAISE EXCEPTION 'conflict' USING ERRCODE = 'serialization_failure'; END IF;
      RETURN NULL;
    END$$;
    CREATE TRIGGER conflict AFTER INSERT OR UPDATE ON public.users FOR EACH STATEMENT EXECUTE FUNCTION public.conflict();)sql");
  change();
  wait_until_equal(session_, tenancy_, customer());
}

TEST_F(FailingDestination, WhoseSessionsDeadlockWithOursCatchesUp) {
  auto other = customer_.session();
  // Row by row from the end, while ours goes from the beginning: sooner or later each holds what the other wants. Whoever is told so is the server's choice.
  for (int round = 0; round < 4; ++round) {
    other.run("BEGIN");
    other.attempt(
        "UPDATE public.users SET display_name = display_name WHERE id = (SELECT max(id::text)::uuid FROM public.users)");
    change();
    const auto waits = [&] {
      return session_.number("SELECT count(*) FROM pg_stat_activity WHERE datname = '" + customer_.name() +
                             "' AND wait_event_type = 'Lock'") > 0;
    };
    wait_until(waits, "ours waits for the other's row");
    other.attempt("UPDATE public.users SET display_name = display_name");
    other.run("ROLLBACK");
    wait_until_equal(session_, tenancy_, customer());
  }
}

TEST_F(FailingDestination, WhoseSessionsAreEndedAgainAndAgainCatchesUp) {
  for (int round = 0; round < 10; ++round) {
    change();
    end_sessions();
  }
  wait_until_equal(session_, tenancy_, customer());
}

}  // namespace
}  // namespace tributary::sync
