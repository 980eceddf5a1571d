#include "directory/contact_channels.hpp"

#include "directory/user_row.hpp"

namespace tributary::directory {
namespace {

constexpr std::string_view kColumns = R"(c."projectUserId", c.id, lower(c.type::text), c.value, c."isPrimary" IS NOT NULL,
       c."isVerified", c."usedForAuth" IS NOT NULL, c."createdAt")";

// No row: there is no such user.
const std::string kCreate = fmt::format(R"sql(
INSERT INTO "ContactChannel" AS c ("tenancyId", "projectUserId", id, type, "isPrimary", "isVerified", "usedForAuth", value,
                                   "createdAt", "updatedAt")
SELECT "tenancyId", "projectUserId", $3, 'EMAIL', CASE WHEN $5 THEN 'TRUE'::"BooleanTrue" END, $6,
       CASE WHEN $7 THEN 'TRUE'::"BooleanTrue" END, $4, now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
FROM "ProjectUser"
WHERE "tenancyId" = $1 AND "projectUserId" = $2
RETURNING {})sql",
                                        kColumns);

// $3 id, $4 and $5 value, $6 and $7 primary, $8 and $9 verified, $10 and $11 used for authentication
const std::string kUpdate = fmt::format(R"sql(
UPDATE "ContactChannel" AS c
SET value = CASE WHEN $4 THEN $5 ELSE value END,
    "isPrimary" = CASE WHEN NOT $6 THEN "isPrimary" WHEN $7 THEN 'TRUE'::"BooleanTrue" END,
    "isVerified" = CASE WHEN $8 THEN $9 ELSE "isVerified" AND NOT ($4 AND $5 <> value) END,
    "usedForAuth" = CASE WHEN NOT $10 THEN "usedForAuth" WHEN $11 THEN 'TRUE'::"BooleanTrue" END,
    "updatedAt" = now() AT TIME ZONE 'UTC'
WHERE c."tenancyId" = $1 AND c."projectUserId" = $2 AND c.id = $3
RETURNING {})sql",
                                        kColumns);

// The others only where there is the one that is to be primary instead.
constexpr std::string_view kDemoteOthers = R"sql(
UPDATE "ContactChannel" AS other
SET "isPrimary" = NULL, "updatedAt" = now() AT TIME ZONE 'UTC'
FROM "ContactChannel" AS c
WHERE c."tenancyId" = $1 AND c."projectUserId" = $2 AND c.id = $3
  AND other."tenancyId" = $1 AND other."projectUserId" = $2 AND other.type = c.type AND other.id <> c.id
  AND other."isPrimary" = 'TRUE')sql";

const std::string kRead = fmt::format(R"sql(
SELECT {}
FROM "ContactChannel" AS c
WHERE c."tenancyId" = $1 AND c."projectUserId" = $2 AND c.id = $3)sql",
                                      kColumns);

constexpr std::string_view kDelete = R"sql(
DELETE FROM "ContactChannel" WHERE "tenancyId" = $1 AND "projectUserId" = $2 AND id = $3)sql";

/// $1 tenancy, $2 to $4 the cursor, $5 the limit, $6 the user, where one is asked for.
std::string list_sql(bool of_user, const PageRequest& page) {
  return fmt::format(R"sql(
SELECT {}
FROM "ContactChannel" AS c
WHERE c."tenancyId" = $1{}{}
ORDER BY c."createdAt", c.id
LIMIT $5)sql",
                     kColumns, of_user ? R"( AND c."projectUserId" = $6)" : in_order_of(R"(c."createdAt")"),
                     behind(page, R"(c."createdAt", c.id)"));
}

ContactChannel read_row(Row row) {
  ContactChannel channel;
  channel.user = row.next<Uuid>();
  channel.id = row.next<Uuid>();
  channel.type = row.next<std::string>();
  channel.value = row.next<std::string>();
  channel.is_primary = row.next<bool>();
  channel.is_verified = row.next<bool>();
  channel.used_for_auth = row.next<bool>();
  channel.created_at = row.next<Timestamp>();
  return channel;
}

Error channel_not_found(const Uuid& channel) {
  return {Refusal::channel_not_found, "Contact channel not found.", {{"contact_channel_id", channel.to_string()}}};
}

postgres::Params user_key(const Tenancy& tenancy, Uuid user) {
  postgres::Params params;
  params.add(tenancy.id).add(user);
  return params;
}
postgres::Params channel_key(const Tenancy& tenancy, Uuid user, Uuid channel) {
  auto params = user_key(tenancy, user);
  params.add(channel);
  return params;
}

