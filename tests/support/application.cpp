#include "support/application.hpp"

#include <fmt/format.h>

#include <ostream>
#include <stdexcept>

#include "support/chaos_proxy.hpp"
#include "support/compare.hpp"
#include "support/source.hpp"

namespace tributary::test {
namespace {

constexpr unsigned kUsers = 6;
constexpr unsigned kChannels = 8;
constexpr unsigned kTeams = 4;
constexpr unsigned kMany = 50;

struct Frequency {
  Action action;
  int times;
};
constexpr Frequency kFrequencies[] = {
    {Action::begin, 24},
    {Action::begin_repeatable_read, 4},
    {Action::commit, 20},
    {Action::rollback, 5},
    {Action::savepoint, 5},
    {Action::rollback_to_savepoint, 4},
    {Action::create_user, 30},
    {Action::update_user, 20},
    {Action::delete_user, 10},
    {Action::recreate_user, 8},
    {Action::rekey_user, 8},
    {Action::move_user, 8},
    {Action::create_channel, 30},
    {Action::update_channel, 15},
    {Action::delete_channel, 8},
    {Action::recreate_channel, 8},
    {Action::move_channel, 12},
    {Action::switch_primary, 12},
    {Action::create_team, 15},
    {Action::update_team, 8},
    {Action::delete_team, 5},
    {Action::rekey_team, 5},
    {Action::create_member, 15},
    {Action::update_member, 6},
    {Action::delete_member, 4},
    {Action::move_member, 6},
    {Action::create_many, 6},
    {Action::update_many, 5},
    {Action::delete_many, 3},
    {Action::truncate_users, 1},
    {Action::truncate_channels, 1},
    {Action::truncate_members, 1},
    {Action::truncate_teams, 1},
    {Action::create_tenancy, 4},
    {Action::create_other_tenancy, 2},
    {Action::delete_tenancy, 1},
    {Action::recreate_tenancy, 2},
    {Action::rekey_tenancy, 1},
    {Action::create_project, 4},
    {Action::delete_project, 1},
    {Action::recreate_project, 1},
};

std::string project(unsigned tenancy) { return fmt::format("project-{}", tenancy); }
std::string user(unsigned number) { return fmt::format("10000000-0000-4000-8000-{:012}", number % kUsers); }
std::string channel(unsigned number) { return fmt::format("20000000-0000-4000-8000-{:012}", number % kChannels); }
std::string team(unsigned number) { return fmt::format("30000000-0000-4000-8000-{:012}", number % kTeams); }

std::string_view text_of(Action action) {
  using enum Action;
  switch (action) {
    case begin:
      return "BEGIN";
    case begin_repeatable_read:
      return "BEGIN ISOLATION LEVEL REPEATABLE READ";
    case commit:
      return "COMMIT";
    case rollback:
      return "ROLLBACK";
    case savepoint:
      return "SAVEPOINT here";
    case rollback_to_savepoint:
      return "ROLLBACK TO here";

    case create_user:
      return R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName", "clientMetadata")
      SELECT id, '{user}', id, 'Üser {number}', '{{"n": {number}}}' FROM "Tenancy" WHERE "projectId" = '{project}'
      ON CONFLICT ("tenancyId", "projectUserId") DO UPDATE SET "displayName" = EXCLUDED."displayName")";
    case update_user:
      return R"(UPDATE "ProjectUser" SET "displayName" = 'named {number}', "serverMetadata" = '{{"n": {number}}}'
      WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}')";
    case delete_user:
      return R"(DELETE FROM "ProjectUser" WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}')";
    case recreate_user:
      return R"(DELETE FROM "ProjectUser" WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}';
      INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName")
      SELECT id, '{user}', id, 'again {number}' FROM "Tenancy" WHERE "projectId" = '{project}')";
    case rekey_user:
      return R"(UPDATE "ProjectUser" SET "projectUserId" = '{other_user}' WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}')";
    case move_user:
      return R"(DELETE FROM "TeamMember" WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}';
      UPDATE "ProjectUser" AS u SET "tenancyId" = t.id, "mirroredProjectId" = t.id FROM "Tenancy" AS t
      WHERE t."projectId" = '{other_project}' AND u."tenancyId" = {tenancy} AND u."projectUserId" = '{user}')";

    case create_channel:
      return R"(INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, "isPrimary", "usedForAuth", value)
      SELECT "tenancyId", "projectUserId", '{channel}', {is_primary}, {is_primary}, '{number}@example.com'
      FROM "ProjectUser" WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}' ON CONFLICT DO NOTHING)";
    case update_channel:
      return R"(UPDATE "ContactChannel" SET value = '{number}@example.org', "isVerified" = NOT "isVerified"
      WHERE "tenancyId" = {tenancy} AND id = '{channel}')";
    case delete_channel:
      return R"(DELETE FROM "ContactChannel" WHERE "tenancyId" = {tenancy} AND id = '{channel}')";
    case recreate_channel:
      return R"(DELETE FROM "ContactChannel" WHERE "tenancyId" = {tenancy} AND id = '{channel}';
      INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, value)
      SELECT "tenancyId", "projectUserId", '{channel}', '{number}@example.net'
      FROM "ProjectUser" WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}')";
    case move_channel:
      return R"(UPDATE "ContactChannel" AS c SET "projectUserId" = u."projectUserId", "isPrimary" = {is_primary} FROM "ProjectUser" AS u
      WHERE u."tenancyId" = {tenancy} AND u."projectUserId" = '{user}' AND c."tenancyId" = u."tenancyId" AND c.id = '{channel}')";
    case switch_primary:
      return R"(UPDATE "ContactChannel" SET "isPrimary" = NULL WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}';
      UPDATE "ContactChannel" SET "isPrimary" = 'TRUE' WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}' AND id = '{channel}')";

    case create_team:
      return R"(INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "displayName")
      SELECT id, '{team}', id, 'team {number}' FROM "Tenancy" WHERE "projectId" = '{project}' ON CONFLICT DO NOTHING)";
    case update_team:
      return R"(UPDATE "Team" SET "displayName" = 'called {number}', "profileImageUrl" = 'https://example.com/{number}'
      WHERE "tenancyId" = {tenancy} AND "teamId" = '{team}')";
    case delete_team:
      return R"(DELETE FROM "Team" WHERE "tenancyId" = {tenancy} AND "teamId" = '{team}')";
    case rekey_team:
      return R"(UPDATE "Team" SET "teamId" = '{other_team}' WHERE "tenancyId" = {tenancy} AND "teamId" = '{team}')";

    case create_member:
      return R"(INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId", "displayName")
      SELECT u."tenancyId", u."projectUserId", t."teamId", 'member {number}' FROM "ProjectUser" AS u JOIN "Team" AS t ON t."tenancyId" = u."tenancyId"
      WHERE u."tenancyId" = {tenancy} AND u."projectUserId" = '{user}' AND t."teamId" = '{team}' ON CONFLICT DO NOTHING)";
    case update_member:
      return R"(UPDATE "TeamMember" SET "displayName" = NULL, "profileImageUrl" = 'https://example.com/{number}'
      WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}')";
    case delete_member:
      return R"(DELETE FROM "TeamMember" WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}' AND "teamId" = '{team}')";
    case move_member:
      return R"(UPDATE "TeamMember" SET "teamId" = '{other_team}'
      WHERE "tenancyId" = {tenancy} AND "projectUserId" = '{user}' AND "teamId" = '{team}')";

    case create_many:
      return R"(WITH u AS (
        INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "displayName")
        SELECT id, ('10000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, id, 'one of many {number}'
        FROM "Tenancy", generate_series({many}, {last_of_many}) AS i WHERE "projectId" = '{project}' ON CONFLICT DO NOTHING
        RETURNING "tenancyId", "projectUserId")
      INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, "isPrimary", value)
      SELECT "tenancyId", "projectUserId", ('2' || substr("projectUserId"::text, 2))::uuid, 'TRUE', "projectUserId" || '@example.com' FROM u
      ON CONFLICT DO NOTHING)";
    case update_many:
      return R"(UPDATE "ProjectUser" SET "displayName" = 'all named {number}' WHERE "tenancyId" = {tenancy})";
    case delete_many:
      return R"(DELETE FROM "ProjectUser" WHERE "tenancyId" = {tenancy} AND "projectUserId" > '10000000-0000-4000-8000-000000000099')";

    case truncate_users:
      return R"(TRUNCATE "ProjectUser" CASCADE)";
    case truncate_channels:
      return R"(TRUNCATE "ContactChannel")";
    case truncate_members:
      return R"(TRUNCATE "TeamMember")";
    case truncate_teams:
      return R"(TRUNCATE "Team" CASCADE)";

    case create_tenancy:
      return R"(INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization")
      SELECT '{tenancy_id}', id, 'TRUE' FROM "Project" WHERE id = '{project}' ON CONFLICT DO NOTHING)";
    case create_other_tenancy:
      return R"(INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization")
      SELECT gen_random_uuid(), id, 'TRUE' FROM "Project" WHERE id = '{project}' ON CONFLICT DO NOTHING)";
    case delete_tenancy:
      return R"(DELETE FROM "Tenancy" WHERE "projectId" = '{project}')";
    case recreate_tenancy:
      return R"(DELETE FROM "Tenancy" WHERE "projectId" = '{project}';
      INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization") SELECT '{tenancy_id}', id, 'TRUE' FROM "Project" WHERE id = '{project}')";
    case rekey_tenancy:
      return R"(UPDATE "Tenancy" SET id = gen_random_uuid() WHERE "projectId" = '{project}')";

    case create_project:
      return "{create_project}";
    case delete_project:
      return R"(DELETE FROM "Project" WHERE id = '{project}')";
    case recreate_project:
      return R"(DELETE FROM "Project" WHERE id = '{project}'; {create_project}; INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization")
      SELECT '{tenancy_id}', id, 'TRUE' FROM "Project" WHERE id = '{project}' ON CONFLICT DO NOTHING)";
  }
  throw std::logic_error("no such action");
}

