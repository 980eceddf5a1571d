#include "mapping/clickhouse_access.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "mapping/clickhouse_parts.hpp"
#include "mapping/sql_parts.hpp"

namespace tributary::mapping::clickhouse {
namespace {

constexpr std::string_view kPolicy = "tributary_tenant";

/// Of what tenants have no business with. Every tenant query has readonly = 1; we ourselves have 0, or 2 in a request that only reads.
constexpr std::string_view kNotForTenants = "getSetting('readonly') != 1";

/// MIN 1, because zero means no bound at all and would pass a maximum.
std::string bound(std::string_view setting, std::uint64_t most) { return fmt::format("{0} = {1} MIN 1 MAX {1}", setting, most); }

std::string user_clauses(const TenantUser& user) {
  return fmt::format("IDENTIFIED WITH sha256_hash BY {}\nDEFAULT DATABASE {}\nSETTINGS {},\n         {}",
                     quote_clickhouse_literal(user.password_sha256), kViewDatabase,
                     bound("max_execution_time", static_cast<std::uint64_t>(user.most_time.count())),
                     bound("max_memory_usage", user.most_memory_bytes));
}

/// Text between tags or in an attribute.
std::string xml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (code < 0x20 && c != '\t' && c != '\n' && c != '\r')
      throw std::invalid_argument("a control character cannot stand in XML");
    if (code < 0x20 || std::string_view("&<>\"").find(c) != std::string_view::npos)
      result += fmt::format("&#{};", code);  // a tab or line break as itself would become a blank
    else
      result += c;
  }
  return result;
}

std::string grant_element(const std::string& grant) { return fmt::format("        <query>{}</query>\n", xml(grant)); }

/// Not an element of the database's or table's own name: not every name is one of XML's.
std::string policy_element(std::string_view table, std::string_view filter) {
  return fmt::format("          <table name=\"{}\"><filter>{}</filter></table>\n", xml(table), xml(filter));
}

std::string database_element(std::string_view name, std::string_view policies) {
  return fmt::format("        <database name=\"{}\">\n{}        </database>\n", name, policies);
}

/// One for whom there is no way in: views read with its rights.
std::string definer_element(std::string_view grants) {
  return fmt::format(
      "    <{0}>\n"
      "      <password_sha256_hex>{1:0>64}</password_sha256_hex>\n"
      "      <networks/>\n"
      "      <profile>default</profile>\n"
      "      <quota>default</quota>\n"
      "{2}"
      "    </{0}>\n",
      kEmbeddedDefiner, "", grants);
}

std::string default_element(std::string_view rights) {
  return fmt::format(
      "    <default>\n"
      "      <password/>\n"
      "      <networks><ip>::/0</ip></networks>\n"
      "      <profile>default</profile>\n"
      "      <quota>default</quota>\n"
      "{}"
      "    </default>\n",
      rights);
}

std::string users_file(const std::string& users) {
  return "<clickhouse>\n  <profiles><default/></profiles>\n  <quotas><default/></quotas>\n  <users>\n" + users +
         "  </users>\n</clickhouse>\n";
}

}  // namespace

std::string tenant_filter(bool embedded) {
  const auto value = [&](std::string_view setting, std::string_view key) {
    if (!embedded) return fmt::format("getSetting('{}')", setting);
    // NULL, which nothing equals, where the text is no JSON or lacks the key: an empty string could be somebody's id.
    return fmt::format("JSONExtract(getSetting('{}'), '{}', 'Nullable(String)')", kEmbeddedTenantSetting, key);
  };
  return fmt::format("getSetting('readonly') = 1 AND `project_id` = {} AND `branch_id` = {}",
                     value(kProjectSetting, "project_id"), value(kBranchSetting, "branch_id"));
}

std::vector<std::string> create_user_sql(const TenantUser& user, const Options& options) {
  const auto name = quote_clickhouse_identifier(user.name);
  return {fmt::format("CREATE USER IF NOT EXISTS {}{}\n{}", name, on_cluster(options), user_clauses(user)),
          fmt::format("ALTER USER {}{}\n{}", name, on_cluster(options), user_clauses(user))};
}

std::vector<std::string> create_policies_sql(std::span<const Mapping> mappings, const TenantUser& user, const Options& options) {
  std::vector<std::string> statements;
  for (const auto& mapping : mappings) {
    for (const auto* verb : {"CREATE ROW POLICY IF NOT EXISTS", "ALTER ROW POLICY"}) {
      statements.push_back(fmt::format("{} {}{} ON {}\nFOR SELECT USING {}\nTO {}", verb, kPolicy, on_cluster(options),
                                       view_name(mapping), tenant_filter(false), quote_clickhouse_identifier(user.name)));
    }
  }
  return statements;
}

std::string grant_sql(std::span<const Mapping> mappings, const TenantUser& user, const Options& options) {
  return fmt::format("GRANT{} {}\nTO {}\nWITH REPLACE OPTION", on_cluster(options),
                     joined(mappings, ", ", [](const Mapping& mapping) { return "SELECT ON " + view_name(mapping); }),
                     quote_clickhouse_identifier(user.name));
}

std::string embedded_setup_users() { return users_file(default_element("") + definer_element("")); }

std::string embedded_users(std::span<const Mapping> mappings) {
  const auto metadata = fmt::format("{}.{}", kDatabase, kMetadataTable);
  std::string grants;
  std::string policies;
  auto table_policies = policy_element(kMetadataTable, kNotForTenants);
  for (const auto& mapping : mappings) {
    grants += grant_element("GRANT SELECT ON " + view_name(mapping));
    grants += grant_element("GRANT INSERT, OPTIMIZE, ALTER DELETE ON " + table_name(mapping));
    grants += grant_element("GRANT SELECT(`project_id`, `branch_id`, `sync_sequence_id`) ON " + table_name(mapping));
    policies += policy_element(mapping.target_table, tenant_filter(true));
    table_policies += policy_element(mapping.target_table, kNotForTenants);
  }
  grants += grant_element("GRANT SELECT, INSERT, OPTIMIZE, ALTER DELETE ON " + metadata);
  // The engine shows its own tables, other tenants' running queries among them, to whoever asks. No name means every table; a SELECT without FROM reads one.
  const auto own_tables = policy_element("", kNotForTenants) + policy_element("one", "1");
  const auto rights = fmt::format("      <grants>\n{}      </grants>\n      <databases>\n{}{}{}      </databases>\n", grants,
                                  database_element(kViewDatabase, policies), database_element(kDatabase, table_policies),
                                  database_element("system", own_tables));
  const auto reading = grant_element(fmt::format("GRANT SELECT ON {}.*", kDatabase));
  return users_file(default_element(rights) + definer_element("      <grants>\n" + reading + "      </grants>\n"));
}

}  // namespace tributary::mapping::clickhouse
