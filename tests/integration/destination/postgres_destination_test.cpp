#include "fixture.hpp"
#include "support/proxy.hpp"

namespace tributary::destination {
namespace {

using namespace std::chrono_literals;

TEST_F(DestinationTest, CreatesTheTargetSchemaAndStartsLoading) {
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto positions = co_await target->positions(pointers_, deadline());
    EXPECT_FALSE(positions.failure.has_value());
    EXPECT_EQ(positions.of_mappings.size(), 4U);
    for (const auto& one : positions.of_mappings) {
      EXPECT_EQ(std::get<Position>(one), (Position{.watermark = -1, .generation = 0, .loading = true, .complete = true}));
    }
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public._stack_sync_metadata"), 4);
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.users"), 0);
}

TEST_F(DestinationTest, TwoWorkersMayCreateTheSchemaAtOnce) {
  for (int round = 0; round < 5; ++round) {
    session_.run(
        "DROP TABLE IF EXISTS public.users, public.contact_channels, public.teams, public.team_member_profiles, "
        "public._stack_sync_metadata");
    run([&]() -> asio::awaitable<void> {
      const auto executor = co_await asio::this_coro::executor;
      Event done(executor);
      int open_workers = 6;
      int failures = 0;
      for (int i = 0; i < 6; ++i) {
        asio::co_spawn(
            executor,
            [&]() -> asio::awaitable<void> {
              auto target = co_await open();
              const auto positions = co_await target->positions(pointers_, deadline());
              if (positions.failure) {
                ++failures;
                ADD_FAILURE() << positions.failure->message;
              }
              --open_workers;
              done.set();
            },
            asio::detached);
      }
      while (open_workers > 0) co_await done.wait(deadline());
      EXPECT_EQ(failures, 0);
    });
  }
}

TEST_F(DestinationTest, AppliesRowsTombstonesAndWatermarkTogether) {
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto start = co_await position(*target, "teams");
    EXPECT_EQ((co_await apply(*target, co_await batch("teams", start, 3, teams(1, 3)))).verdict, Verdict::durable);
    const auto next = co_await position(*target, "teams");
    EXPECT_EQ(next.watermark, 3);
    EXPECT_EQ((co_await apply(*target, co_await batch("teams", next, 4, gone_team(2, 4)))).verdict, Verdict::durable);
  });
  EXPECT_EQ(session_.value("SELECT string_agg(display_name, ',' ORDER BY id) FROM public.teams"), "team 1,team 3");
  EXPECT_EQ(session_.number("SELECT last_synced_sequence_id FROM public._stack_sync_metadata WHERE mapping_name = 'teams'"), 4);
}

// Invariant 2: whoever wrote a row also moved the watermark.
TEST_F(DestinationTest, DataAndWatermarkAreOneTransaction) {
  const auto expect_one = [&](std::string_view name) {
    EXPECT_EQ(session_.number(fmt::format(
                  "SELECT count(*) FROM public.teams AS t JOIN public._stack_sync_metadata AS m ON m.mapping_name = 'teams' "
                  "WHERE t.display_name LIKE '{}%' AND t.xmin = m.xmin",
                  name)),
              3)
        << name;
  };
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    auto at = co_await position(*target, "teams");
    EXPECT_EQ((co_await load(*target, "teams", at, 3, teams(1, 3, "copied"), true)).verdict, Verdict::durable);
    expect_one("copied");
    at = co_await position(*target, "teams");
    EXPECT_EQ((co_await load(*target, "teams", at, 6, teams(4, 6, "staged"), true)).verdict, Verdict::durable);
    expect_one("staged");
    at = co_await position(*target, "teams");
    EXPECT_EQ((co_await apply(*target, co_await batch("teams", at, 9, teams(7, 9, "applied")))).verdict, Verdict::durable);
    expect_one("applied");
  });
}

