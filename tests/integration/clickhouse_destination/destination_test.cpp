#include <algorithm>
#include <array>
#include <set>

#include "destination/clickhouse/destination.hpp"
#include "destination/clickhouse/privacy.hpp"
#include "fixture.hpp"
#include "mapping/sql.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

using testing::HasSubstr;

/// A change as the source would deliver it: `text` is in every text column, "{}" in every jsonb.
struct Row {
  int number = 0;  ///< its key
  std::int64_t sequence_id = 0;
  std::string text;
  Change::Kind kind = Change::Kind::row;
};

void append_field(std::vector<std::byte>& tuple, std::string_view bytes) {
  postgres::append_int32(tuple, static_cast<std::int32_t>(bytes.size()));
  for (const char byte : bytes) tuple.push_back(static_cast<std::byte>(byte));
}

Uuid key_of(int number) { return *Uuid::parse(fmt::format("00000000-0000-4000-8000-{:012}", number)); }

std::string value_of(const mapping::Column& column, const Row& row) {
  using enum mapping::ColumnType;
  switch (column.type) {
    case uuid: {
      const auto id = key_of(row.number);
      return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
    }
    case jsonb:
      return "\1{}";
    case boolean:
      return std::string(1, '\1');
    case smallint:
      return std::string(2, '\0');
    case text:
      return row.text;
    default:
      return std::string(8, '\0');
  }
}

std::vector<std::byte> tuple_of(const mapping::Mapping& mapping, const Row& row) {
  const auto columns = mapping.columns_for(mapping::DestinationKind::clickhouse);
  std::vector<std::byte> tuple;
  postgres::append_int16(tuple, static_cast<std::int16_t>(columns.size() + 2));
  std::string sequence_id;
  for (int shift = 56; shift >= 0; shift -= 8) sequence_id += static_cast<char>(row.sequence_id >> shift);
  append_field(tuple, sequence_id);
  const bool step = row.kind == Change::Kind::step;
  if (step)
    postgres::append_int32(tuple, -1);
  else
    append_field(tuple, std::string(1, row.kind == Change::Kind::tombstone ? '\1' : '\0'));
  for (const auto& column : columns) {
    const bool in_tombstone = column.type == mapping::ColumnType::uuid || column.type == mapping::ColumnType::timestamp;
    if (step || (row.kind == Change::Kind::tombstone && !in_tombstone))
      postgres::append_int32(tuple, -1);
    else
      append_field(tuple, value_of(column, row));
  }
  return tuple;
}

class ClickHouseDestination : public ClickHouseTest {
 protected:
  WriterParams params() const { return {.schema = options, .timeout = 20s, .retry = {.first = 100ms, .longest = 200ms}}; }
  std::shared_ptr<Writer> make_writer(std::optional<WriterParams> given = std::nullopt) {
    return std::make_shared<Writer>(loop.get_executor(), server->options(), mappings, given.value_or(params()));
  }
  static Tenant tenant(int number) {
    return {.tenancy = key_of(number), .project = fmt::format("project-{}", number), .branch = "main"};
  }

  std::variant<Position, Failure> position_of(Destination& destination, std::string_view mapping) {
    const mapping::Mapping* const one[] = {&mapping_named(mapping)};
    auto positions = run(destination.positions(one, soon()));
    if (positions.failure) return *positions.failure;
    return positions.of_mappings.at(0);
  }
  Position where(Destination& destination, std::string_view mapping) {
    const auto found = position_of(destination, mapping);
    if (const auto* failure = std::get_if<Failure>(&found)) throw std::runtime_error(failure->message);
    return std::get<Position>(found);
  }

  Batch batch(std::string_view mapping, Position position, const std::vector<Row>& rows) {
    auto changes = std::make_shared<Changes>();
    changes->mapping = &mapping_named(mapping);
    changes->after = position.watermark;
    changes->through = position.watermark;
    for (const auto& row : rows) {
      changes->rows.append_row(tuple_of(*changes->mapping, row));
      changes->through = row.sequence_id;
    }
    return {.changes = std::move(changes), .position = position};
  }
  Outcome apply(Destination& destination, const Batch& one) {
    const Batch* const batches[] = {&one};
    return run(destination.apply(batches, soon()));
  }
  /// Reads where it stands and writes past it, as the engine does.
  Outcome apply(Destination& destination, std::string_view mapping, const std::vector<Row>& rows) {
    return apply(destination, batch(mapping, where(destination, mapping), rows));
  }
  std::string teams() { return ask("SELECT project_id, toString(id), display_name FROM default.teams ORDER BY project_id, id"); }
};

