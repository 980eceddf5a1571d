#include "fixture.hpp"

namespace tributary::mapping {
namespace {

std::vector<TargetColumn> columns_of(test::Session& session, const std::string& table) {
  std::vector<TargetColumn> columns;
  const auto rows = session.rows(
      "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, coalesce(a.attnum = ANY (i.indkey), false)"
      " FROM pg_attribute AS a LEFT JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisprimary"
      " WHERE a.attrelid = 'public." +
      table + "'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum");
  for (const auto& row : rows) columns.push_back({*row[0], *row[1], row[2] == "t", row[3] == "t"});
  return columns;
}

/// A destination beside a source, in databases of their own.
class MergeTest : public SourceTest {
 protected:
  MergeTest() : destination_(destination_database_.session()) { destination_.run("SET search_path = ''"); }

  void run_all(const std::vector<std::string>& statements) {
    for (const auto& statement : statements) destination_.run(statement);
  }

  /// Binary COPY out of the source into the destination by way of a file of the server's: the tuples are not decoded in between, as in the engine.
  void copy(const std::string& select, std::string copy_from_stdin) {
    const auto file = "'" + session_.value("SELECT current_setting('data_directory')") + "/" + database_.name() + ".copy'";
    session_.run("COPY (" + select + ") TO " + file + " (FORMAT binary)");
    const auto stdin_at = copy_from_stdin.find("STDIN");
    destination_.run(copy_from_stdin.replace(stdin_at, 5, file));
  }

  /// What the engine does with a batch: everything of tenancy 1 after `after`, in one transaction. Returns how many rows were deleted and written.
  std::pair<long long, long long> apply(const Mapping& mapping, int after = -1) {
    destination_.run("BEGIN");
    destination_.run(create_stage_sql(mapping));
    copy(fetch_sql(mapping, {.tenancy = literal(id(1)), .after = std::to_string(after), .limit = "1000"}),
         copy_stage_sql(mapping));
    const auto count = [&](const std::string& statement) {
      return destination_.number("WITH done AS (" + statement + " RETURNING 1) SELECT count(*) FROM done");
    };
    const auto deleted = count(delete_from_stage_sql(mapping));
    const auto written = count(upsert_from_stage_sql(mapping));
    destination_.run("COMMIT");
    return {deleted, written};
  }

