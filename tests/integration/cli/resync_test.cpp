#include <csignal>

#include "fixture.hpp"

namespace tributary::test {
namespace {

using testing::HasSubstr;

class CliResync : public Cli {
 protected:
  void SetUp() override {
    migrate();
    tenancy_ = create_project("acme");
    done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
    insert_teams(tenancy_, "acme", 2'000);
    done({"sync", "--once"});
  }
  /// Whether the warehouse has the teams of the source, and no others.
  bool is_equal() {
    const auto sum = [](Session session, const std::string& table, const std::string& id, const std::string& name) {
      return session.value("SELECT count(*) || ' ' || md5(string_agg(" + id + " || " + name + ", '' ORDER BY " + id + ")) FROM " +
                           table);
    };
    return sum(source_.session(), "\"Team\"", "\"teamId\"::text", "\"displayName\"") ==
           sum(warehouse_.session(), "teams", "id::text", "display_name");
  }
  void damage() {
    auto warehouse = warehouse_.session();
    warehouse.run("UPDATE teams SET display_name = 'other' WHERE id::text LIKE 'a%'");
    warehouse.run("DELETE FROM teams WHERE id::text LIKE 'b%'");
    warehouse.run(
        "INSERT INTO teams SELECT gen_random_uuid(), 'ghost', NULL, now(), '{}', '{}', '{}' FROM generate_series(1, 300)");
  }
  long long generation() {
    return warehouse_.session().number("SELECT generation FROM _stack_sync_metadata WHERE mapping_name = 'teams'");
  }
  Database warehouse_{"cli_warehouse"};
  std::string tenancy_;
};

TEST_F(CliResync, EverythingIsReadAgainAndGhostsGoWhileChangesFlow) {
  damage();
  Binary service({"serve"}, environment());
  Binary resync({"resync", "--mapping", "teams"}, environment());
  insert_teams(tenancy_, "acme", 200);
  EXPECT_EQ(resync.wait(), 0) << resync.err();
  EXPECT_THAT(resync.out(), HasSubstr("Done"));
  service.wait_until([&] { return is_equal(); });
  EXPECT_GT(generation(), 0);
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait(), 0);
}

TEST_F(CliResync, ADestinationThatIsInStepTakesPartThoughNothingChanges) {
  Binary service({"serve"}, environment());
  insert_teams(tenancy_, "acme", 1);
  service.wait_until([&] { return is_equal(); });  // from here on the service knows its watermark by heart
  damage();
  const auto resynced = json_of(done({"resync", "--project", "acme", "--mapping", "teams", "--json"}));
  EXPECT_EQ(resynced.at("tables").as_int64(), 1);
  EXPECT_GT(resynced.at("mended").as_int64(), 0);
  service.wait_until([&] { return is_equal(); });
}

// Killed again and again while it reads everything, and while it compares: what is on record is done in the end.
TEST_F(CliResync, KillsInTheMiddleLoseNothing) {
  damage();
  done({"resync", "--destination", "warehouse", "--no-wait"});
  auto environment_with_small_loads = environment();
  environment_with_small_loads["TRIBUTARY_SYNC_LOAD_ROWS"] = "300";
  environment_with_small_loads["TRIBUTARY_SYNC_SMALL_ROWS"] = "10";
  for (int kills = 0; kills < 5; ++kills) {
    Binary service({"serve"}, environment_with_small_loads);
    const auto before = generation();
    const auto position = [&] {
      return warehouse_.session().value(
          "SELECT generation || ' ' || last_synced_sequence_id FROM _stack_sync_metadata WHERE mapping_name = 'teams'");
    };
    const auto seen = position();
    insert_teams(tenancy_, "acme", 10);
    service.wait_until([&] { return position() != seen || generation() != before; });
    service.signal(SIGKILL);
    service.wait();
  }
  Binary service({"serve"}, environment());
  service.wait_until([&] {
    return is_equal() && source_.session().number("SELECT count(*) FROM tributary.mend WHERE finished_at IS NULL") == 0;
  });
  EXPECT_GT(generation(), 0);
}

TEST_F(CliResync, SyncOnceDoesIt) {
  damage();
  done({"resync", "--tenancy", tenancy_, "--no-wait"});
  done({"sync", "--once"});
  EXPECT_TRUE(is_equal());
  EXPECT_EQ(tributary({"resync"}).status, 2);
  EXPECT_EQ(tributary({"resync", "--project", "nobody"}).status, 1);
}

}  // namespace
}  // namespace tributary::test