/// What an application expects to be told now and then: a constraint, a serialization failure, a deadlock, no lock in time, TRUNCATE above READ COMMITTED,
/// and two tenancies of a project where a snapshot shows the one that was deleted meanwhile beside the transaction's own.
bool is_refusal(std::string_view sqlstate) {
  return sqlstate.starts_with("23") || sqlstate == "40001" || sqlstate == "40P01" || sqlstate == "55P03" || sqlstate == "0A000" ||
         sqlstate == "21000";
}

/// What the source knows of work that is not done: for the message of a test that waited in vain.
std::string unfinished(Session& source) {
  std::string text = "\nunfinished:\n";
  for (
      const auto* sql :
      {R"(SELECT 'request ' || r."tenancyId" || ' ' || to_json(r) FROM "OutgoingRequest" AS r LIMIT 10)",
       // One that came back under its own id waits for its next deletion.
       R"(SELECT 'deleted ' || to_json(d) FROM tributary.deleted_tenancy AS d WHERE NOT EXISTS (SELECT FROM "Tenancy" AS t WHERE t.id = d."tenancyId") LIMIT 10)",
       "SELECT 'parked ' || to_json(s) FROM tributary.destination_state AS s LIMIT 10",
       "SELECT 'quarantined ' || to_json(q) FROM tributary.quarantine AS q LIMIT 10",
       "SELECT 'mend ' || to_json(m) FROM tributary.mend AS m ORDER BY requested_at DESC LIMIT 40",
       "SELECT 'jump ' || to_json(j) FROM tributary.sequence_jump AS j LIMIT 10",
       "SELECT 'marker ' || to_json(m) FROM tributary.marker AS m LIMIT 10",
       R"(SELECT 'tombstone ' || to_json(d) FROM "DeletedRow" AS d WHERE "shouldUpdateSequenceId" LIMIT 10)"}) {
    for (auto& row : source.rows(sql)) text += row.at(0).value_or("") + '\n';
  }
  return text;
}