  test::Database destination_database_{"mapping"};
  test::Session destination_;
};

TEST_F(MergeTest, TheTargetCanBeCreatedTwiceAndIsWhatTheMappingSays) {
  for (const auto& name : built_in_names()) {
    const auto mapping = built_in_mapping(name);
    run_all(create_target_sql(mapping));
    run_all(create_target_sql(mapping));
    EXPECT_EQ(target_difference(mapping, columns_of(destination_, mapping.target_table), {}), "");
  }
}

TEST_F(MergeTest, EverybodyMayReadTheTargetAndNobodyElseMayWriteIt) {
  run_all(create_target_sql(built_in_mapping("users")));
  run_all(create_metadata_sql());
  for (const auto* table : {"public.users", "public._stack_sync_metadata"}) {
    SCOPED_TRACE(table);
    const auto granted =
        destination_.value("SELECT string_agg(privilege_type, ' ') FROM pg_class, aclexplode(relacl) WHERE oid = '" +
                           std::string(table) + "'::regclass AND grantee = 0");
    EXPECT_EQ(granted, "SELECT");
  }
}

TEST_F(MergeTest, TheReferencesMetadataTableIsExtended) {
  destination_.run(
      "CREATE TABLE public._stack_sync_metadata (mapping_name text PRIMARY KEY, last_synced_sequence_id bigint NOT NULL DEFAULT "
      "-1,"
      " updated_at timestamp NOT NULL DEFAULT now());"
      "INSERT INTO public._stack_sync_metadata VALUES ('users', 77)");
  run_all(create_metadata_sql());
  run_all(create_metadata_sql());
  EXPECT_EQ(destination_.rows("SELECT last_synced_sequence_id, generation, loading, installation_id, tenancy_id, complete_until"
                              " FROM public._stack_sync_metadata")[0],
            (test::Session::Row{"77", "0", "f", std::nullopt, std::nullopt, std::nullopt}));
}

TEST_F(MergeTest, FetchedTuplesAreTheStagesTuplesForEveryBuiltInMapping) {
  add_user(1, 10, 1, ", \"displayName\", \"clientMetadata\"", ", 'Ada', '{\"a\": 1}'");
  add_channel(1, 10, 50, 2, "ada@example.com", true, true);
  session_.run("INSERT INTO public.\"Team\" (\"tenancyId\", \"teamId\", \"sequenceId\") VALUES ('" + id(1) + "', '" + id(20) +
               "', 3)");
  session_.run("INSERT INTO public.\"TeamMember\" (\"tenancyId\", \"projectUserId\", \"teamId\", \"sequenceId\") VALUES ('" +
               id(1) + "', '" + id(10) + "', '" + id(20) + "', 4)");
  for (const auto& name : built_in_names()) {
    SCOPED_TRACE(name);
    const auto mapping = built_in_mapping(name);
    run_all(create_target_sql(mapping));
    EXPECT_EQ(apply(mapping), (std::pair<long long, long long>{0, 1}));
    auto expected = fetch(mapping, 1).at(0);
    expected.erase(expected.begin(), expected.begin() + 2);
    EXPECT_EQ(destination_.rows("SELECT * FROM public." + mapping.target_table).at(0), expected);
  }
}

TEST_F(MergeTest, AMergeWritesWhatChangedDeletesWhatIsGoneAndPassesOverSteps) {
  const auto users = built_in_mapping("users");
  run_all(create_target_sql(users));
  add_user(1, 10, 1, ", \"displayName\"", ", 'Ada'");
  add_user(1, 11, 2, ", \"displayName\"", ", 'Bob'");
  add_user(1, 12, 3);
  EXPECT_EQ(apply(users), (std::pair<long long, long long>{0, 3}));

  session_.run("UPDATE public.\"ProjectUser\" SET \"displayName\" = 'Eve', \"sequenceId\" = 6 WHERE \"projectUserId\" = '" +
               id(11) + "'");
  session_.run("DELETE FROM public.\"ProjectUser\" WHERE \"projectUserId\" = '" + id(12) + "'");
  add_tombstone(1, "ProjectUser", 7, user_key(1, 12));
  add_tombstone(1, "ProjectUser", 8, user_key(1, 10));  // deleted and created again: alive
  EXPECT_EQ(apply(users, 3), (std::pair<long long, long long>{1, 1}));

  const auto rows = destination_.rows("SELECT id, display_name FROM public.users ORDER BY id");
  EXPECT_EQ(rows, (std::vector<test::Session::Row>{{id(10), "Ada"}, {id(11), "Eve"}}));
}

TEST_F(MergeTest, TwiceIsOnceAndWritesNothing) {
  const auto users = built_in_mapping("users");
  run_all(create_target_sql(users));
  add_user(1, 10, 1, ", \"clientMetadata\"", ", '{\"a\": [1, null]}'");  // NULL columns too: they do not differ from NULL
  apply(users);
  const auto versions = [&] { return destination_.rows("SELECT xmin, ctid FROM public.users"); };
  const auto before = versions();
  EXPECT_EQ(apply(users), (std::pair<long long, long long>{0, 0}));
  EXPECT_EQ(versions(), before);
}

TEST_F(MergeTest, TheStageIsEmptyInTheNextTransaction) {
  const auto users = built_in_mapping("users");
  run_all(create_target_sql(users));
  add_user(1, 10, 1);
  apply(users);
  EXPECT_EQ(destination_.number("SELECT count(*) FROM pg_temp.tributary_stage_users"), 0);
}

TEST_F(MergeTest, AnEmptyTargetTakesRowsWithoutAStage) {
  const auto teams = built_in_mapping("teams");
  run_all(create_target_sql(teams));
  session_.run("INSERT INTO public.\"Team\" (\"tenancyId\", \"teamId\", \"sequenceId\") VALUES ('" + id(1) + "', '" + id(20) +
               "', 3)");
  const auto fetch = fetch_sql(teams, {.tenancy = literal(id(1)), .after = "-1", .limit = "10"});
  copy(
      "SELECT " +
          [&] {
            std::string names;
            for (const auto& column : teams.columns) names += (names.empty() ? "" : ", ") + quote_identifier(column.name);
            return names;
          }() +
          " FROM (" + fetch + ") AS fetched",
      copy_target_sql(teams));
  EXPECT_EQ(destination_.value("SELECT id FROM public.teams"), id(20));
}

TEST_F(MergeTest, AHandfulOfRowsGoesInArrays) {
  const auto members = built_in_mapping("team_member_profiles");
  run_all(create_target_sql(members));
  destination_.run("PREPARE upsert (uuid[], uuid[], text[], text[], timestamp[]) AS " + upsert_arrays_sql(members));
  destination_.run("PREPARE remove (uuid[], uuid[]) AS " + delete_arrays_sql(members));
  const auto upsert = [&](const std::string& name) {
    destination_.run("EXECUTE upsert (ARRAY['" + id(20) + "', '" + id(21) + "']::uuid[], ARRAY['" + id(10) + "', '" + id(10) +
                     "']::uuid[], ARRAY['" + name +
                     "', NULL], ARRAY[NULL, NULL]::text[], ARRAY['2026-01-01', '2026-01-02']::timestamp[])");
  };
  const auto rows = [&] {
    return destination_.rows("SELECT team_id, user_id, display_name FROM public.team_member_profiles ORDER BY 1");
  };

  upsert("Ada");
  EXPECT_EQ(rows(), (std::vector<test::Session::Row>{{id(20), id(10), "Ada"}, {id(21), id(10), std::nullopt}}));
  upsert("Eve");
  EXPECT_EQ(rows().at(0)[2], "Eve");

  // Both columns of the key must fit, pairwise.
  destination_.run("EXECUTE remove (ARRAY['" + id(20) + "', '" + id(21) + "']::uuid[], ARRAY['" + id(11) + "', '" + id(10) +
                   "']::uuid[])");
  EXPECT_EQ(rows(), (std::vector<test::Session::Row>{{id(20), id(10), "Eve"}}));
}

// Two users may have a channel of the same id: legal by the source's key, and so for a moment when a channel moves by insert and delete.
TEST_F(MergeTest, OfRowsThatShareATargetKeyTheNewestIsMerged) {
  const auto channels = built_in_mapping("contact_channels");
  run_all(create_target_sql(channels));
  add_user(1, 10, 1);
  add_user(1, 11, 2);
  add_channel(1, 10, 50, 4, "newest@example.com", false, false);
  add_channel(1, 11, 50, 3, "older@example.com", false, false);
  EXPECT_EQ(apply(channels), (std::pair<long long, long long>{0, 1}));
  EXPECT_EQ(destination_.value("SELECT value FROM public.contact_channels"), "newest@example.com");

  destination_.run("PREPARE upsert (uuid[], uuid[], text[], text[], boolean[], boolean[], boolean[], timestamp[]) AS " +
                   upsert_arrays_sql(channels));
  const auto twice = [](const std::string& value, const std::string& type) {
    return "ARRAY[" + value + ", " + value + "]::" + type + "[]";
  };
  destination_.run("EXECUTE upsert (" + twice(literal(id(50)), "uuid") + ", ARRAY['" + id(10) + "', '" + id(11) + "']::uuid[], " +
                   twice("'EMAIL'", "text") + ", ARRAY['first@example.com', 'last@example.com'], " + twice("true", "boolean") +
                   ", " + twice("true", "boolean") + ", " + twice("true", "boolean") + ", " + twice("'2026-01-01'", "timestamp") +
                   ")");
  EXPECT_EQ(destination_.value("SELECT value FROM public.contact_channels"), "last@example.com");
}

TEST_F(MergeTest, ATableOfNothingButItsKeyIsInsertedOnce) {
  const auto parsed = parse(
      "mapping: seats\n"
      "source: {table: TeamMember, tenancy: tenancyId, key: [tenancyId, projectUserId, teamId]}\n"
      "target: {table: seats, key: [team_id, user_id]}\n"
      "columns:\n"
      "  - {name: user_id, type: uuid, from: projectUserId}\n"
      "  - {name: team_id, type: uuid, from: teamId}\n",
      "seats.yaml");
  ASSERT_TRUE(parsed.mapping);
  run_all(create_target_sql(*parsed.mapping));
  session_.run("INSERT INTO public.\"TeamMember\" (\"tenancyId\", \"projectUserId\", \"teamId\", \"sequenceId\") VALUES ('" +
               id(1) + "', '" + id(10) + "', '" + id(20) + "', 4)");
  EXPECT_EQ(apply(*parsed.mapping), (std::pair<long long, long long>{0, 1}));
  EXPECT_EQ(apply(*parsed.mapping), (std::pair<long long, long long>{0, 0}));
}

TEST_F(MergeTest, HostileNamesStayNames) {
  const std::string hostile = "a\"; DROP TABLE x; --'$1\\";
  session_.run("CREATE TABLE public." + quote_identifier(hostile) + " (\"tenancyId\" uuid, " + quote_identifier(hostile) +
               " uuid, \"sequenceId\" bigint, PRIMARY KEY (\"tenancyId\", " + quote_identifier(hostile) +
               "));"
               "INSERT INTO public." +
               quote_identifier(hostile) + " VALUES ('" + id(1) + "', '" + id(7) + "', 1)");
  Mapping mapping;
  mapping.name = "hostile";
  mapping.source_table = mapping.target_table = hostile;
  mapping.tenancy_column = "tenancyId";
  mapping.source_key = {"tenancyId", hostile};
  mapping.target_key = {hostile};
  Column column;
  column.name = column.from = hostile;
  column.type = ColumnType::uuid;
  mapping.columns = {column};
  add_tombstone(1, "a\"; DROP TABLE x; --''$1\\", 2, R"({"a\"; DROP TABLE x; --''$1\\": ")" + id(8) + "\"}");

  run_all(create_target_sql(mapping));
  EXPECT_EQ(apply(mapping), (std::pair<long long, long long>{0, 1}));
  const auto rows = fetch(mapping, 1);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1][2], id(8));
}

}  // namespace
}  // namespace tributary::mapping
