#include "directory/users.hpp"

#include <algorithm>

#include "directory/team_row.hpp"
#include "directory/user_row.hpp"

namespace tributary::directory {

std::string user_columns() {
  return fmt::format(R"(u."projectUserId", u."displayName", u."profileImageUrl",
       c.value, coalesce(c."isVerified", false), c."usedForAuth" IS NOT NULL,
       u."clientMetadata", u."clientReadOnlyMetadata", u."serverMetadata", u."isAnonymous",
       u."restrictedByAdmin", u."restrictedByAdminReason", u."restrictedByAdminPrivateDetails",
       u."signUpRiskScoreBot", u."signUpRiskScoreFreeTrialAbuse", u."signedUpAt", u."lastActiveAt",
       {})",
                     kTeamColumns);
}

// One row each, by the table's keys. Looked up per user: with joins, a server that has no statistics of new tables yet compares each with each.
const std::string_view kUserJoins = R"(
LEFT JOIN LATERAL (
  SELECT *
  FROM "ContactChannel" AS c
  WHERE c."tenancyId" = u."tenancyId" AND c."projectUserId" = u."projectUserId" AND c.type = 'EMAIL' AND c."isPrimary" = 'TRUE'
  LIMIT 1
) AS c ON true
LEFT JOIN LATERAL (
  SELECT t.*
  FROM "TeamMember" AS selected
  JOIN "Team" AS t ON t."tenancyId" = selected."tenancyId" AND t."teamId" = selected."teamId"
  WHERE selected."tenancyId" = u."tenancyId" AND selected."projectUserId" = u."projectUserId" AND selected."isSelected" = 'TRUE'
  LIMIT 1
) AS t ON true)";

const std::string_view kLockUser = R"sql(
SELECT FROM "ProjectUser" WHERE "tenancyId" = $1 AND "projectUserId" = $2 FOR NO KEY UPDATE)sql";

const std::string_view kDemoteChannels = R"sql(
UPDATE "ContactChannel"
SET "isPrimary" = NULL, "updatedAt" = now() AT TIME ZONE 'UTC'
WHERE "tenancyId" = $1 AND "projectUserId" = $2 AND type = 'EMAIL' AND "isPrimary" = 'TRUE' AND value IS DISTINCT FROM $3)sql";

namespace {

// No row: there is no such tenancy.
const std::string kCreate = fmt::format(R"sql(
WITH u AS (
  INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "mirroredBranchId", "displayName", "profileImageUrl",
                             "clientMetadata", "clientReadOnlyMetadata", "serverMetadata", "isAnonymous", "restrictedByAdmin",
                             "restrictedByAdminReason", "restrictedByAdminPrivateDetails",
                             "signedUpAt", "lastActiveAt", "createdAt", "updatedAt")
  SELECT id, $2, "projectId", "branchId", $3, $4, $5, $6, $7, $8, $9, $10, $11,
         now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
  FROM "Tenancy"
  WHERE id = $1
  RETURNING *
), c AS (
  INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, type, "isPrimary", "usedForAuth", "isVerified", value,
                                "createdAt", "updatedAt")
  SELECT u."tenancyId", u."projectUserId", $12, 'EMAIL', 'TRUE', CASE WHEN $15 THEN 'TRUE'::"BooleanTrue" END, $14, $13,
         u."createdAt", u."createdAt"
  FROM u
  WHERE $13 IS NOT NULL
  RETURNING *
)
SELECT {}
FROM u
LEFT JOIN c ON true
LEFT JOIN "Team" AS t ON false)sql",
                                        user_columns());

const std::string kRead = fmt::format(R"sql(
SELECT {}
FROM "ProjectUser" AS u {}
WHERE u."tenancyId" = $1 AND u."projectUserId" = $2)sql",
                                      user_columns(), kUserJoins);

constexpr std::string_view kDelete = R"sql(DELETE FROM "ProjectUser" WHERE "tenancyId" = $1 AND "projectUserId" = $2)sql";

/// Text that LIKE finds anywhere.
std::string anywhere(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + '%';
}

/// $1 tenancy, $2 to $4 the cursor, $5 the limit, then the filter's, each where it is wanted.
Statement list_statement(const Tenancy& tenancy, const UserFilter& filter, const PageRequest& page) {
  Statement statement;
  auto& params = statement.params;
  params.add(tenancy.id);
  add_page(params, page);
  auto conditions = in_order_of(R"(u."signedUpAt")");
  const auto need = [&](std::string_view condition) { conditions += "\n  AND " + std::string(condition); };
  if (filter.only_anonymous) need(R"(u."isAnonymous")");
  if (!filter.only_anonymous && !filter.include_anonymous) need(R"(NOT u."isAnonymous")");
  if (!filter.include_restricted && !filter.include_anonymous) need(R"(NOT u."restrictedByAdmin")");
  if (filter.team) {
    params.add(*filter.team);
    need(fmt::format(R"(EXISTS (SELECT FROM "TeamMember" AS m
       WHERE m."tenancyId" = u."tenancyId" AND m."projectUserId" = u."projectUserId" AND m."teamId" = ${}))",
                     params.size()));
  }
  if (!filter.text.empty()) {
    params.add(anywhere(filter.text));
    const auto pattern = params.size();
    params.add(Uuid::parse(filter.text), postgres::oid::kUuid);
    need(fmt::format(R"((u."displayName" ILIKE ${0} OR u."projectUserId" = ${1}
       OR EXISTS (SELECT FROM "ContactChannel" AS v
                  WHERE v."tenancyId" = u."tenancyId" AND v."projectUserId" = u."projectUserId" AND v.value ILIKE ${0})))",
                     pattern, params.size()));
  }
  conditions += behind(page, R"(u."signedUpAt", u."projectUserId")", "$3", filter.descending ? "<" : ">");
  const auto order = fmt::format(R"(ORDER BY u."signedUpAt" {0}, u."projectUserId" {0})", filter.descending ? "DESC" : "ASC");
  statement.sql = fmt::format(R"sql(
SELECT {}
FROM (
  SELECT *
  FROM "ProjectUser" AS u
  WHERE u."tenancyId" = $1{}
  {}
  LIMIT $5
) AS u {}
{})sql",
                              user_columns(), conditions, order, kUserJoins, order);
  return statement;
}

}  // namespace

