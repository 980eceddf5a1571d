#include "directory/memberships.hpp"

#include "directory/team_row.hpp"
#include "directory/user_row.hpp"

namespace tributary::directory {
namespace {

constexpr std::string_view kCreate = R"sql(
INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId", "createdAt", "updatedAt")
VALUES ($1, $2, $3, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'))sql";

constexpr std::string_view kDelete = R"sql(
DELETE FROM "TeamMember" WHERE "tenancyId" = $1 AND "projectUserId" = $2 AND "teamId" = $3)sql";

constexpr std::string_view kProfileColumns = R"(m."teamId", coalesce(m."displayName", u."displayName"),
       coalesce(m."profileImageUrl", u."profileImageUrl"), m."createdAt")";
constexpr std::string_view kProfileJoin = R"(
JOIN "ProjectUser" AS u ON u."tenancyId" = m."tenancyId" AND u."projectUserId" = m."projectUserId")";

const std::string kRead = fmt::format(R"sql(
SELECT {}, {}
FROM "TeamMember" AS m {} {}
WHERE m."tenancyId" = $1 AND m."projectUserId" = $2 AND m."teamId" = $3)sql",
                                      kProfileColumns, user_columns(), kProfileJoin, kUserJoins);

const std::string kUpdate = fmt::format(R"sql(
WITH m AS (
  UPDATE "TeamMember"
  SET {}, {}, "updatedAt" = now() AT TIME ZONE 'UTC'
  WHERE "tenancyId" = $1 AND "projectUserId" = $2 AND "teamId" = $3
  RETURNING *
)
SELECT {}, {}
FROM m {} {})sql",
                                        assign("displayName", 4), assign("profileImageUrl", 6), kProfileColumns, user_columns(),
                                        kProfileJoin, kUserJoins);

constexpr std::string_view kExist = R"sql(
SELECT $2 IS NULL OR EXISTS (SELECT FROM "ProjectUser" WHERE "tenancyId" = $1 AND "projectUserId" = $2),
       $3 IS NULL OR EXISTS (SELECT FROM "Team" WHERE "tenancyId" = $1 AND "teamId" = $3))sql";

constexpr std::string_view kListOrder = R"(m."createdAt", m."teamId", m."projectUserId")";

/// $1 tenancy, $2 to $4 the cursor, $5 the limit, then user and team, each where it is wanted.
Statement list_statement(const Tenancy& tenancy, std::optional<Uuid> team, std::optional<Uuid> user, const PageRequest& page) {
  Statement statement;
  auto& params = statement.params;
  params.add(tenancy.id);
  add_page(params, page);
  std::string conditions;
  const auto need = [&](std::string_view column, const std::optional<Uuid>& id) {
    if (!id) return;
    params.add(*id);
    conditions += fmt::format(R"( AND m."{}" = ${})", column, params.size());
  };
  need("projectUserId", user);
  need("teamId", team);
  if (!user && !team) conditions += in_order_of(R"(m."createdAt")");
  statement.sql = fmt::format(R"sql(
SELECT {0}, {1}
FROM (
  SELECT *
  FROM "TeamMember" AS m
  WHERE m."tenancyId" = $1{2}{3}
  ORDER BY {4}
  LIMIT $5
) AS m {5} {6}
ORDER BY {4})sql",
                              kProfileColumns, user_columns(), conditions, behind(page, kListOrder, "$3, $4"), kListOrder,
                              kProfileJoin, kUserJoins);
  return statement;
}

postgres::Params key(const Tenancy& tenancy, std::optional<Uuid> user, std::optional<Uuid> team) {
  postgres::Params params;
  params.add(tenancy.id).add(user, postgres::oid::kUuid).add(team, postgres::oid::kUuid);
  return params;
}

MemberProfile read_profile_row(Row row) {
  MemberProfile profile;
  profile.team = row.next<Uuid>();
  profile.display_name = row.next<std::optional<std::string>>();
  profile.profile_image_url = row.next<std::optional<std::string>>();
  profile.created_at = row.next<Timestamp>();
  profile.user = read_user_row(row);
  return profile;
}