/// `field`: what would have made it a channel that somebody signs in with.
[[noreturn]] void refuse(const postgres::Error& error, const std::string& value, std::string_view field) {
  if (is_unique_violation(error) && names_column(error, "usedForAuth")) {
    throw of_field(field, {Refusal::channel_used_for_auth_by_other,
                           "This email \"(" + value + ")\" is already used for authentication by another account.",
                           {{"type", "email"}, {"contact_channel_value", value}}});
  }
  if (is_unique_violation(error) && names_column(error, "value")) {
    throw Error(Refusal::invalid, "value: the user has a contact channel \"" + value + "\" already");
  }
  refuse_value(error);
}

}  // namespace

// Those that change which channel is primary lock the user first: two at once are one after the other.

asio::awaitable<ContactChannel> create_contact_channel(postgres::Connection& connection, Tenancy tenancy, Uuid user,
                                                       ContactChannelFields fields, Deadline deadline) {
  const auto value = normalized_email(fields.value.value(), "value");
  std::vector<postgres::Command> commands;
  commands.push_back({.sql = kLockUser, .params = user_key(tenancy, user)});
  if (fields.is_primary.value_or(false)) {
    auto params = user_key(tenancy, user);
    params.add_null(postgres::oid::kText);
    commands.push_back({.sql = kDemoteChannels, .params = std::move(params)});
  }
  auto params = channel_key(tenancy, user, Uuid::random());
  params.add(value).add(fields.is_primary.value_or(false)).add(fields.is_verified.value_or(false));
  params.add(fields.used_for_auth.value_or(false));
  commands.push_back({.sql = kCreate, .params = std::move(params)});
  try {
    const auto results = co_await run(connection, std::move(commands), deadline);
    if (results.back().empty()) throw of_field("user_id", user_not_found());
    co_return read_row(Row(results.back(), 0));
  } catch (const postgres::Error& error) {
    refuse(error, value, "value");
  }
}

asio::awaitable<ContactChannel> read_contact_channel(postgres::Connection& connection, Tenancy tenancy, Uuid user, Uuid channel,
                                                     Deadline deadline) {
  const auto result = co_await run(connection, kRead, channel_key(tenancy, user, channel), deadline);
  if (result.empty()) throw channel_not_found(channel);
  co_return read_row(Row(result, 0));
}

asio::awaitable<ContactChannel> update_contact_channel(postgres::Connection& connection, Tenancy tenancy, Uuid user, Uuid channel,
                                                       ContactChannelFields fields, Deadline deadline) {
  if (fields.value) fields.value = normalized_email(*fields.value, "value");
  std::vector<postgres::Command> commands;
  commands.push_back({.sql = kLockUser, .params = user_key(tenancy, user)});
  if (fields.is_primary.value_or(false)) {
    commands.push_back({.sql = kDemoteOthers, .params = channel_key(tenancy, user, channel)});
  }
  auto params = channel_key(tenancy, user, channel);
  params.add(fields.value.has_value()).add(fields.value.value_or(""));
  add_change(params, fields.is_primary);
  add_change(params, fields.is_verified);
  add_change(params, fields.used_for_auth);
  commands.push_back({.sql = kUpdate, .params = std::move(params)});
  std::optional<postgres::Error> refused;
  try {
    const auto results = co_await run(connection, std::move(commands), deadline);
    if (results.back().empty()) throw channel_not_found(channel);
    co_return read_row(Row(results.back(), 0));
  } catch (const postgres::Error& error) {
    refused = error;
  }
  if (fields.value || !is_unique_violation(*refused)) refuse(*refused, fields.value.value_or(""), "value");
  const auto now = co_await read_contact_channel(connection, tenancy, user, channel, deadline);
  refuse(*refused, now.value, "used_for_auth");
}

asio::awaitable<void> delete_contact_channel(postgres::Connection& connection, Tenancy tenancy, Uuid user, Uuid channel,
                                             Deadline deadline) {
  const auto result = co_await run(connection, kDelete, channel_key(tenancy, user, channel), deadline);
  if (result.affected_rows() == 0) throw channel_not_found(channel);
}

asio::awaitable<Page<ContactChannel>> list_contact_channels(postgres::Connection& connection, Tenancy tenancy,
                                                            std::optional<Uuid> user, PageRequest page, Deadline deadline) {
  postgres::Params params;
  params.add(tenancy.id);
  add_page(params, page);
  if (user) params.add(*user);
  const auto sql = list_sql(user.has_value(), page);
  const auto result = co_await run(connection, sql, std::move(params), deadline);
  std::vector<ContactChannel> channels;
  for (std::size_t i = 0; i < result.rows(); ++i) channels.push_back(read_row(Row(result, i)));
  co_return cut(std::move(channels), page,
                [](const ContactChannel& channel) { return Cursor{.at = channel.created_at, .id = channel.id}; });
}

}  // namespace tributary::directory