/// Adds that to what was waited for in vain.
template <class Wait>
void wait_with_details(Session& source, Wait wait) {
  try {
    wait();
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(error.what() + unfinished(source));
  }
}

void wait_until_empty(Session& session, std::string_view table, std::string_view what, std::chrono::seconds limit) {
  const auto count = fmt::format("SELECT count(*) FROM {}", table);
  wait_until([&] { return session.run("SELECT pg_sleep(0.01)"), session.number(count) == 0; }, what, limit);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Operation& operation) {
  return out << text_of(operation.action).substr(0, 60) << "… (" << operation.tenancy << ", " << operation.first << ", "
             << operation.second << ", " << operation.number << ")";
}

std::span<const Action> action_bag() {
  static const auto bag = [] {
    std::vector<Action> actions;
    for (const auto& [action, times] : kFrequencies) actions.insert(actions.end(), static_cast<std::size_t>(times), action);
    return actions;
  }();
  return bag;
}

Operation random_operation(std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return static_cast<unsigned>(random() % bound); };
  const auto bag = action_bag();
  return {.action = bag[below(bag.size())],
          .tenancy = below(Application::kTenancies),
          .first = below(24),
          .second = below(24),
          .number = below(1'000)};
}

Application::Application(const Database& source, std::string destination_port)
    : source_(source), destination_port_(std::move(destination_port)) {
  auto session = source.session();
  complete(session);
  complete(session, kLedger);
}

std::string Application::create_project(unsigned tenancy) const {
  std::string entries;
  for (const auto& customer : customers_[tenancy]) {
    entries +=
        fmt::format(R"({}"{}": {{"type": "postgres", "connectionString": "{}"}})", entries.empty() ? "" : ", ", customer.name(),
                    destination_port_.empty() ? customer.uri() : with_port(customer.uri(), destination_port_));
  }
  return fmt::format(
      R"(INSERT INTO "Project" (id, "configOverride") VALUES ('{}', '{{"dbSync.externalDatabases": {{{}}}}}') ON CONFLICT DO NOTHING)",
      project(tenancy), entries);
}

std::string Application::sql(const Operation& operation) const {
  const auto other = (operation.tenancy + 1) % kTenancies;
  const auto many = 100 + operation.second % 3 * kMany;
  using fmt::arg;
  return fmt::format(
      fmt::runtime(text_of(operation.action)), arg("project", project(operation.tenancy)), arg("other_project", project(other)),
      arg("tenancy", fmt::format(R"((SELECT id FROM "Tenancy" WHERE "projectId" = '{}'))", project(operation.tenancy))),
      arg("tenancy_id", uuid(1 + operation.tenancy * 0x5000'0000)), arg("create_project", create_project(operation.tenancy)),
      arg("user", user(operation.first)), arg("other_user", user(operation.second)), arg("channel", channel(operation.second)),
      arg("team", team(operation.second)), arg("other_team", team(operation.second + 1 + operation.number % 2)),
      arg("is_primary", operation.number % 2 == 0 ? "'TRUE'" : "NULL"), arg("number", operation.number), arg("many", many),
      arg("last_of_many", many + kMany - 1));
}

void Application::complete(Session& session) const {
  for (unsigned tenancy = 0; tenancy < kTenancies; ++tenancy) complete(session, tenancy);
}

void Application::complete(Session& session, unsigned tenancy) const {
  for (const auto action : {Action::create_project, Action::create_tenancy, Action::create_user})
    session.run(sql({.action = action, .tenancy = tenancy}));
}

void Application::wait_until_equal(Session& session, unsigned tenancy, std::chrono::seconds limit) const {
  const auto id = tenant(session, tenancy).tenancy;
  for (const auto& customer : customers_[tenancy]) {
    auto customer_session = customer.session();
    test::wait_until_equal(session, id, customer_session, limit);
  }
}

void Application::wait_until_equal(std::chrono::seconds limit) const {
  auto session = source_.session();
  wait_with_details(session, [&] {
    for (unsigned tenancy = 0; tenancy < customers_.size(); ++tenancy) wait_until_equal(session, tenancy, limit);
    wait_until_empty(session, R"("OutgoingRequest")", "the queue is empty", limit);
  });
}

void Application::wait_for_progress(std::chrono::seconds limit) const {
  auto customer = customers_[kLedger].front().session();
  const auto watermark = [&] {
    return customer.value("SELECT last_synced_sequence_id FROM public._stack_sync_metadata WHERE mapping_name = 'users'");
  };
  const auto before = watermark();
  wait_until([&] { return customer.run("SELECT pg_sleep(0.005)"), watermark() != before; }, "something more is applied", limit);
}

TenantName Application::tenant(Session& session, unsigned tenancy) const {
  const auto rows = session.rows(fmt::format(R"(SELECT id FROM "Tenancy" WHERE "projectId" = '{}')", project(tenancy)));
  return {.tenancy = rows.empty() ? uuid(0) : rows.at(0).at(0).value(), .project = project(tenancy)};
}

void Application::delete_everything(std::chrono::seconds limit) const {
  auto session = source_.session();
  delete_projects(session, fmt::format("id <> '{}'", project(kLedger)), limit);
  wait_with_details(session, [&] { wait_until_equal(session, kLedger, limit); });
  delete_projects(session, "true", limit);
  for (const auto& customers : customers_) {
    for (const auto& customer : customers) {
      auto customer_session = customer.session();
      const auto rest = difference(session, uuid(0), customer_session);
      if (!rest.empty()) throw std::runtime_error("rows of a deleted tenancy are left:\n" + rest);
    }
  }
}

void Application::delete_projects(Session& session, std::string_view condition, std::chrono::seconds limit) const {
  session.run(fmt::format("DELETE FROM \"Project\" WHERE {}", condition));
  wait_with_details(session,
                    [&] { wait_until_empty(session, "tributary.deleted_tenancy", "deleted tenancies are forgotten", limit); });
}

void expect_equal_views(Session& source, const Application& application, const AskClickHouse& ask, std::chrono::seconds limit) {
  for (unsigned tenancy = 0; tenancy <= Application::kLedger; ++tenancy)
    wait_until_equal(source, application.tenant(source, tenancy), ask, limit);
}

void expect_equal_views(Session& source, const Application& application, const ClickHouse& clickhouse,
                        std::chrono::seconds limit) {
  expect_equal_views(
      source, application, [&](const TenantName&, const std::string& sql) { return clickhouse.strings(sql); }, limit);
}

Client::Client(const Application& application) : application_(application), session_(application.source().uri()) {
  session_.run("SET lock_timeout = '20ms'");
}

void Client::perform(const Operation& operation) {
  const auto action = operation.action;
  const bool begins = action == Action::begin || action == Action::begin_repeatable_read;
  const bool ends = action == Action::commit || action == Action::rollback;
  if (begins                                ? in_transaction_
      : ends || action == Action::savepoint ? !in_transaction_
                                            : action == Action::rollback_to_savepoint && !has_savepoint_)
    return;

  const auto sqlstate = session_.attempt(application_.sql(operation));
  if (!sqlstate.empty()) {
    if (!is_refusal(sqlstate)) throw std::runtime_error("SQLSTATE " + sqlstate + " from: " + application_.sql(operation));
    session_.run("ROLLBACK");
  }
  if (ends || !sqlstate.empty())
    in_transaction_ = has_savepoint_ = false;
  else if (begins)
    in_transaction_ = true;
  else if (action == Action::savepoint)
    has_savepoint_ = true;
}

void Client::finish() { perform({.action = Action::commit}); }

}  // namespace tributary::test
