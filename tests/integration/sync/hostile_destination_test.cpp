#include "fixture.hpp"

/// A customer's database may hold anything: functions, operators and casts that look like PostgreSQL's, and triggers on the tables that are written.
namespace tributary::sync {
namespace {

/// Everything that our statements name, made anew in public, where it would be found first; each use leaves a row in public.used. The session's
/// own search_path would find it.
void imitate_catalog(const test::Database& database) {
  auto session = database.session();
  session.run(R"sql(
    CREATE TABLE public.used (what text);
    CREATE FUNCTION public.use(what text) RETURNS void LANGUAGE sql AS 'INSERT INTO public.used VALUES ($1)';)sql");
  for (const auto* type : {"text", "uuid", "bigint", "boolean", "timestamptz"}) {
    for (const auto* name : {"=", "<>", "<", ">", "+"}) {
      session.run(fmt::format(R"sql(
        CREATE FUNCTION public."{1} {0}"({0}, {0}) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM public.use('{1}'); RETURN false; END$$;
        CREATE OPERATOR public.{1} (LEFTARG = {0}, RIGHTARG = {0}, FUNCTION = public."{1} {0}");)sql",
                              type, name));
    }
  }
  session.run(R"sql(
    CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE plpgsql AS $$BEGIN PERFORM public.use('now'); RETURN 'epoch'; END$$;
    CREATE FUNCTION public.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$BEGIN PERFORM public.use('unnest'); END$$;
    CREATE FUNCTION public.current_setting(text) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM public.use('current_setting'); RETURN ''; END$$;
    CREATE FUNCTION public.format_type(oid, integer) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM public.use('format_type'); RETURN ''; END$$;
    CREATE FUNCTION public.pg_is_in_recovery() RETURNS boolean LANGUAGE plpgsql AS $$BEGIN PERFORM public.use('recovery'); RETURN true; END$$;
    CREATE VIEW public.pg_class AS SELECT * FROM pg_catalog.pg_class WHERE false;
    CREATE FUNCTION public.from_text(text) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN PERFORM public.use('cast'); RETURN 0; END$$;
    CREATE CAST (text AS bigint) WITH FUNCTION public.from_text(text) AS IMPLICIT;)sql");
  session.run("ALTER DATABASE \"" + database.name() + "\" SET search_path = public, pg_catalog");
}

TEST_F(SyncTest, NothingThatACustomerMadeIsTakenForPostgresOwn) {
  test::Database customer("customer");
  imitate_catalog(customer);
  const auto tenancy = add_tenancy(1, {customer.uri()});
  test::Service service(source_);
  add_users(tenancy, 1, 300);  // a load, and small batches after it
  auto session = customer.session();
  session.run("SET search_path = ''");
  wait_until_equal(session_, tenancy, session);
  session_.run(R"(UPDATE "ProjectUser" SET "displayName" = 'changed'; DELETE FROM "ContactChannel")");
  wait_until_equal(session_, tenancy, session);
  test::run([&]() -> asio::awaitable<void> {
    const auto options = destination::postgres_target::connect_options(customer.uri(), Uuid(), test::test_destinations());
    const auto check = co_await destination::postgres_target::check(options, Deadline::after(std::chrono::seconds(20)));
    EXPECT_TRUE(check.ok) << check.message;
  });
  EXPECT_EQ(session.value("SELECT coalesce(string_agg(DISTINCT what, ' '), '') FROM public.used"), "");
}

/// A trigger of the customer's on public.users that does this before each row.
void add_trigger(test::Session& customer, const std::string& body) {
  customer.run("CREATE FUNCTION public.hostile() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN " + body + R"sql( RETURN NEW; END$$;
    CREATE TRIGGER hostile BEFORE INSERT OR UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.hostile();)sql");
}

TEST_F(SyncTest, ATriggerOfACustomerHarmsThatCustomerOnly) {
  test::Database good("customer");
  const std::vector<std::string> bodies{
      "PERFORM pg_catalog.pg_sleep(3600);",
      "PERFORM pg_catalog.pg_terminate_backend(pg_catalog.pg_backend_pid());",
      "RAISE EXCEPTION USING ERRCODE = '40001';",
      "RAISE EXCEPTION USING ERRCODE = '22P02', MESSAGE = 'tributary: fenced 0';",
      "UPDATE public._stack_sync_metadata SET generation = generation + 1;",
      "DELETE FROM public._stack_sync_metadata;",
      "DROP TABLE public._stack_sync_metadata;",
      "FOR i IN 1..20000 LOOP RAISE WARNING '%', pg_catalog.repeat('w', 1000); END LOOP;",
      "PERFORM pg_catalog.set_config('statement_timeout', '0', false), pg_catalog.set_config('search_path', 'public', false), "
      "pg_catalog.set_config('client_min_messages', 'debug5', false);",
      "PERFORM pg_catalog.pg_notify('tributary_change', pg_catalog.repeat('n', 7000)) FROM pg_catalog.generate_series(1, 1000);"};
  std::deque<test::Database> customers;
  std::vector<std::string> uris{good.uri()};
  for (std::size_t i = 0; i < bodies.size(); ++i) uris.push_back(customers.emplace_back("customer").uri());
  const auto tenancy = add_tenancy(1, uris);
  test::Service::Params params;
  params.sync.apply_timeout = std::chrono::seconds(4);
  test::Service service(source_, params);
  add_users(tenancy, 1, 3);
  std::vector<test::Session> sessions;
  for (const auto& customer : customers) sessions.push_back(customer.session());
  for (auto& session : sessions) wait_until_equal(session_, tenancy, session);

  for (std::size_t i = 0; i < bodies.size(); ++i) add_trigger(sessions[i], bodies[i]);
  auto good_session = good.session();
  for (int round = 1; round <= 3; ++round) {
    add_users(tenancy, 100 * round, 3);
    wait_until_equal(session_, tenancy, good_session);
  }
  const auto is_named = [&](const std::string& destination) { return !state(destination).empty(); };
  wait_until([&] { return is_named("d1") && is_named("d2") && is_named("d3"); }, "who fails is named");
  wait_until([&] { return is_named("d4"); }, "who keeps the watermark from being moved is, too");
  wait_until([&] { return state("d0").empty(); }, "who does not, is not");

  for (auto& session : sessions) session.run("DROP FUNCTION public.hostile() CASCADE");
  session_.run("SELECT tributary.enqueue(ARRAY['" + tenancy + "'::uuid])");
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    SCOPED_TRACE(bodies[i]);
    wait_until_equal(session_, tenancy, sessions[i]);
  }
}

}  // namespace
}  // namespace tributary::sync
