#include <fmt/format.h>

#include <array>

#include "base/sql_text.hpp"
#include "bench.hpp"
#include "clickhouse.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// What a tenant's query pays for seeing the newest versions of its own rows only (FINAL, row policy, the check of the statement): over the views as
// limited_user, and over the bare tables, where the tenant's name stands in the query, as an administrator. Both through the HTTP interface.
namespace tributary::bench {
namespace {

constexpr const char* kSource = "clickhouse_queries";
constexpr std::array kProjects{"project-1", "project-2"};  // the second one is another tenant beside
constexpr int kInserts = 5;  // as a table that is written to has several parts
constexpr int kWarmUp = 2;
constexpr int kTimes = 11;

struct Question {
  std::string about;
  std::string of_views;
  std::string of_tables;
};

const std::array<Question, 2>& questions() {
  static const std::array<Question, 2> all{
      {{"count()", "SELECT count() FROM users",
        "SELECT count() FROM analytics_internal.users WHERE project_id = 'project-1' AND branch_id = 'main'"},
       {"a join of users and memberships",
        "SELECT count() FROM users AS u JOIN team_member_profiles AS m ON m.user_id = u.id WHERE u.primary_email_verified = 1",
        "SELECT count() FROM analytics_internal.users AS u JOIN analytics_internal.team_member_profiles AS m ON m.user_id = u.id "
        "WHERE u.primary_email_verified = 1 AND u.project_id = 'project-1' AND u.branch_id = 'main' "
        "AND m.project_id = 'project-1' AND m.branch_id = 'main'"}}};
  return all;
}

void fill(const ClickHouse& admin, long long users) {
  const auto part = users / kInserts;
  for (const auto* project : kProjects) {
    for (const auto* file : {"clickhouse_make_users.sql", "clickhouse_make_members.sql"}) {
      const auto insert = [&](long long first, long long rows, long long version) {
        admin.ask(sql_file(file, {{":project", quote_clickhouse_literal(project)},
                                  {":version", std::to_string(version)},
                                  {":first", std::to_string(first)},
                                  {":rows", std::to_string(rows)}}));
      };
      for (int i = 0; i < kInserts; ++i) insert(i * part, part, 1);
      insert(0, users / 100, users);  // newer versions
    }
  }
}

double milliseconds_of(const ClickHouse& engine, const std::string& sql) {
  std::vector<double> times;
  for (int i = 0; i < kWarmUp; ++i) engine.ask(sql);
  for (int i = 0; i < kTimes; ++i) times.push_back(1'000 * seconds_of([&] { engine.ask(sql); }));
  return median(std::move(times));
}

}  // namespace

std::vector<Result> clickhouse_queries(Context& context) {
  auto& servers = context.servers;
  const auto users = context.pick(1'000'000LL, 10'000LL);
  const EngineFolder folder(servers);
  servers.create_source(kSource);
  {
    const Service service(servers, kSource, {"--roles", "sync"}, &folder);  // makes tables and views
    wait_for_engine(folder);
  }
  servers.drop_source(kSource);
  fill(admin_of(EngineHost(servers, folder, EngineHost::Kind::unrestricted).engine()), users);

  std::array<Pairs, 2> pairs;
  for (int pair = 0; pair < context.pairs; ++pair) {
    std::array<double, 2> ours{};
    {
      const EngineHost host(servers, folder, EngineHost::Kind::restricted);
      const auto tenant = tenant_of(host.engine(), kProjects[0], "main");
      if (tenant.number("SELECT count() FROM users") != users)
        throw std::runtime_error("the tenant sees other rows than its own");
      for (std::size_t i = 0; i < ours.size(); ++i) ours[i] = milliseconds_of(tenant, questions()[i].of_views);
    }
    const EngineHost host(servers, folder, EngineHost::Kind::unrestricted);
    const auto admin = admin_of(host.engine());
    for (std::size_t i = 0; i < ours.size(); ++i) pairs[i].add(ours[i], milliseconds_of(admin, questions()[i].of_tables));
  }
  std::vector<Result> results;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    results.push_back({.name = "clickhouse_queries",
                       .measured = fmt::format("{}: {:.1f} ms", questions()[i].about, median(pairs[i].ours)),
                       .beside = fmt::format("over the bare tables: {:.1f} ms", median(pairs[i].baseline)),
                       .value = pairs[i].ratio()});
  }
  return results;
}

}  // namespace tributary::bench