TEST_F(ClickHouseDestination, CreateUpdateDeleteAndRecreateShowInTheView) {
  const auto destination = make_destination(make_writer(), tenant(1));
  EXPECT_EQ(where(*destination, "teams"), Position{});
  const auto line = [](std::string_view name) { return fmt::format("project-1\t{}\t{}", key_of(7).to_string(), name); };

  EXPECT_EQ(apply(*destination, "teams", {{7, 1, "first"}}).verdict, Verdict::durable);
  EXPECT_EQ(teams(), line("first"));
  EXPECT_EQ(apply(*destination, "teams", {{7, 2, "second"}}).verdict, Verdict::durable);
  EXPECT_EQ(teams(), line("second"));
  EXPECT_EQ(apply(*destination, "teams", {{7, 3, "", Change::Kind::tombstone}}).verdict, Verdict::durable);
  EXPECT_EQ(teams(), "");
  ask("OPTIMIZE TABLE analytics_internal.teams FINAL");
  EXPECT_EQ(teams(), "");
  EXPECT_EQ(apply(*destination, "teams", {{7, 4, "again"}, {0, 5, "", Change::Kind::step}}).verdict, Verdict::durable);
  EXPECT_EQ(teams(), line("again"));
  EXPECT_EQ(where(*destination, "teams").watermark, 5);
}

TEST_F(ClickHouseDestination, EveryMappingsRowsArriveWithTheirValues) {
  const auto destination = make_destination(make_writer(), tenant(1));
  for (const auto& mapping : mappings) {
    EXPECT_EQ(apply(*destination, mapping.name, {{7, 1, "text"}}).verdict, Verdict::durable) << mapping.name;
  }
  EXPECT_EQ(
      ask("SELECT project_id, branch_id, id, display_name, primary_email, toString(signed_up_at), client_metadata, is_anonymous, "
          "restricted_by_admin_private_details FROM default.users"),
      fmt::format("project-1\tmain\t{}\ttext\ttext\t2000-01-01 00:00:00.000\t{{}}\t1\ttext", key_of(7).to_string()));
}

// One tenancy's rows may take longer to look at than there is time, or more memory.
TEST_F(ClickHouseDestination, ALookAtRowsThatFailsIsNobodyElsesTrouble) {
  const auto writer = make_writer();
  const auto destination = make_destination(writer, tenant(1));
  EXPECT_EQ(apply(*destination, "teams", {{1, 1, "one"}}).verdict, Verdict::durable);
  const mapping::Mapping* const two[] = {&mapping_named("users"), &mapping_named("teams")};
  EXPECT_TRUE(std::holds_alternative<Failure>(run(destination->newest(two, 10, Deadline::after(0s)))));
  EXPECT_EQ(where(*make_destination(writer, tenant(2)), "teams"), Position{});
  EXPECT_EQ(std::get<std::vector<std::int64_t>>(run(destination->newest(two, 10, soon()))), (std::vector<std::int64_t>{-1, 1}));
}

// One that needs more memory than there is, of whoever takes it.
TEST_F(ClickHouseDestination, AnInsertWithoutMemoryIsNobodyElsesTrouble) {
  migrate();
  ask("ALTER TABLE analytics_internal.teams ADD CONSTRAINT hungry CHECK "
      "if(display_name = 'hungry', length(range(400000000 + length(display_name))), 1) > 0");
  const auto writer = make_writer();
  const auto outcome = apply(*make_destination(writer, tenant(1)), batch("teams", {}, {{1, 1, "hungry"}}));
  ASSERT_EQ(outcome.verdict, Verdict::failed);
  EXPECT_EQ(outcome.failure.kind, FailureKind::unavailable) << "it is tried again";
  EXPECT_EQ(outcome.failure.sqlstate, "53200") << outcome.failure.message;
  EXPECT_EQ(apply(*make_destination(writer, tenant(2)), batch("teams", {}, {{1, 1, "modest"}})).verdict, Verdict::durable);
}