TEST_F(DestinationTest, ASmallBatchIsOneRoundTrip) {
  run([&]() -> asio::awaitable<void> {
    const auto executor = co_await asio::this_coro::executor;
    const test::CountingProxy proxy(executor, database_.options());
    auto target = postgres_target::make_destination(executor, proxy.options(), owner_, {});
    const auto two = [&](std::int64_t through, int first) -> asio::awaitable<Verdict> {
      const auto rows = co_await batch("teams", co_await position(*target, "teams"), through,
                                       teams(first, first + 2) + " UNION ALL " + gone_team(99, first + 3));
      const auto none = co_await batch("users", co_await position(*target, "users"), through, teams(1, 0));
      const Batch* const batches[] = {&rows, &none};
      co_return (co_await target->apply(batches, deadline())).verdict;
    };
    EXPECT_EQ(co_await two(4, 1), Verdict::durable);
    const auto before = proxy.requests();
    EXPECT_EQ(co_await two(8, 5), Verdict::durable);
    EXPECT_EQ(proxy.requests() - before, 1);
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams"), 6);
}

// Invariant 3.
TEST_F(DestinationTest, TwiceIsOnce) {
  std::string before;
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto start = co_await position(*target, "teams");
    const auto all = teams(1, 3) + " UNION ALL " + gone_team(9, 4);
    co_await apply(*target, co_await batch("teams", start, 4, all));
    before = session_.value("SELECT string_agg(t::text || t.xmin::text, ',' ORDER BY id) FROM public.teams t");
    // The watermark is put back as a crash of ours between reading and applying would leave it.
    session_.run("UPDATE public._stack_sync_metadata SET last_synced_sequence_id = -1");
    EXPECT_EQ((co_await apply(*target, co_await batch("teams", start, 4, all))).verdict, Verdict::durable);
    session_.run("UPDATE public._stack_sync_metadata SET last_synced_sequence_id = -1");
    EXPECT_EQ((co_await load(*target, "teams", {}, 4, all, true)).verdict, Verdict::durable);
  });
  // Not even a new row version: nothing differed.
  EXPECT_EQ(session_.value("SELECT string_agg(t::text || t.xmin::text, ',' ORDER BY id) FROM public.teams t"), before);
}