Error membership_already_exists(const Uuid& team, const Uuid& user) {
  return {Refusal::membership_already_exists,
          "Team membership already exists: user_id " + user.to_string() + " is in team_id " + team.to_string() + '.',
          {{"team_id", team.to_string()}, {"user_id", user.to_string()}}};
}

/// Throws where the user, or else the team, does not exist.
asio::awaitable<void> require(postgres::Connection& connection, const Tenancy& tenancy, std::optional<Uuid> user,
                              std::optional<Uuid> team, Deadline deadline) {
  const auto exist = co_await run(connection, kExist, key(tenancy, user, team), deadline);
  if (!exist.get<bool>(0, 0)) throw user_not_found();
  if (!exist.get<bool>(0, 1)) throw team_not_found(team.value());
}

/// Of a membership that is not there: the user is not, or is not in the team.
asio::awaitable<void> refuse_absent(postgres::Connection& connection, const Tenancy& tenancy, Uuid team, Uuid user,
                                    Deadline deadline) {
  co_await require(connection, tenancy, user, std::nullopt, deadline);
  throw membership_not_found(team, user);
}

}  // namespace

Error membership_not_found(const Uuid& team, const Uuid& user) {
  return {Refusal::membership_not_found,
          "User " + user.to_string() + " is not found in team " + team.to_string() + '.',
          {{"team_id", team.to_string()}, {"user_id", user.to_string()}}};
}

asio::awaitable<void> create_membership(postgres::Connection& connection, Tenancy tenancy, Uuid team, Uuid user,
                                        Deadline deadline) {
  try {
    co_await run(connection, kCreate, key(tenancy, user, team), deadline);
  } catch (const postgres::Error& error) {
    if (is_unique_violation(error)) throw membership_already_exists(team, user);
    if (is_foreign_key_violation(error) && names_column(error, "teamId")) throw team_not_found(team);
    if (is_foreign_key_violation(error)) throw user_not_found();
    throw;
  }
}

asio::awaitable<void> delete_membership(postgres::Connection& connection, Tenancy tenancy, Uuid team, Uuid user,
                                        Deadline deadline) {
  const auto result = co_await run(connection, kDelete, key(tenancy, user, team), deadline);
  if (result.affected_rows() == 0) co_await refuse_absent(connection, tenancy, team, user, deadline);
}

asio::awaitable<MemberProfile> read_member_profile(postgres::Connection& connection, Tenancy tenancy, Uuid team, Uuid user,
                                                   Deadline deadline) {
  const auto result = co_await run(connection, kRead, key(tenancy, user, team), deadline);
  if (result.empty()) co_await refuse_absent(connection, tenancy, team, user, deadline);
  co_return read_profile_row(Row(result, 0));
}

asio::awaitable<MemberProfile> update_member_profile(postgres::Connection& connection, Tenancy tenancy, Uuid team, Uuid user,
                                                     MemberProfileFields fields, Deadline deadline) {
  auto params = key(tenancy, user, team);
  for (auto* text : {&fields.display_name, &fields.profile_image_url}) {
    if (*text) *text = or_null(**text);
  }
  add_change(params, fields.display_name);
  add_change(params, fields.profile_image_url);
  postgres::Result result;
  try {
    result = co_await run(connection, kUpdate, std::move(params), deadline);
  } catch (const postgres::Error& error) {
    refuse_value(error);
  }
  if (result.empty()) co_await refuse_absent(connection, tenancy, team, user, deadline);
  co_return read_profile_row(Row(result, 0));
}

asio::awaitable<Page<MemberProfile>> list_member_profiles(postgres::Connection& connection, Tenancy tenancy,
                                                          std::optional<Uuid> team, std::optional<Uuid> user, PageRequest page,
                                                          Deadline deadline) {
  if (team || user) co_await require(connection, tenancy, user, team, deadline);
  auto statement = list_statement(tenancy, team, user, page);
  const auto result = co_await run(connection, statement.sql, std::move(statement.params), deadline);
  std::vector<MemberProfile> profiles;
  for (std::size_t i = 0; i < result.rows(); ++i) profiles.push_back(read_profile_row(Row(result, i)));
  co_return cut(std::move(profiles), page, [](const MemberProfile& profile) {
    return Cursor{.at = profile.created_at, .id = profile.team, .second_id = profile.user.id};
  });
}

}  // namespace tributary::directory