Error user_not_found() { return {Refusal::user_not_found, "User not found."}; }

Error project_not_found(const std::string& project) {
  return {Refusal::project_not_found,
          "Project " + project + " not found or is not accessible with the current user.",
          {{"project_id", project}}};
}

Error of_field(std::string_view field, const Error& error) {
  return {error.refusal(), std::string(field) + ": " + error.what(), error.details()};
}

User read_user_row(Row& row) {
  User user;
  user.id = row.next<Uuid>();
  user.display_name = row.next<std::optional<std::string>>();
  user.profile_image_url = row.next<std::optional<std::string>>();
  user.primary_email = row.next<std::optional<std::string>>();
  user.primary_email_verified = row.next<bool>();
  user.primary_email_auth_enabled = row.next<bool>();
  user.client_metadata = row.next<std::optional<Json>>();
  user.client_read_only_metadata = row.next<std::optional<Json>>();
  user.server_metadata = row.next<std::optional<Json>>();
  user.is_anonymous = row.next<bool>();
  user.restricted_by_admin = row.next<bool>();
  user.restricted_by_admin_reason = row.next<std::optional<std::string>>();
  user.restricted_by_admin_private_details = row.next<std::optional<std::string>>();
  user.sign_up_risk_bot = row.next<std::int16_t>();
  user.sign_up_risk_free_trial_abuse = row.next<std::int16_t>();
  user.signed_up_at = row.next<Timestamp>();
  user.last_active_at = row.next<Timestamp>();
  if (row.has_value()) user.selected_team = read_team_row(row);
  return user;
}

std::string normalized_email(std::string_view address, std::string_view field) {
  constexpr std::string_view kBlanks = " \t\r\n";
  constexpr std::size_t kLongest = 320;  // RFC 5321: 64 bytes, '@' and 255 bytes
  const auto first = std::min(address.find_first_not_of(kBlanks), address.size());
  std::string email(address.substr(first, address.find_last_not_of(kBlanks) + 1 - first));
  for (auto& c : email) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const auto at = email.rfind('@');
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  if (at == std::string::npos || at == 0 || at + 1 == email.size() || std::ranges::any_of(email, is_control)) {
    throw Error(Refusal::invalid, std::string(field) + " must be an e-mail address, such as ada@example.com");
  }
  if (email.size() > kLongest) throw Error(Refusal::invalid, std::string(field) + " is longer than 320 bytes");
  return email;
}

asio::awaitable<User> create_user(postgres::Connection& connection, Tenancy tenancy, UserFields fields, Deadline deadline) {
  check_consistency(fields, {});
  const auto email = fields.primary_email.value_or(std::nullopt);
  postgres::Params params;
  params.add(tenancy.id).add(Uuid::random());
  add(params, or_null(fields.display_name.value_or(std::nullopt)));
  add(params, or_null(fields.profile_image_url.value_or(std::nullopt)));
  add(params, fields.client_metadata.value_or(std::nullopt));
  add(params, fields.client_read_only_metadata.value_or(std::nullopt));
  add(params, fields.server_metadata.value_or(std::nullopt));
  params.add(fields.is_anonymous.value_or(false)).add(fields.restricted_by_admin.value_or(false));
  add(params, or_null(fields.restricted_by_admin_reason.value_or(std::nullopt)));
  add(params, or_null(fields.restricted_by_admin_private_details.value_or(std::nullopt)));
  params.add(Uuid::random());
  add(params, email ? std::optional(normalized_email(*email, "primary_email")) : std::nullopt);
  params.add(fields.primary_email_verified.value_or(false)).add(fields.primary_email_auth_enabled.value_or(false));
  try {
    const auto result = co_await run(connection, kCreate, std::move(params), deadline);
    if (result.empty()) throw project_not_found(tenancy.project);
    Row row(result, 0);
    co_return read_user_row(row);
  } catch (const postgres::Error& error) {
    refuse_email(error, email.value_or(""), "primary_email");
  }
}

asio::awaitable<User> read_user(postgres::Connection& connection, Tenancy tenancy, Uuid user, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy.id).add(user);
  const auto result = co_await run(connection, kRead, std::move(params), deadline);
  if (result.empty()) throw user_not_found();
  Row row(result, 0);
  co_return read_user_row(row);
}

asio::awaitable<void> delete_user(postgres::Connection& connection, Tenancy tenancy, Uuid user, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy.id).add(user);
  const auto result = co_await run(connection, kDelete, std::move(params), deadline);
  if (result.affected_rows() == 0) throw user_not_found();
}

asio::awaitable<Page<User>> list_users(postgres::Connection& connection, Tenancy tenancy, UserFilter filter, PageRequest page,
                                       Deadline deadline) {
  auto statement = list_statement(tenancy, filter, page);
  const auto result = co_await run(connection, statement.sql, std::move(statement.params), deadline);
  std::vector<User> users;
  for (std::size_t i = 0; i < result.rows(); ++i) {
    Row row(result, i);
    users.push_back(read_user_row(row));
  }
  co_return cut(std::move(users), page, [](const User& user) { return Cursor{.at = user.signed_up_at, .id = user.id}; });
}

}  // namespace tributary::directory