// Invariant 4.
TEST_F(DestinationTest, FencesAWorkerWhoseWatermarkHasMoved) {
  run([&]() -> asio::awaitable<void> {
    auto zombie = co_await open();
    auto successor = co_await open();
    const auto start = co_await position(*zombie, "teams");
    EXPECT_EQ((co_await apply(*successor, co_await batch("teams", start, 5, teams(1, 5, "new")))).verdict, Verdict::durable);

    EXPECT_EQ((co_await apply(*zombie, co_await batch("teams", start, 3, teams(1, 3, "old")))).verdict, Verdict::fenced);
    EXPECT_EQ((co_await load(*zombie, "teams", start, 3, teams(1, 3, "old"), true)).verdict, Verdict::fenced);
    const auto sparing = co_await zombie->apply_sparing(
        co_await batch("teams", start, 3, teams(1, 3, "old")), 10,
        [](std::vector<RefusedRow>) -> asio::awaitable<void> { co_return; }, deadline());
    EXPECT_EQ(sparing.verdict, Verdict::fenced);
    // And it recovers: having read again, it goes on from where the other got to.
    const auto again = co_await position(*zombie, "teams");
    EXPECT_EQ(again.watermark, 5);
    EXPECT_EQ((co_await apply(*zombie, co_await batch("teams", again, 6, teams(6, 6)))).verdict, Verdict::durable);
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams WHERE display_name LIKE 'new%'"), 5);
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams WHERE display_name LIKE 'old%'"), 0);
}

TEST_F(DestinationTest, FencesAWorkerOfAnOlderGeneration) {
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto start = co_await position(*target, "teams");
    session_.run("UPDATE public._stack_sync_metadata SET generation = generation + 1");
    EXPECT_EQ((co_await apply(*target, co_await batch("teams", start, 3, teams(1, 3)))).verdict, Verdict::fenced);
    EXPECT_EQ((co_await load(*target, "teams", start, 3, teams(1, 3), true)).verdict, Verdict::fenced);
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams"), 0);
}

TEST_F(DestinationTest, FencesAWorkerThatWaitedForALoadUnderWay) {
  run([&]() -> asio::awaitable<void> {
    auto first = co_await open();
    auto second = co_await open();
    const auto start = co_await position(*first, "teams");
    auto loading = co_await first->load(mapping("teams"), start, deadline());
    EXPECT_TRUE(loading.load != nullptr);
    const auto rows = co_await tuples(teams(1, 10));
    EXPECT_FALSE((co_await loading.load->write(rows, deadline())).has_value());

    Event done(co_await asio::this_coro::executor);
    Verdict verdict = Verdict::durable;
    asio::co_spawn(
        co_await asio::this_coro::executor,
        [&]() -> asio::awaitable<void> {
          verdict = (co_await apply(*second, co_await batch("teams", start, 3, teams(1, 3, "late")))).verdict;
          done.set();
        },
        asio::detached);
    // It has to wait at the watermark's row: only then does the load go on.
    while (session_.number(
               "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%_stack_sync_metadata%' AND "
               "datname = current_database()") == 0) {
      co_await asio::post(asio::use_awaitable);
    }
    EXPECT_EQ((co_await loading.load->commit(10, std::nullopt, true, deadline())).verdict, Verdict::durable);
    co_await done.wait(deadline());
    EXPECT_EQ(verdict, Verdict::fenced);
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams WHERE display_name LIKE 'team%'"), 10);
}

TEST_F(DestinationTest, LoadsStraightWhileTheTableIsEmptyAndStagesAfterwards) {
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    auto at = co_await position(*target, "teams");
    EXPECT_TRUE(at.loading);
    EXPECT_EQ((co_await load(*target, "teams", at, 1000, teams(1, 1000), false)).verdict, Verdict::durable);
    at = co_await position(*target, "teams");
    EXPECT_TRUE(at.loading) << "more batches of the first load follow";
    // A tombstone of a row of the first batch, inside the second.
    EXPECT_EQ((co_await load(*target, "teams", at, 2001, teams(1001, 2000) + " UNION ALL " + gone_team(5, 2001), true)).verdict,
              Verdict::durable);
    at = co_await position(*target, "teams");
    EXPECT_FALSE(at.loading);
    EXPECT_EQ((co_await load(*target, "teams", at, 2500, teams(1500, 2500, "changed"), true)).verdict, Verdict::durable);
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams"), 2499);
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams WHERE display_name LIKE 'changed%'"), 1001);
}

TEST_F(DestinationTest, AFirstLoadThatMeetsARowThatIsThereGoesOnByMerging) {
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    auto at = co_await position(*target, "teams");
    EXPECT_EQ((co_await load(*target, "teams", at, 10, teams(1, 10), false)).verdict, Verdict::durable);
    at = co_await position(*target, "teams");
    EXPECT_EQ((co_await load(*target, "teams", at, 15, teams(8, 15, "again"), true)).verdict, Verdict::again);
    at = co_await position(*target, "teams");
    EXPECT_EQ(at, (Position{.watermark = 10, .generation = 0, .loading = false}));
    EXPECT_EQ((co_await load(*target, "teams", at, 15, teams(8, 15, "again"), true)).verdict, Verdict::durable);
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams"), 15);
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams WHERE display_name LIKE 'again%'"), 8);
}

TEST_F(DestinationTest, ALoadThatIsAbandonedLeavesNothing) {
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto at = co_await position(*target, "teams");
    {
      auto loading = co_await target->load(mapping("teams"), at, deadline());
      const auto rows = co_await tuples(teams(1, 1000));
      co_await loading.load->write(rows, deadline());
    }
    EXPECT_EQ((co_await load(*target, "teams", at, 5, teams(1, 5), true)).verdict, Verdict::durable);
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams"), 5);
}

TEST_F(DestinationTest, ATableThatWasDroppedTakesItsWatermarkWithIt) {
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    auto at = co_await position(*target, "teams");
    co_await apply(*target, co_await batch("teams", at, 3, teams(1, 3)));
    session_.run("DROP TABLE public.teams");
    at = co_await position(*target, "teams");
    const auto outcome = co_await apply(*target, co_await batch("teams", at, 4, teams(4, 4)));
    EXPECT_EQ(outcome.verdict, Verdict::failed);
    EXPECT_EQ(outcome.failure.kind, FailureKind::refused);
    EXPECT_NE(outcome.failure.message.find("teams"), std::string::npos) << outcome.failure.message;
    EXPECT_EQ(co_await position(*target, "teams"),
              (Position{.watermark = -1, .generation = 1, .loading = true, .complete = true}));
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams"), 0);
}

TEST_F(DestinationTest, RefusesADatabaseOfAnotherTenancy) {
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    co_await position(*target, "teams");
    auto intruder = co_await open({.installation = owner_.installation, .tenancy = Uuid::random()});
    const auto positions = co_await intruder->positions(pointers_, deadline());
    EXPECT_TRUE(positions.failure.has_value());
    EXPECT_NE(positions.failure->message.find(owner_.tenancy.to_string()), std::string::npos) << positions.failure->message;
    // Handed over once its owner has given it up.
    EXPECT_EQ((co_await target->disown(owner_.tenancy, deadline())).verdict, Verdict::durable);
    EXPECT_FALSE((co_await intruder->positions(pointers_, deadline())).failure.has_value());
  });
}

TEST_F(DestinationTest, NamesWhatIsDifferentAboutATableAndServesTheOthers) {
  session_.run("CREATE TABLE public.users (id uuid PRIMARY KEY, display_name integer)");
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto positions = co_await target->positions(pointers_, deadline());
    EXPECT_FALSE(positions.failure.has_value());
    int bad = 0;
    for (std::size_t i = 0; i < pointers_.size(); ++i) {
      if (const auto* failure = std::get_if<Failure>(&positions.of_mappings[i])) {
        ++bad;
        EXPECT_EQ(pointers_[i]->name, "users");
        EXPECT_NE(failure->message.find("display_name"), std::string::npos) << failure->message;
      }
    }
    EXPECT_EQ(bad, 1);
  });
}

