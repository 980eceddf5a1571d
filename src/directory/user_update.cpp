#include "directory/team_row.hpp"
#include "directory/user_row.hpp"

namespace tributary::directory {
namespace {

const std::string kUpdate = fmt::format(
    R"sql(
WITH u AS (
  UPDATE "ProjectUser"
  SET {}, {}, {}, {}, {}, {}, {}, {}, {},
      "signedUpAt" = CASE WHEN $13 AND "isAnonymous" AND NOT $14 THEN now() AT TIME ZONE 'UTC' ELSE "signedUpAt" END,
      "updatedAt" = now() AT TIME ZONE 'UTC'
  WHERE "tenancyId" = $1 AND "projectUserId" = $2
  RETURNING *
)
SELECT {}
FROM u {})sql",
    assign("displayName", 3), assign("profileImageUrl", 5), assign("clientMetadata", 7), assign("clientReadOnlyMetadata", 9),
    assign("serverMetadata", 11), assign("isAnonymous", 13), assign("restrictedByAdmin", 15),
    assign("restrictedByAdminReason", 17), assign("restrictedByAdminPrivateDetails", 19), user_columns(), kUserJoins);

const std::string kLookLocked = fmt::format(R"sql(
SELECT {}
FROM "ProjectUser" AS u {}
WHERE u."tenancyId" = $1 AND u."projectUserId" = $2
FOR NO KEY UPDATE OF u)sql",
                                            user_columns(), kUserJoins);

// $3 value, $4 new id, $5 used for authentication, $6 whether something is said of $7 verified
constexpr std::string_view kSetPrimary = R"sql(
INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, type, "isPrimary", "usedForAuth", "isVerified", value,
                              "createdAt", "updatedAt")
VALUES ($1, $2, $4, 'EMAIL', 'TRUE', CASE WHEN $5 THEN 'TRUE'::"BooleanTrue" END, $7, $3,
        now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')
ON CONFLICT ("tenancyId", "projectUserId", type, value) DO UPDATE
SET "isPrimary" = 'TRUE',
    "usedForAuth" = EXCLUDED."usedForAuth",
    "isVerified" = CASE WHEN $6 THEN $7 ELSE "ContactChannel"."isVerified" END,
    "updatedAt" = EXCLUDED."updatedAt")sql";

constexpr std::string_view kUnselectTeams = R"sql(
UPDATE "TeamMember"
SET "isSelected" = NULL, "updatedAt" = now() AT TIME ZONE 'UTC'
WHERE "tenancyId" = $1 AND "projectUserId" = $2 AND "isSelected" = 'TRUE' AND "teamId" IS DISTINCT FROM $3)sql";

constexpr std::string_view kSelectTeam = R"sql(
UPDATE "TeamMember"
SET "isSelected" = 'TRUE', "updatedAt" = now() AT TIME ZONE 'UTC'
WHERE "tenancyId" = $1 AND "projectUserId" = $2 AND "teamId" = $3)sql";

/// What the user is must be known before it can be told whether, or how, this update is possible.
bool depends_on_the_present(const UserFields& fields) {
  const auto says = [](const auto& change) { return change && *change && !(*change)->empty(); };
  return fields.primary_email || fields.primary_email_verified || fields.primary_email_auth_enabled || fields.selected_team ||
         (!fields.restricted_by_admin &&
          (says(fields.restricted_by_admin_reason) || says(fields.restricted_by_admin_private_details)));
}

postgres::Params update_params(const Tenancy& tenancy, Uuid user, UserFields fields) {
  for (auto* text : {&fields.display_name, &fields.profile_image_url, &fields.restricted_by_admin_reason,
                     &fields.restricted_by_admin_private_details}) {
    if (*text) *text = or_null(**text);
  }
  if (fields.restricted_by_admin == false) {
    fields.restricted_by_admin_reason = fields.restricted_by_admin_private_details = std::optional<std::string>();
  }
  postgres::Params params;
  params.add(tenancy.id).add(user);
  add_change(params, fields.display_name);
  add_change(params, fields.profile_image_url);
  add_change(params, fields.client_metadata);
  add_change(params, fields.client_read_only_metadata);
  add_change(params, fields.server_metadata);
  add_change(params, fields.is_anonymous);
  add_change(params, fields.restricted_by_admin);
  add_change(params, fields.restricted_by_admin_reason);
  add_change(params, fields.restricted_by_admin_private_details);
  return params;
}