TEST_F(ClickHouseDestination, TwiceIsOnce) {
  const auto destination = make_destination(make_writer(), tenant(1));
  const auto same =
      batch("teams", where(*destination, "teams"), {{1, 1, "one"}, {2, 2, "two"}, {1, 3, "", Change::Kind::tombstone}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(apply(*destination, same).verdict, Verdict::durable);
  EXPECT_EQ(teams(), fmt::format("project-1\t{}\ttwo", key_of(2).to_string()));
  EXPECT_EQ(where(*destination, "teams"), Position{.watermark = 3});
}

TEST_F(ClickHouseDestination, AnOlderVersionWrittenLateLoses) {
  const auto late = make_destination(make_writer(), tenant(1));
  const auto other = make_destination(make_writer(), tenant(1));
  const auto old = batch("teams", where(*late, "teams"), {{1, 1, "old"}, {2, 2, "gone"}});
  EXPECT_EQ(apply(*other, "teams", {{1, 5, "new"}, {2, 6, "", Change::Kind::tombstone}}).verdict, Verdict::durable);
  EXPECT_EQ(apply(*late, old).verdict, Verdict::durable);
  EXPECT_EQ(teams(), fmt::format("project-1\t{}\tnew", key_of(1).to_string()));
  EXPECT_EQ(where(*late, "teams").watermark, 6) << "the watermark is a maximum";
}

TEST_F(ClickHouseDestination, TwoThatTakeTurnsEndWithTheNewest) {
  const std::array destinations{make_destination(make_writer(), tenant(1)), make_destination(make_writer(), tenant(1))};
  for (int i = 1; i <= 10; ++i) {
    auto& one = *destinations[static_cast<std::size_t>(i) % 2];
    EXPECT_EQ(apply(one, "teams", {{i % 3, i, fmt::format("v{}", i)}}).verdict, Verdict::durable);
  }
  EXPECT_EQ(ask("SELECT arrayStringConcat(arraySort(groupArray(display_name)), ' ') FROM default.teams"), "v10 v8 v9");
  for (const auto& one : destinations) EXPECT_EQ(where(*one, "teams").watermark, 10);
}

TEST_F(ClickHouseDestination, AThousandTenanciesMakeAHandfulOfParts) {
  migrate();
  ask("SYSTEM STOP MERGES");
  constexpr int kTenancies = 1'000;
  const auto writer = make_writer();
  std::vector<std::unique_ptr<Destination>> destinations;
  std::vector<Batch> batches;
  std::vector<std::array<const Batch*, 1>> pointers;
  for (int i = 0; i < kTenancies; ++i) {
    destinations.push_back(make_destination(writer, tenant(i)));
    batches.push_back(batch("teams", {}, {{i, 1, "text"}}));
  }
  for (const auto& each : batches) pointers.push_back({&each});
  int durable = 0;
  int ended = 0;
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    asio::co_spawn(loop, destinations[i]->apply(pointers[i], soon()), [&](std::exception_ptr error, const Outcome& outcome) {
      ++ended;
      if (!error && outcome.verdict == Verdict::durable) ++durable;
    });
  }
  loop.restart();
  while (ended < kTenancies && loop.run_one() > 0) {
  }
  EXPECT_EQ(durable, kTenancies);
  EXPECT_EQ(ask("SELECT count(), uniqExact(project_id) FROM default.teams"), "1000\t1000");
  EXPECT_LE(std::stoi(ask("SELECT count() FROM system.parts WHERE database = 'analytics_internal' AND table = 'teams'")), 5);
  EXPECT_LE(
      std::stoi(ask("SELECT count() FROM system.parts WHERE database = 'analytics_internal' AND table = '_stack_sync_metadata'")),
      5);
}

TEST_F(ClickHouseDestination, WhileManyAreOnTheirWayTheyAreWaitedForAndGoTogether) {
  migrate();
  ask("SYSTEM STOP MERGES");
  auto pausing = params();
  pausing.flush_pause = 60s;
  pausing.crowd = 4;
  const auto writer = make_writer(pausing);
  constexpr int kTenancies = 11;
  std::vector<std::unique_ptr<Destination>> destinations;
  for (int i = 0; i < kTenancies; ++i) {
    destinations.push_back(make_destination(writer, tenant(i)));
    where(*destinations.back(), "teams");
  }
  const auto changes = batch("teams", {}, {{1, 1, "text"}});
  const std::array one{&changes};
  int durable = 0;
  const int writing = kTenancies - static_cast<int>(pausing.crowd) - 2;
  for (int i = 0; i < writing; ++i) {
    asio::co_spawn(loop, destinations[static_cast<std::size_t>(i)]->apply(one, Deadline::after(30s)),
                   [&](std::exception_ptr, const Outcome& outcome) { durable += outcome.verdict == Verdict::durable ? 1 : 0; });
    ask("SELECT 1");  // each comes alone
  }
  EXPECT_EQ(durable, 0);
  destinations.pop_back();            // one had nothing to write, …
  destinations.back()->give_way();    // … and one waits for a load: those who are left are no crowd
  loop.restart();
  loop.poll();
  run(destinations.at(static_cast<std::size_t>(writing))->apply(one, Deadline::after(0s)));  // it comes too late for that round
  loop.restart();
  while (durable < writing && loop.run_one() > 0) {
  }
  EXPECT_EQ(ask("SELECT count(), sum(rows) FROM system.parts WHERE database = 'analytics_internal' AND table = 'teams'"),
            fmt::format("1\t{}", writing));
}

TEST_F(ClickHouseDestination, WhatComesInThePauseGoesTogether) {
  migrate();
  ask("SYSTEM STOP MERGES");
  auto pausing = params();
  pausing.flush_pause = 60s;
  pausing.flush_bytes = 20'000;
  const auto writer = make_writer(pausing);
  const auto first = make_destination(writer, tenant(0));
  EXPECT_EQ(apply(*first, batch("teams", {}, {{0, 1, "text"}})).verdict, Verdict::durable) << "the first goes at once";
  constexpr int kOthers = 5;
  std::vector<std::unique_ptr<Destination>> destinations;
  std::vector<Batch> batches;
  std::vector<std::array<const Batch*, 1>> pointers;
  for (int i = 1; i <= kOthers; ++i) {
    destinations.push_back(make_destination(writer, tenant(i)));
    batches.push_back(batch("teams", {}, {{i, 1, i == kOthers ? std::string(20'000, 'x') : "text"}}));
  }
  for (const auto& each : batches) pointers.push_back({&each});
  int durable = 0;
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    asio::co_spawn(loop, destinations[i]->apply(pointers[i], Deadline::after(30s)),
                   [&](std::exception_ptr, const Outcome& outcome) { durable += outcome.verdict == Verdict::durable ? 1 : 0; });
    ask("SELECT 1");  // each comes alone
  }
  loop.restart();
  while (durable < kOthers && loop.run_one() > 0) {
  }
  EXPECT_EQ(ask("SELECT count() FROM system.parts WHERE database = 'analytics_internal' AND table = 'teams'"), "2");
}

TEST_F(ClickHouseDestination, ItsMemoryIsBoundedByTheRound) {
  migrate();
  ask("SYSTEM STOP MERGES");
  auto small = params();
  small.flush_bytes = 20'000;
  const auto writer = make_writer(small);
  std::vector<std::unique_ptr<Destination>> destinations;
  std::vector<Batch> batches;
  std::vector<std::array<const Batch*, 1>> pointers;
  for (int i = 0; i < 20; ++i) {
    destinations.push_back(make_destination(writer, tenant(i)));
    batches.push_back(batch("teams", {}, {{i, 1, std::string(15'000, 'x')}}));
  }
  for (const auto& each : batches) pointers.push_back({&each});
  int durable = 0;
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    asio::co_spawn(loop, destinations[i]->apply(pointers[i], soon()),
                   [&](std::exception_ptr, const Outcome& outcome) { durable += outcome.verdict == Verdict::durable ? 1 : 0; });
  }
  loop.restart();
  const auto deadline = soon();
  while (durable < 20 && !deadline.expired() && loop.run_one() > 0) {
  }
  EXPECT_EQ(durable, 20);
  // No insert had more than what fills a round and the one that filled it.
  EXPECT_GE(std::stoi(ask("SELECT count() FROM system.parts WHERE database = 'analytics_internal' AND table = 'teams'")), 10);
}

TEST_F(ClickHouseDestination, PrivateColumnsArriveMaskedAndHashedInBatchesAndLoads) {
  auto& teams = *std::ranges::find(mappings, "teams", &mapping::Mapping::name);
  const auto column = [&](std::string_view name) -> mapping::Column& {
    return *std::ranges::find(teams.columns, name, &mapping::Column::name);
  };
  column("display_name").clickhouse_privacy = mapping::Privacy::mask;
  column("profile_image_url").clickhouse_privacy = mapping::Privacy::hash;
  const auto without_key = make_destination(make_writer(), tenant(1));
  const auto refused = position_of(*without_key, "teams");
  ASSERT_TRUE(std::holds_alternative<Failure>(refused));
  EXPECT_THAT(std::get<Failure>(refused).message, HasSubstr("set clickhouse.hash_key"));
  EXPECT_EQ(where(*without_key, "users"), Position{}) << "the others go on";

  auto with_key = params();
  with_key.hash_key = "key";
  const auto destination = make_destination(make_writer(with_key), tenant(1));
  EXPECT_EQ(apply(*destination, "teams", {{1, 1, "jane@example.com"}}).verdict, Verdict::durable);
  const auto load = run(destination->load(teams, where(*destination, "teams"), soon())).load;
  postgres::CopyBatch chunk;
  chunk.append_row(tuple_of(teams, {2, 2, "jane@example.com"}));
  EXPECT_FALSE(run(load->write(chunk, soon())));
  EXPECT_EQ(run(load->commit(2, std::nullopt, true, soon())).verdict, Verdict::durable);
  EXPECT_EQ(ask("SELECT count(), any(display_name), any(profile_image_url) FROM default.teams GROUP BY display_name, "
                "profile_image_url"),
            "2\tj•••@example.com\t" + hashed("key", "project-1", "jane@example.com"));
}

TEST_F(ClickHouseDestination, DeletedRowsLeaveTheDiskOnlyOnceNobodyCanWriteUnderTheirTombstone) {
  const auto writer = make_writer();
  const auto destination = make_destination(writer, tenant(1));
  const auto read_early = where(*destination, "teams");
  EXPECT_FALSE(run(writer->clean_up(24h, soon()))) << "where there is nothing";
  EXPECT_EQ(apply(*destination, "teams", {{1, 1, "deleted"}, {2, 2, "kept"}}).verdict, Verdict::durable);
  EXPECT_EQ(apply(*destination, "teams", {{2, 3, "changed"}, {1, 4, "", Change::Kind::tombstone}}).verdict, Verdict::durable);
  const auto on_disk = "SELECT count(), sum(sync_is_deleted) FROM analytics_internal.teams";
  const auto expected = fmt::format("project-1\t{}\tchanged", key_of(2).to_string());
  EXPECT_EQ(teams(), expected);
  EXPECT_FALSE(run(writer->clean_up(24h, soon())));
  EXPECT_EQ(ask(on_disk), "2\t1") << "superseded versions are gone, the tombstone is not";
  // A worker that was overtaken long ago.
  EXPECT_EQ(apply(*destination, batch("teams", read_early, {{1, 1, "deleted"}})).verdict, Verdict::durable);
  EXPECT_EQ(teams(), expected);
  EXPECT_FALSE(run(writer->clean_up(0ms, soon())));
  EXPECT_EQ(ask(on_disk), "1\t0");
  EXPECT_EQ(teams(), expected);
  EXPECT_EQ(apply(*destination, "teams", {{1, 5, "again"}}).verdict, Verdict::durable);
  EXPECT_EQ(ask("SELECT display_name FROM default.teams ORDER BY display_name"), "again\nchanged");
}

TEST_F(ClickHouseDestination, WatermarkSurvivesTheServersDeath) {
  const auto destination = make_destination(make_writer(), tenant(1));
  EXPECT_EQ(apply(*destination, "teams", {{1, 41, "kept"}}).verdict, Verdict::durable);
  server->kill();
  const auto lost = position_of(*destination, "teams");
  ASSERT_TRUE(std::holds_alternative<Failure>(lost));
  EXPECT_EQ(std::get<Failure>(lost).kind, FailureKind::unavailable);
  EXPECT_EQ(std::get<Failure>(lost).sqlstate, "08006");

  server->start();
  client.emplace(loop.get_executor(), server->options());
  const auto after = make_destination(make_writer(), tenant(1));
  EXPECT_EQ(where(*after, "teams").watermark, 41);
  EXPECT_EQ(teams(), fmt::format("project-1\t{}\tkept", key_of(1).to_string()));
}

TEST_F(ClickHouseDestination, AWrongPasswordIsToldAndThenToldAtOnce) {
  auto wrong = server->options();
  wrong.password = "not it";
  const auto destination = make_destination(std::make_shared<Writer>(loop.get_executor(), wrong, mappings, params()), tenant(1));
  const auto failure = std::get<Failure>(position_of(*destination, "teams"));
  EXPECT_EQ(failure.kind, FailureKind::refused);
  EXPECT_EQ(failure.sqlstate, "28000");
  EXPECT_THAT(failure.message, testing::Not(HasSubstr("not it")));
  const auto outcome = apply(*destination, batch("teams", {}, {{1, 1, "text"}}));
  EXPECT_EQ(outcome.verdict, Verdict::failed);
  EXPECT_EQ(outcome.failure.message, failure.message);
}

TEST_F(ClickHouseDestination, AnAlteredTableStopsItsMappingAlone) {
  const auto destination = make_destination(make_writer(), tenant(1));
  EXPECT_EQ(where(*destination, "users"), Position{});
  ask("ALTER TABLE analytics_internal.users DROP COLUMN is_anonymous");
  const auto users = batch("users", {}, {{1, 1, "text"}});
  const auto failed = apply(*destination, users);
  EXPECT_EQ(failed.verdict, Verdict::failed);
  EXPECT_EQ(failed.failure.kind, FailureKind::refused);
  EXPECT_EQ(failed.failure.sqlstate, "42703");
  EXPECT_EQ(apply(*destination, "teams", {{1, 2, "text"}}).verdict, Verdict::durable);

  ask("ALTER TABLE analytics_internal.users MODIFY COLUMN is_anonymous String");
  const auto restarted = make_destination(make_writer(), tenant(1));
  const auto differs = position_of(*restarted, "users");
  ASSERT_TRUE(std::holds_alternative<Failure>(differs));
  EXPECT_THAT(std::get<Failure>(differs).message, HasSubstr("\"is_anonymous\" of type String, not UInt8"));
  EXPECT_EQ(where(*restarted, "teams").watermark, 2);

  ask("ALTER TABLE analytics_internal.users DROP COLUMN is_anonymous");
  for (const auto deadline = soon(); std::holds_alternative<Failure>(position_of(*restarted, "users")) && !deadline.expired();) {
  }
  EXPECT_EQ(apply(*restarted, "users", {{1, 1, "text"}}).verdict, Verdict::durable);
}

TEST_F(ClickHouseDestination, WatermarkStaysBehindAnUnacknowledgedInsert) {
  const auto destination = make_destination(make_writer(), tenant(1));
  EXPECT_EQ(where(*destination, "users"), Position{});
  ask("DROP TABLE analytics_internal.users");
  const auto users = batch("users", {}, {{1, 1, "text"}});
  const auto teams_too = batch("teams", {}, {{1, 2, "text"}});
  const Batch* const both[] = {&users, &teams_too};
  const auto outcome = run(destination->apply(both, soon()));
  EXPECT_EQ(outcome.verdict, Verdict::failed);
  EXPECT_EQ(outcome.failure.sqlstate, "42P01");
  EXPECT_EQ(where(*destination, "teams").watermark, -1);
  EXPECT_EQ(where(*destination, "users").watermark, -1) << "the table is there again";
  EXPECT_EQ(apply(*destination, "users", {{1, 1, "text"}}).verdict, Verdict::durable);
}

class ClickHouseLoad : public ClickHouseDestination {
 protected:
  static constexpr int kRows = 100'000;

  std::shared_ptr<Writer> make_loader() {
    auto small = params();
    small.load_bytes = 4 << 20;
    return make_writer(small);
  }
  std::unique_ptr<Load> begin(Destination& destination) {
    return run(destination.load(mapping_named("teams"), where(destination, "teams"), soon())).load;
  }
  /// Rows [0, kRows), or those before the load fails.
  std::optional<Outcome> write(Load& load) {
    std::optional<Outcome> failed;
    for (int first = 0; first < kRows && !failed; first += 5'000) {
      postgres::CopyBatch chunk;
      for (int i = first; i < first + 5'000; ++i)
        chunk.append_row(tuple_of(mapping_named("teams"), {i, i + 1, fmt::format("name {}", i)}));
      failed = run(load.write(chunk, soon()));
    }
    return failed;
  }
  void expect_all(Destination& destination) {
    EXPECT_EQ(where(destination, "teams").watermark, kRows);
    EXPECT_EQ(ask("SELECT count() FROM default.teams"), std::to_string(kRows));
    EXPECT_EQ(
        ask("SELECT count() FROM (SELECT id, display_name, client_metadata FROM default.teams EXCEPT "
            "SELECT toUUID('00000000-0000-4000-8000-' || leftPad(toString(number), 12, '0')), 'name ' || toString(number), '{}' "
            "FROM numbers(100000))"),
        "0");
  }
};

TEST_F(ClickHouseLoad, IsEqualToItsSource) {
  const auto destination = make_destination(make_loader(), tenant(1));
  const auto load = begin(*destination);
  ask("SYSTEM STOP MERGES");
  EXPECT_FALSE(write(*load));
  EXPECT_EQ(where(*destination, "teams").watermark, -1) << "rows first, then the watermark";
  EXPECT_EQ(run(load->commit(kRows, std::nullopt, true, soon())).verdict, Verdict::durable);
  expect_all(*destination);
  // About 9 MB.
  EXPECT_EQ(ask("SELECT count() FROM system.parts WHERE database = 'analytics_internal' AND table = 'teams'"), "3");
}

TEST_F(ClickHouseLoad, IsBegunAgainAfterTheServersDeath) {
  const auto destination = make_destination(make_loader(), tenant(1));
  auto load = begin(*destination);
  postgres::CopyBatch chunk;
  chunk.append_row(tuple_of(mapping_named("teams"), {1, 1, std::string(2 << 20, 'x')}));
  EXPECT_FALSE(run(load->write(chunk, soon())));
  server->kill();
  auto outcome = write(*load);
  if (!outcome) outcome = run(load->commit(kRows, std::nullopt, true, soon()));
  EXPECT_EQ(outcome->verdict, Verdict::failed);
  EXPECT_EQ(outcome->failure.kind, FailureKind::unavailable);
  load.reset();

  server->start();
  client.emplace(loop.get_executor(), server->options());
  const auto after = make_destination(make_loader(), tenant(1));
  EXPECT_EQ(where(*after, "teams").watermark, -1);
  load = begin(*after);
  EXPECT_FALSE(write(*load));
  EXPECT_EQ(run(load->commit(kRows, std::nullopt, true, soon())).verdict, Verdict::durable);
  expect_all(*after);
}

TEST_F(ClickHouseLoad, ThatIsGivenUpEndsItsStatement) {
  const auto destination = make_destination(make_loader(), tenant(1));
  auto load = begin(*destination);
  EXPECT_FALSE(write(*load));
  load.reset();
  const auto running = "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO analytics_internal.%'";
  for (const auto deadline = soon(); ask(running) != "0" && !deadline.expired();) {
  }
  EXPECT_EQ(ask(running), "0");
  EXPECT_EQ(where(*destination, "teams").watermark, -1);
}

}  // namespace
}  // namespace tributary::destination::clickhouse_target