TEST_F(DestinationTest, SaysThatItsMetadataTableIsSomebodyElses) {
  session_.run("CREATE TABLE public._stack_sync_metadata (x integer)");
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto positions = co_await target->positions(pointers_, deadline());
    EXPECT_EQ(positions.failure.value().kind, FailureKind::refused);
    EXPECT_EQ(positions.failure.value().message,
              "public._stack_sync_metadata has no column \"mapping_name\": it is not Tributary's; rename or drop it");
  });
}

TEST_F(DestinationTest, GivesUpOnATableThatVanishesWheneverItIsMade) {
  session_.run(R"sql(
    CREATE FUNCTION public.vanish() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN DROP TABLE IF EXISTS public.teams; END';
    CREATE EVENT TRIGGER vanish ON ddl_command_end WHEN TAG IN ('GRANT') EXECUTE FUNCTION public.vanish())sql");
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto positions = co_await target->positions(pointers_, deadline());
    EXPECT_EQ(positions.failure.value().kind, FailureKind::refused) << positions.failure.value().message;
  });
}

TEST_F(DestinationTest, LeavesOutExactlyTheRowsThatAreRefused) {
  std::vector<std::string> kept;
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto at = co_await position(*target, "teams");
    session_.run("ALTER TABLE public.teams ADD CONSTRAINT no_seven CHECK (display_name NOT LIKE '%7') ");
    EXPECT_EQ((co_await apply(*target, co_await batch("teams", at, 30, teams(1, 30)))).failure.kind, FailureKind::row);
    const auto sparing = [&](std::vector<RefusedRow> rows) -> asio::awaitable<void> {
      // Not visible yet: the caller remembers them before anything is committed.
      EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams"), 0);
      for (auto& row : rows) kept.push_back(row.key + " " + row.failure.message);
      co_return;
    };
    EXPECT_EQ((co_await target->apply_sparing(co_await batch("teams", at, 30, teams(1, 30)), 10, sparing, deadline())).verdict,
              Verdict::durable);
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams"), 27);
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_NE(kept[0].find(R"({"id":"00000000-0000-4000-8000-000000000007"})"), std::string::npos) << kept[0];
  EXPECT_NE(kept[0].find("no_seven"), std::string::npos) << kept[0];
}