/// Statements that make the contact channels what the update says of the primary e-mail; a user as locked.
std::vector<postgres::Command> channel_commands(const Tenancy& tenancy, const User& now, const UserFields& fields) {
  std::vector<postgres::Command> commands;
  if (!fields.primary_email && !fields.primary_email_verified && !fields.primary_email_auth_enabled) return commands;
  const auto email = fields.primary_email.value_or(now.primary_email);
  postgres::Params demoted;
  demoted.add(tenancy.id).add(now.id).add(email, postgres::oid::kText);
  commands.push_back({.sql = kDemoteChannels, .params = std::move(demoted)});
  if (!email) return commands;
  postgres::Params set;
  set.add(tenancy.id).add(now.id).add(*email).add(Uuid::random());
  set.add(fields.primary_email_auth_enabled.value_or(now.primary_email_auth_enabled));
  set.add(fields.primary_email_verified.has_value()).add(fields.primary_email_verified.value_or(false));
  commands.push_back({.sql = kSetPrimary, .params = std::move(set)});
  return commands;
}

asio::awaitable<void> select_team(postgres::Connection& connection, const Tenancy& tenancy, Uuid user, std::optional<Uuid> team,
                                  Deadline deadline) {
  postgres::Params params;
  params.add(tenancy.id).add(user).add(team, postgres::oid::kUuid);
  co_await connection.execute_prepared(kUnselectTeams, params, deadline);
  if (!team) co_return;
  const auto selected = co_await connection.execute_prepared(kSelectTeam, std::move(params), deadline);
  if (selected.affected_rows() == 0) throw of_field("selected_team_id", membership_not_found(*team, user));
}

User user_of(const postgres::Result& result) {
  if (result.empty()) throw user_not_found();
  Row row(result, 0);
  return read_user_row(row);
}

}  // namespace

void check_consistency(const UserFields& fields, const User& now) {
  const auto email = fields.primary_email.value_or(now.primary_email);
  const auto clears_email = fields.primary_email && !*fields.primary_email;
  const auto says = [](const auto& change) { return change && *change && !(*change)->empty(); };
  const auto holds = [&](const Change<bool>& change, bool otherwise) { return change.value_or(!clears_email && otherwise); };
  if (fields.primary_email && *fields.primary_email && (*fields.primary_email)->empty())
    throw Error(Refusal::invalid, "primary_email must be an e-mail address or null, not empty");
  if (!email && holds(fields.primary_email_auth_enabled, now.primary_email_auth_enabled))
    throw Error(Refusal::invalid, "primary_email_auth_enabled cannot be true without primary_email");
  if (!email && holds(fields.primary_email_verified, now.primary_email_verified))
    throw Error(Refusal::invalid, "primary_email_verified cannot be true without primary_email");
  if (fields.restricted_by_admin.value_or(now.restricted_by_admin)) return;
  if (says(fields.restricted_by_admin_reason))
    throw Error(Refusal::invalid, "restricted_by_admin_reason requires restricted_by_admin=true");
  if (says(fields.restricted_by_admin_private_details))
    throw Error(Refusal::invalid, "restricted_by_admin_private_details requires restricted_by_admin=true");
}

void refuse_email(const postgres::Error& error, const std::string& email, std::string_view field) {
  if (!is_unique_violation(error) || !names_column(error, "usedForAuth")) refuse_value(error);
  throw of_field(field,
                 {Refusal::user_email_already_exists, "A user with email \"" + email + "\" already exists.", {{"email", email}}});
}

asio::awaitable<User> update_user(postgres::Connection& connection, Tenancy tenancy, Uuid user, UserFields fields,
                                  Deadline deadline) {
  if (fields.primary_email && *fields.primary_email && !(*fields.primary_email)->empty())
    fields.primary_email = normalized_email(**fields.primary_email, "primary_email");
  std::string email;
  try {
    if (!depends_on_the_present(fields)) {
      co_return user_of(co_await run(connection, kUpdate, update_params(tenancy, user, std::move(fields)), deadline));
    }
    User updated;
    co_await in_transaction(connection, deadline, [&]() -> asio::awaitable<void> {
      postgres::Params key;
      key.add(tenancy.id).add(user);
      const auto now = user_of(co_await connection.execute_prepared(kLookLocked, std::move(key), deadline));
      check_consistency(fields, now);
      email = fields.primary_email.value_or(now.primary_email).value_or("");
      if (fields.selected_team) co_await select_team(connection, tenancy, user, *fields.selected_team, deadline);
      auto commands = channel_commands(tenancy, now, fields);
      commands.push_back({.sql = kUpdate, .params = update_params(tenancy, user, fields)});
      const auto results = co_await connection.execute_pipeline(std::move(commands), deadline);
      updated = user_of(results.back());
    });
    co_return updated;
  } catch (const postgres::Error& error) {
    refuse_email(error, email, fields.primary_email ? "primary_email" : "primary_email_auth_enabled");
  }
}

}  // namespace tributary::directory
