#include "support/clickhouse_compare.hpp"

#include <fmt/format.h>

#include <array>
#include <set>
#include <stdexcept>

#include "clickhouse/error.hpp"
#include "support/compare.hpp"

namespace tributary::test {
namespace {

/// Both say the same value in the same text; NULL is told from every text.
enum class As { text, boolean, time, json };
struct Field {
  As as = As::text;
  std::string_view source;
  std::string_view view;
};
struct Query {
  std::string_view table;
  std::string_view from;  ///< in the source; {} is the tenancy
  std::vector<Field> fields;
};

const std::array<Query, 4>& queries() {
  static const std::array<Query, 4> all = {{
      {"users",
       R"("ProjectUser" AS u
          LEFT JOIN (SELECT * FROM "ContactChannel" WHERE type = 'EMAIL' AND "isPrimary" = 'TRUE' OFFSET 0) AS c USING ("tenancyId", "projectUserId")
          WHERE u."tenancyId" = '{}')",
       {{As::text, R"(u."projectUserId")", "id"},
        {As::text, R"(u."displayName")", "display_name"},
        {As::text, R"(u."profileImageUrl")", "profile_image_url"},
        {As::text, "c.value", "primary_email"},
        {As::boolean, R"(coalesce(c."isVerified", false))", "primary_email_verified"},
        {As::time, R"(u."signedUpAt")", "signed_up_at"},
        {As::json, R"(u."clientMetadata")", "client_metadata"},
        {As::json, R"(u."clientReadOnlyMetadata")", "client_read_only_metadata"},
        {As::json, R"(u."serverMetadata")", "server_metadata"},
        {As::boolean, R"(u."isAnonymous")", "is_anonymous"},
        {As::boolean, R"(u."restrictedByAdmin")", "restricted_by_admin"},
        {As::text, R"(u."restrictedByAdminReason")", "restricted_by_admin_reason"},
        {As::text, R"(u."restrictedByAdminPrivateDetails")", "restricted_by_admin_private_details"}}},
      {"contact_channels",
       R"((SELECT DISTINCT ON (id) * FROM "ContactChannel" WHERE "tenancyId" = '{}' ORDER BY id, "sequenceId" DESC) AS newest)",
       {{As::text, "id", "id"},
        {As::text, R"("projectUserId")", "user_id"},
        {As::text, "type", "type"},
        {As::text, "value", "value"},
        {As::boolean, R"("isPrimary" IS NOT NULL)", "is_primary"},
        {As::boolean, R"("isVerified")", "is_verified"},
        {As::boolean, R"("usedForAuth" IS NOT NULL)", "used_for_auth"},
        {As::time, R"("createdAt")", "created_at"}}},
      {"teams",
       R"("Team" WHERE "tenancyId" = '{}')",
       {{As::text, R"("teamId")", "id"},
        {As::text, R"("displayName")", "display_name"},
        {As::text, R"("profileImageUrl")", "profile_image_url"},
        {As::time, R"("createdAt")", "created_at"},
        {As::json, R"("clientMetadata")", "client_metadata"},
        {As::json, R"("clientReadOnlyMetadata")", "client_read_only_metadata"},
        {As::json, R"("serverMetadata")", "server_metadata"}}},
      {"team_member_profiles",
       R"("TeamMember" WHERE "tenancyId" = '{}')",
       {{As::text, R"("teamId")", "team_id"},
        {As::text, R"("projectUserId")", "user_id"},
        {As::text, R"("displayName")", "display_name"},
        {As::text, R"("profileImageUrl")", "profile_image_url"},
        {As::time, R"("createdAt")", "created_at"}}},
  }};
  return all;
}

std::string in_source(const Field& field) {
  switch (field.as) {
    case As::boolean:
      return fmt::format("({})::int::text", field.source);
    case As::time:
      return fmt::format("to_char({}, 'YYYY-MM-DD HH24:MI:SS.MS')", field.source);
    case As::json:
      return fmt::format("coalesce({}, '{{}}')::text", field.source);
    case As::text:
      break;
  }
  return fmt::format("coalesce('=' || {}::text, 'NULL')", field.source);
}

std::string in_view(const Field& field) {
  if (field.as != As::text) return fmt::format("toString({})", field.view);
  return fmt::format("ifNull(concat('=', toString({})), 'NULL')", field.view);
}

std::string select(const Query& query, std::string (*text)(const Field&), std::string_view from) {
  std::string columns;
  for (const auto& field : query.fields) columns += (columns.empty() ? "" : " || ' | ' || ") + text(field);
  return fmt::format("SELECT {} FROM {}", columns, from);
}

std::multiset<std::string> values(Session& session, const std::string& sql) {
  std::multiset<std::string> all;
  for (auto& row : session.rows(sql)) all.insert(row.at(0).value_or(""));
  return all;
}

/// Where the tenancy stands and what there is of it, in both: for the message of a test that waited in vain.
std::string details(Session& source, const TenantName& tenant, const ClickHouse& clickhouse) {
  std::string text = "of tenancy " + tenant.tenancy + ", " + tenant.project + ":\n";
  for (const auto* sql : {
           "SELECT concat('watermark ', toString(tuple(* EXCEPT tenancy_id))) FROM analytics_internal._stack_sync_metadata WHERE "
           "tenancy_id = '{tenancy}'",
           "SELECT concat('team ', toString(tuple(id, sync_sequence_id, sync_is_deleted, sync_created_at))) FROM "
           "analytics_internal.teams WHERE project_id = '{project}' ORDER BY sync_sequence_id DESC LIMIT 60",
       }) {
    for (const auto& row : clickhouse.strings(
             fmt::format(fmt::runtime(sql), fmt::arg("tenancy", tenant.tenancy), fmt::arg("project", tenant.project))))
      text += row + '\n';
  }
  for (
      const auto* sql : {
          R"(SELECT 'in the source: team ' || ROW("teamId", "sequenceId", "shouldUpdateSequenceId")::text FROM "Team" WHERE "tenancyId" = '{tenancy}')",
          R"(SELECT 'in the source: tombstone ' || to_json(d) FROM "DeletedRow" AS d WHERE "tenancyId" = '{tenancy}' AND "tableName" = 'Team'
              ORDER BY "sequenceId" DESC LIMIT 40)",
          "SELECT 'mend ' || to_json(m) FROM tributary.mend AS m WHERE destination_id = '@clickhouse'",
          "SELECT 'left place ' || to_json(l) FROM tributary.left_place AS l",
          "SELECT 'deleted ' || to_json(d) FROM tributary.deleted_tenancy AS d",
          "SELECT 'jump ' || to_json(j) FROM tributary.sequence_jump AS j",
          R"(SELECT 'tenancy ' || to_json(t) FROM "Tenancy" AS t)",
      }) {
    for (auto& row : source.rows(fmt::format(fmt::runtime(sql), fmt::arg("tenancy", tenant.tenancy))))
      text += row.at(0).value_or("") + '\n';
  }
  return text;
}

