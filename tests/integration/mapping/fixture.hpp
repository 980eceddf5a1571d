#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/embedded.hpp"
#include "mapping/mapping.hpp"
#include "mapping/sql.hpp"
#include "support/database.hpp"

namespace tributary::mapping {

inline Mapping built_in_mapping(std::string_view name) {
  for (const auto& file : embedded_mappings()) {
    auto parsed = parse(file.text, file.name);
    if (parsed.mapping && parsed.mapping->name == name) return std::move(*parsed.mapping);
  }
  throw std::runtime_error("no such built-in mapping");
}

inline std::vector<std::string> built_in_names() { return {"contact_channels", "team_member_profiles", "teams", "users"}; }

/// uuids that are easy on the eye: number 7 is 00000000-0000-4000-8000-000000000007
inline std::string id(int number) {
  auto digits = std::to_string(number);
  return "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits;
}
inline std::string literal(const std::string& uuid) { return "'" + uuid + "'::uuid"; }

/// The four mapped tables, made by hand: these tests are about the generated SQL, not about migrations.
inline void create_source(test::Session& session) {
  std::ifstream file(TRIBUTARY_SOURCE_DIR "/tests/integration/mapping/source.sql");
  std::ostringstream text;
  text << file.rdbuf();
  session.run(text.str());
}

inline void become_reader(test::Session& session) {
  for (const auto& [name, value] : reader_settings()) session.run(fmt::format("SET {} = '{}'", name, value));
}

/// A database of its own for each test, with a session as the engine has it.
class SourceTest : public ::testing::Test {
 protected:
  SourceTest() : session_(database_.session()) {
    create_source(session_);
    become_reader(session_);
  }

  void add_user(int tenancy, int user, long long sequence_id, const std::string& columns = "", const std::string& values = "") {
    session_.run("INSERT INTO public.\"ProjectUser\" (\"tenancyId\", \"projectUserId\", \"sequenceId\"" + columns +
                 ") VALUES ('" + id(tenancy) + "', '" + id(user) + "', " + std::to_string(sequence_id) + values + ")");
  }
  void add_channel(int tenancy, int user, int channel, long long sequence_id, const std::string& value, bool is_primary,
                   bool is_verified) {
    session_.run(
        "INSERT INTO public.\"ContactChannel\" (\"tenancyId\", \"projectUserId\", id, type, \"isPrimary\", \"isVerified\", "
        "value, \"sequenceId\")"
        " VALUES ('" +
        id(tenancy) + "', '" + id(user) + "', '" + id(channel) + "', 'EMAIL', " + (is_primary ? "'TRUE'" : "NULL") + ", " +
        (is_verified ? "TRUE" : "FALSE") + ", '" + value + "', " + std::to_string(sequence_id) + ")");
  }
  void add_tombstone(int tenancy, const std::string& table, long long sequence_id, const std::string& key,
                     const std::string& data = "{}") {
    session_.run(
        "INSERT INTO public.\"DeletedRow\" (\"tenancyId\", \"tableName\", \"primaryKey\", data, \"sequenceId\") VALUES ('" +
        id(tenancy) + "', '" + table + "', '" + key + "', '" + data + "', " + std::to_string(sequence_id) + ")");
  }
  static std::string user_key(int tenancy, int user) {
    return R"({"tenancyId": ")" + id(tenancy) + R"(", "projectUserId": ")" + id(user) + "\"}";
  }

  std::vector<test::Session::Row> fetch(const Mapping& mapping, int tenancy, long long after = -1, int limit = 1000,
                                        DestinationKind kind = DestinationKind::postgres) {
    return session_.rows(fetch_sql(mapping,
                                   {.tenancy = literal(id(tenancy)),
                                    .after = "'" + std::to_string(after) + "'::bigint",
                                    .limit = std::to_string(limit) + "::bigint"},
                                   kind));
  }

  test::Database database_{"mapping"};
  test::Session session_;
};

}  // namespace tributary::mapping
