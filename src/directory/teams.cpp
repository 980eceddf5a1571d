#include "directory/teams.hpp"

#include "directory/team_row.hpp"
#include "directory/user_row.hpp"

namespace tributary::directory {
namespace {

// No row: there is no such tenancy.
const std::string kCreate = fmt::format(R"sql(
WITH t AS (
  INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "mirroredBranchId", "displayName", "profileImageUrl",
                      "clientMetadata", "clientReadOnlyMetadata", "serverMetadata", "createdAt", "updatedAt")
  SELECT id, $2, "projectId", "branchId", $3, $4, $5, $6, $7, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
  FROM "Tenancy"
  WHERE id = $1
  RETURNING *
), creator AS (
  INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId", "createdAt", "updatedAt")
  SELECT t."tenancyId", $8, t."teamId", t."createdAt", t."createdAt"
  FROM t
  WHERE $8 IS NOT NULL
)
SELECT {}
FROM t)sql",
                                        kTeamColumns);

const std::string kRead = fmt::format(R"sql(
SELECT {}
FROM "Team" AS t
WHERE t."tenancyId" = $1 AND t."teamId" = $2)sql",
                                      kTeamColumns);

const std::string kUpdate = fmt::format(R"sql(
UPDATE "Team" AS t
SET {}, {}, {}, {}, {}, "updatedAt" = now() AT TIME ZONE 'UTC'
WHERE t."tenancyId" = $1 AND t."teamId" = $2
RETURNING {})sql",
                                        assign("displayName", 3), assign("profileImageUrl", 5), assign("clientMetadata", 7),
                                        assign("clientReadOnlyMetadata", 9), assign("serverMetadata", 11), kTeamColumns);

constexpr std::string_view kDelete = R"sql(DELETE FROM "Team" WHERE "tenancyId" = $1 AND "teamId" = $2)sql";

constexpr std::string_view kOfMember = R"sql(
JOIN "TeamMember" AS m ON m."tenancyId" = t."tenancyId" AND m."teamId" = t."teamId" AND m."projectUserId" = $6)sql";

/// $1 tenancy, $2 to $4 the cursor, $5 the limit, $6 the member, where one is asked for.
std::string list_sql(bool of_member, const PageRequest& page) {
  return fmt::format(R"sql(
SELECT {}
FROM "Team" AS t {}
WHERE t."tenancyId" = $1{}{}
ORDER BY t."createdAt", t."teamId"
LIMIT $5)sql",
                     kTeamColumns, of_member ? kOfMember : "", of_member ? "" : in_order_of(R"(t."createdAt")"),
                     behind(page, R"(t."createdAt", t."teamId")"));
}

}  // namespace

Team read_team_row(Row& row) {
  Team team;
  team.id = row.next<Uuid>();
  team.display_name = row.next<std::string>();
  team.profile_image_url = row.next<std::optional<std::string>>();
  team.client_metadata = row.next<std::optional<Json>>();
  team.client_read_only_metadata = row.next<std::optional<Json>>();
  team.server_metadata = row.next<std::optional<Json>>();
  team.created_at = row.next<Timestamp>();
  return team;
}

Error team_not_found(const Uuid& team) {
  return {Refusal::team_not_found, "Team " + team.to_string() + " not found.", {{"team_id", team.to_string()}}};
}

asio::awaitable<Team> create_team(postgres::Connection& connection, Tenancy tenancy, TeamFields fields,
                                  std::optional<Uuid> creator, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy.id).add(Uuid::random()).add(fields.display_name.value());
  add(params, or_null(fields.profile_image_url.value_or(std::nullopt)));
  add(params, fields.client_metadata.value_or(std::nullopt));
  add(params, fields.client_read_only_metadata.value_or(std::nullopt));
  add(params, fields.server_metadata.value_or(std::nullopt));
  params.add(creator, postgres::oid::kUuid);
  try {
    const auto result = co_await run(connection, kCreate, std::move(params), deadline);
    if (result.empty()) throw project_not_found(tenancy.project);
    Row row(result, 0);
    co_return read_team_row(row);
  } catch (const postgres::Error& error) {
    if (is_foreign_key_violation(error) && names_column(error, "projectUserId"))
      throw of_field("creator_user_id", user_not_found());
    refuse_value(error);
  }
}

asio::awaitable<Team> read_team(postgres::Connection& connection, Tenancy tenancy, Uuid team, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy.id).add(team);
  const auto result = co_await run(connection, kRead, std::move(params), deadline);
  if (result.empty()) throw team_not_found(team);
  Row row(result, 0);
  co_return read_team_row(row);
}

asio::awaitable<Team> update_team(postgres::Connection& connection, Tenancy tenancy, Uuid team, TeamFields fields,
                                  Deadline deadline) {
  postgres::Params params;
  params.add(tenancy.id).add(team);
  params.add(fields.display_name.has_value()).add(fields.display_name.value_or(""));
  if (fields.profile_image_url) fields.profile_image_url = or_null(*fields.profile_image_url);
  add_change(params, fields.profile_image_url);
  add_change(params, fields.client_metadata);
  add_change(params, fields.client_read_only_metadata);
  add_change(params, fields.server_metadata);
  try {
    const auto result = co_await run(connection, kUpdate, std::move(params), deadline);
    if (result.empty()) throw team_not_found(team);
    Row row(result, 0);
    co_return read_team_row(row);
  } catch (const postgres::Error& error) {
    refuse_value(error);
  }
}

asio::awaitable<void> delete_team(postgres::Connection& connection, Tenancy tenancy, Uuid team, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy.id).add(team);
  const auto result = co_await run(connection, kDelete, std::move(params), deadline);
  if (result.affected_rows() == 0) throw team_not_found(team);
}

asio::awaitable<Page<Team>> list_teams(postgres::Connection& connection, Tenancy tenancy, std::optional<Uuid> member,
                                       PageRequest page, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy.id);
  add_page(params, page);
  if (member) params.add(*member);
  const auto sql = list_sql(member.has_value(), page);
  const auto result = co_await run(connection, sql, std::move(params), deadline);
  std::vector<Team> teams;
  for (std::size_t i = 0; i < result.rows(); ++i) {
    Row row(result, i);
    teams.push_back(read_team_row(row));
  }
  co_return cut(std::move(teams), page, [](const Team& team) { return Cursor{.at = team.created_at, .id = team.id}; });
}

}  // namespace tributary::directory
