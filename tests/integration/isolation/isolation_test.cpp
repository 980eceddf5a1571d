#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <array>
#include <functional>
#include <memory>
#include <set>

#include "integration/clickhouse_host/tenants.hpp"
#include "queries.hpp"

/// Invariant 7: tenants see their own rows only, whatever SQL they send and whatever error they provoke.
///
/// Each query of hostile.sql is sent by one tenant to two engines in which that tenant has the same rows and all others have different ones: few and plain,
/// or many with "hidden" in their values. The answers must be equal byte for byte, with status and headers. Of these one is made anew for each answer that is
/// sent in pieces (the tag that tells an error from data), so its value is not compared. The query's id is given, and the host tells no elapsed times.
namespace tributary::clickhouse::embedded::test {
namespace {

using tributary::test::HostileQuery;

/// What no answer may hold. No query holds it, so that none can be echoed.
constexpr std::string_view kSecret = "hidden-from-all";

struct Table {
  std::string_view name;
  std::string_view columns;
  std::string_view values;
};
constexpr std::array kTables{
    Table{"users", "id, display_name, primary_email, primary_email_verified, is_anonymous, signed_up_at",
          "{id}, upper({value}), {value}, number % 2, {zero}, {time} + number"},
    Table{"teams", "id, display_name, created_at", "{id}, {value}, {time}"},
    Table{"contact_channels", "id, user_id, type, value, created_at", "{id}, {id}, {type}, {value}, {time}"},
    Table{"team_member_profiles", "team_id, user_id, display_name, profile_image_url, created_at",
          "{id}, {id}, {value}, concat('https://', {value}), {time}"},
};

struct Tenant {
  std::string project;
  std::string branch;
  std::string mark;  ///< its values begin with it
  int rows = 0;
  int first = 0;  ///< the ids' first digits
};

std::string rows_of(const Table& table, const Tenant& tenant) {
  const auto values = fmt::format(
      fmt::runtime(table.values),
      fmt::arg("id", fmt::format("toUUID(concat('{:08}-0000-4000-8000-', leftPad(toString(number), 12, '0')))", tenant.first)),
      fmt::arg("value", fmt::format("concat('{}', toString(number), '@example.com')", tenant.mark)),
      fmt::arg("type",
               tenant.mark == "mine" ? "'EMAIL'" : fmt::format("upper(concat('{}', toString(number % 1000)))", tenant.mark)),
      // So many zeros that the column is stored sparsely, for whoever stands beside too.
      fmt::arg("zero", tenant.mark == kSecret ? 0 : 1), fmt::arg("time", "toDateTime64('2026-01-01 00:00:00', 3)"));
  return fmt::format("SELECT '{}', '{}', {}, number + 1, 0 FROM numbers({})", tenant.project, tenant.branch, values, tenant.rows);
}

/// In one insert, and so in one part and in the same granules.
void insert(const Host& admin, const Table& table, std::initializer_list<Tenant> tenants) {
  std::string rows;
  for (const auto& tenant : tenants) rows += (rows.empty() ? "" : " UNION ALL ") + rows_of(table, tenant);
  admin.run(fmt::format("INSERT INTO analytics_internal.{} (project_id, branch_id, {}, sync_sequence_id, sync_is_deleted) {}",
                        table.name, table.columns, rows));
}

void fill(const Host& admin, const std::string& mark, int count) {
  for (const auto& table : kTables) {
    insert(admin, table,
           {{"mine", "main", "mine", 5, 0},
            {"mine", "dev", mark, count / 10, 0},
            {"alpha", "main", mark, count, 0},
            {"zeta", "main", mark, count, 1}});
    insert(admin, table, {{"mine", "main", "mine", 2, 0}, {"beta", "main", mark, count, 2}});
  }
  admin.run(
      "INSERT INTO analytics_internal.users (project_id, branch_id, id, display_name, sync_sequence_id, sync_is_deleted) "
      "VALUES ('mine', 'main', '00000009-0000-4000-8000-000000000000', 'deleted', 1, 1), "
      "('mine', 'main', '00000000-0000-4000-8000-000000000000', 'old', 0, 0)");
}

std::string headers_of(const Answer& answer) {
  std::string text;
  for (const auto& [name, value] : answer.headers)
    text += name + ": " + (name == "x-clickhouse-exception-tag" ? "…" : value) + '\n';
  return text;
}

std::string shown(const Answer& answer) {
  return fmt::format("HTTP {}{}\n{}\n{}", answer.status, answer.cut_off ? ", cut off" : "", headers_of(answer),
                     answer.body.substr(0, 2000));
}

class Isolation : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    few_ = std::make_unique<TenantHost>([](const Host& admin) { fill(admin, "plain-to-all", 30); });
    many_ = std::make_unique<TenantHost>([](const Host& admin) { fill(admin, std::string(kSecret), 20'000); });
  }
  static void TearDownTestSuite() {
    few_.reset();
    many_.reset();
  }

  static Answer ask(const Host& host, const HostileQuery& query) {
    return host.ask_as("mine", query.text, "&query_id=mine%3Amain%3A1" + query.url);
  }

  /// What is wrong with two answers to a query; empty: nothing.
  static std::string fault(const HostileQuery& query, const Answer& few, const Answer& many) {
    const auto refused = [](const Answer& answer) { return answer.status != 200 || answer.cut_off; };
    if (shown(few) != shown(many) || few.body != many.body)
      return "the answers differ:\n" + shown(few) + "\n----\n" + shown(many);
    if (many.body.find(kSecret) != std::string::npos) return "a row of another tenant is in the answer:\n" + shown(many);
    if (few.status == 0) return "no answer";
    if (refused(few) != query.refused) return (query.refused ? "it is answered:\n" : "it is refused:\n") + shown(few);
    if (query.answer && few.body != *query.answer + '\n') return "the answer is another one:\n" + shown(few);
    return {};
  }

  static std::unique_ptr<TenantHost> few_;
  static std::unique_ptr<TenantHost> many_;
};

std::unique_ptr<TenantHost> Isolation::few_;
std::unique_ptr<TenantHost> Isolation::many_;

std::vector<HostileQuery> hostile_queries() {
  return tributary::test::read_hostile_queries(TRIBUTARY_SOURCE_DIR "/tests/integration/isolation/hostile.sql");
}

TEST_F(Isolation, HostileQueriesAreRefusedOrAnsweredFromOwnRows) {
  const auto queries = hostile_queries();
  ASSERT_GE(queries.size(), 120U);
  for (const auto& query : queries) {
    const auto why = fault(query, ask(few_->host(), query), ask(many_->host(), query));
    EXPECT_EQ(why, "") << query.name << '\n' << query.text.substr(0, 500);
  }
  EXPECT_EQ(few_->host().ask_as("mine", "SELECT count() FROM users").body, "5\n") << "the engine and the rows are still there";
}

TEST_F(Isolation, EveryViewIsFilledAndTried) {
  const auto queries = hostile_queries();
  for (const auto& mapping : built_in_mappings()) {
    const auto count = "SELECT count() FROM " + mapping.name;
    EXPECT_EQ(few_->host().ask_as("mine", count).body, "5\n") << count;
    EXPECT_EQ(few_->host().ask_as("alpha", count).body, "30\n") << count;
    const auto names_it = [&](const HostileQuery& query) { return query.text.find("FROM " + mapping.name) != std::string::npos; };
    EXPECT_GE(std::ranges::count_if(queries, names_it), 5) << mapping.name;
  }
}

// ---- what the suite is worth --------------------------------------------------------------------------------------------------------

/// Names of the queries at which `leaky`, whose other tenants' rows are the many, is found out.
std::set<std::string> found_out(const Host& few, const Host& leaky, const std::vector<std::string>& names,
                                const std::function<std::string(const HostileQuery&, const Answer&, const Answer&)>& fault,
                                const std::function<Answer(const Host&, const HostileQuery&)>& ask) {
  std::set<std::string> result;
  for (const auto& query : hostile_queries()) {
    if (std::ranges::find(names, query.name) == names.end()) continue;
    if (!fault(query, ask(few, query), ask(leaky, query)).empty()) result.insert(query.name);
  }
  return result;
}

TEST_F(Isolation, WithoutRowPoliciesTheSuiteFails) {
  const TenantHost leaky([](const Host& admin) { fill(admin, std::string(kSecret), 20'000); },
                         [](std::string users) {
                           const auto begin = users.find("<databases>");
                           const auto end = users.find("</databases>");
                           return users.erase(begin, end - begin + std::string_view("</databases>").size());
                         });
  const std::vector<std::string> names{
      "everything there is",      "another project by name", "a key that another project has too",
      "a scalar subquery",        "throwIf in where",        "memory by a value",
      "a dictionary on the wire", "profiles of everybody",   "a profile that another project has too",
      "throwIf on profiles"};
  EXPECT_THAT(found_out(few_->host(), leaky.host(), names, fault, ask), testing::UnorderedElementsAreArray(names));
}

TEST_F(Isolation, WithDictionariesInViewsTheSuiteFails) {
  const TenantHost leaky([](const Host& admin) {
    fill(admin, std::string(kSecret), 20'000);
    admin.run(
        "CREATE OR REPLACE VIEW default.contact_channels DEFINER = admin SQL SECURITY DEFINER AS "
        "SELECT project_id, branch_id, id, user_id, type, value FROM analytics_internal.contact_channels FINAL "
        "WHERE sync_is_deleted = 0");
  });
  const std::vector<std::string> names{"throwIf on a dictionary"};
  EXPECT_THAT(found_out(few_->host(), leaky.host(), names, fault, ask), testing::UnorderedElementsAreArray(names));
}

}  // namespace
}  // namespace tributary::clickhouse::embedded::test