// A row that no constraint forbids may be refused all the same. It once stopped its whole mapping.
TEST_F(DestinationTest, LeavesOutARowWhateverItIsRefusedFor) {
  std::vector<std::string> states;
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto at = co_await position(*target, "teams");
    session_.run(R"sql(
      CREATE INDEX ON public.teams (profile_image_url);
      CREATE FUNCTION public.no_seven() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.display_name = 'team 7' THEN RAISE EXCEPTION 'no seven' USING ERRCODE = 'U0001'; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER no_seven BEFORE INSERT OR UPDATE ON public.teams FOR EACH ROW EXECUTE FUNCTION public.no_seven())sql");
    // Team 5 has an address that does not fit into an index, even compressed.
    const auto rows =
        "SELECT i, gone, id, name, CASE WHEN i = 5 THEN (SELECT string_agg(md5(n::text), '') FROM generate_series(1, 400) AS n) "
        "END, at, a, b, c FROM (" +
        teams(1, 10) + ") AS t (i, gone, id, name, url, at, a, b, c)";
    EXPECT_EQ((co_await apply(*target, co_await batch("teams", at, 10, rows))).failure.kind, FailureKind::row);
    const auto keep = [&](std::vector<RefusedRow> refused) -> asio::awaitable<void> {
      for (auto& row : refused) states.push_back(row.failure.sqlstate);
      co_return;
    };
    EXPECT_EQ((co_await target->apply_sparing(co_await batch("teams", at, 10, rows), 10, keep, deadline())).verdict,
              Verdict::durable);
  });
  EXPECT_EQ(states, (std::vector<std::string>{"54000", "U0001"}));
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams"), 8);
}

TEST_F(DestinationTest, RefusesTheWholeBatchWhereMostRowsAreRefused) {
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto at = co_await position(*target, "teams");
    session_.run("ALTER TABLE public.teams ADD CONSTRAINT none CHECK (false)");
    const auto outcome = co_await target->apply_sparing(
        co_await batch("teams", at, 30, teams(1, 30)), 10,
        [](std::vector<RefusedRow>) -> asio::awaitable<void> {
          ADD_FAILURE() << "nothing is to be kept";
          co_return;
        },
        deadline());
    EXPECT_EQ(outcome.verdict, Verdict::failed);
    EXPECT_EQ(outcome.failure.kind, FailureKind::refused);
    EXPECT_EQ((co_await position(*target, "teams")).watermark, -1);
  });
}

TEST_F(DestinationTest, ACustomersSearchPathAndOperatorsChangeNothing) {
  session_.run(R"sql(
    CREATE SCHEMA trap;
    CREATE TABLE trap.teams (id uuid);
    CREATE FUNCTION trap.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT '1970-01-01'::timestamptz $$)sql");
  session_.run("ALTER DATABASE \"" + database_.name() + "\" SET search_path = trap, public, pg_catalog");
  run([&]() -> asio::awaitable<void> {
    auto target = co_await open();
    const auto at = co_await position(*target, "teams");
    EXPECT_EQ((co_await apply(*target, co_await batch("teams", at, 3, teams(1, 3)))).verdict, Verdict::durable);
  });
  EXPECT_EQ(session_.number("SELECT count(*) FROM public.teams"), 3);
  EXPECT_EQ(session_.value("SELECT min(updated_at) > '2020-01-01' FROM public._stack_sync_metadata"), "t");
}

}  // namespace
}  // namespace tributary::destination
