#include "fixture.hpp"

/// What `tributary status` makes of a pipeline of which a part is missing, hangs, or takes long.
namespace tributary::test {
namespace {

using testing::HasSubstr;

class CliStatus : public Cli {
 protected:
  void SetUp() override {
    migrate();
    tenancy_ = create_project("acme");
    done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
    done({"sync", "--once"});
  }
  std::int64_t requests(const std::string& condition) {
    return source_.session().number("SELECT count(*) FROM \"OutgoingRequest\" WHERE " + condition);
  }
  std::int64_t teams() { return warehouse_.session().number("SELECT count(*) FROM teams"); }
  /// That it is not well, for this reason and no other.
  void expect_finding(const std::string& sentence) {
    const auto text = tributary({"status"});
    EXPECT_EQ(text.status, 3) << text.out << text.err;
    EXPECT_THAT(text.out, HasSubstr(sentence));
    const auto json = json_of(tributary({"status", "--json"}));
    EXPECT_FALSE(json.at("healthy").as_bool());
    ASSERT_EQ(json.at("findings").as_array().size(), 1U) << boost::json::serialize(json);
    EXPECT_THAT(std::string(json.at("findings").at(0).as_string()), HasSubstr(sentence));
  }
  void expect_healthy() {
    const auto json = tributary({"status", "--json"});
    EXPECT_EQ(json.status, 0) << json.out << json.err;
    EXPECT_TRUE(json_of(json).at("healthy").as_bool()) << json.out;
  }

  Database warehouse_{"cli_warehouse"};
  std::string tenancy_;
};

TEST_F(CliStatus, RowsThatNobodyNumbersAreNotOnTheirWay) {
  expect_healthy();  // nothing waits for anybody
  Binary sync({"serve", "--roles", "sync", "--threads", "1"}, environment());
  sync.wait_for("started");
  insert_teams(tenancy_, "acme", 3);
  expect_finding("3 changed rows wait for sequence ids and no process with the role sequencer runs: start one");
  Binary sequencer({"serve", "--roles", "sequencer"}, environment());
  sync.wait_until([&] { return teams() == 3 && requests("true") == 0; });
  expect_healthy();
}

TEST_F(CliStatus, RequestsThatNobodyTakesAreNotOnTheirWay) {
  Binary sequencer({"serve", "--roles", "sequencer"}, environment());
  sequencer.wait_for("started");
  insert_teams(tenancy_, "acme", 3);
  sequencer.wait_until([&] { return requests("\"startedFulfillingAt\" IS NULL") == 1; });
  expect_finding("1 request in the queue and no process with the role sync runs: start one");
}

TEST_F(CliStatus, RowsThatAreNotNumberedThoughAProcessIsThereAreSeen) {
  Binary serve({"serve", "--roles", "sequencer,sync", "--threads", "1"}, environment());
  insert_teams(tenancy_, "acme", 1);
  serve.wait_until([&] { return teams() == 1 && requests("true") == 0; });
  for (int i = 0; i < 3; ++i) {  // work in flight is no finding
    insert_teams(tenancy_, "acme", 200);
    expect_healthy();
  }
  serve.wait_until([&] { return teams() == 601 && requests("true") == 0; });
  auto hung = source_.session();  // as a process would that holds all shards and does nothing
  hung.run("SELECT pg_advisory_lock(1414678850, shard) FROM generate_series(0, 7) AS shard");
  insert_teams(tenancy_, "acme", 1);
  const auto text = tributary({"status"});
  EXPECT_EQ(text.status, 3);
  EXPECT_THAT(text.out, HasSubstr("1 changed row waits for sequence ids and none was given just now"));
  hung.run("SELECT pg_advisory_unlock_all()");
  serve.wait_until([&] { return teams() == 602 && requests("true") == 0; });
  expect_healthy();
}

TEST_F(CliStatus, WhatIsInFlightForLongIsNamedWithSinceWhen) {
  Binary sync({"serve", "--roles", "sync", "--threads", "1"}, environment());
  sync.wait_for("started");
  const auto in_flight = [&](const std::string& age) {
    source_.session().run(
        "DELETE FROM \"OutgoingRequest\"; INSERT INTO \"OutgoingRequest\" (id, \"createdAt\", \"qstashOptions\", "
        "\"startedFulfillingAt\", "
        "\"deduplicationKey\", \"tenancyId\", \"destinationKind\", \"leaseUntil\", \"behindSince\") "
        "SELECT gen_random_uuid(), clock_timestamp() AT TIME ZONE 'UTC', '{}', clock_timestamp() AT TIME ZONE 'UTC', 'sync:" +
        tenancy_ + "', '" + tenancy_ + "', 'postgres', clock_timestamp() + interval '50 min', clock_timestamp() - interval '" +
        age + "'");
  };
  in_flight("5 s");
  expect_healthy();
  in_flight("5 min");
  expect_finding("acme: databases not up to date for 5 min: a large load, a slow database or a lock there");
}

}  // namespace
}  // namespace tributary::test