AskClickHouse asking(const ClickHouse& clickhouse) {
  return [&clickhouse](const TenantName&, const std::string& sql) { return clickhouse.strings(sql); };
}

}  // namespace

std::string clickhouse_difference(Session& source, const TenantName& tenant, const AskClickHouse& ask) {
  std::string text;
  for (const auto& query : queries()) {
    const auto expected = values(source, select(query, in_source, fmt::format(fmt::runtime(query.from), tenant.tenancy)));
    const auto rows = ask(tenant, select(query, in_view,
                                         fmt::format("default.{} WHERE project_id = '{}' AND branch_id = '{}'", query.table,
                                                     tenant.project, tenant.branch)));
    const std::multiset<std::string> actual(rows.begin(), rows.end());
    int shown = 0;
    for (const auto& row : expected) {
      if (actual.count(row) != expected.count(row) && shown++ < 3)
        text += fmt::format("{}: missing or double {}\n", query.table, row);
    }
    for (const auto& row : actual) {
      if (!expected.contains(row) && shown++ < 6) text += fmt::format("{}: too much {}\n", query.table, row);
    }
  }
  return text;
}

std::string clickhouse_difference(Session& source, const TenantName& tenant, const ClickHouse& clickhouse) {
  return clickhouse_difference(source, tenant, asking(clickhouse));
}

void wait_until_equal(Session& source, const TenantName& tenant, const AskClickHouse& ask, std::chrono::seconds limit) {
  std::string last;
  try {
    wait_until(
        [&] {
          source.run("SELECT pg_sleep(0.02)");
          try {
            last = clickhouse_difference(source, tenant, ask);
          } catch (const tributary::clickhouse::Error& error) {
            last = error.what();  // not there yet
          }
          return last.empty();
        },
        "source and ClickHouse are equal", limit);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(error.what() + (":\n" + last));
  }
}

void wait_until_equal(Session& source, const TenantName& tenant, const ClickHouse& clickhouse, std::chrono::seconds limit) {
  try {
    wait_until_equal(source, tenant, asking(clickhouse), limit);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(error.what() + details(source, tenant, clickhouse));
  }
}

}  // namespace tributary::test
