#pragma once
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "mapping/clickhouse_sql.hpp"

/// Who may read what: on a server as statements, in the embedded engine, which has no statements for users, as the file that its `users_config` names.
/// Both say the same, made from the same list of views: a tenant reads the views and nothing else, and of these its own rows only.
///
/// Every tenant query must come with the setting readonly = 1, after (or in one request with) the settings that name the tenant: from there on the query
/// itself can change neither. A query without it sees no row. Where a client names no tenant, or half of one, it sees no row either, or is refused.
/// Pure.
namespace tributary::mapping::clickhouse {

/// Names the tenant of a query on a server. Needs `custom_settings_prefixes` of the server's configuration to allow SQL_, which is its default.
inline constexpr std::string_view kProjectSetting = "SQL_project_id";
inline constexpr std::string_view kBranchSetting = "SQL_branch_id";
/// Names the tenant of a query in the embedded engine, which knows no custom settings: {"project_id": "…", "branch_id": "…"}.
inline constexpr std::string_view kEmbeddedTenantSetting = "log_comment";

/// The user that tenants' queries run as, on a server.
struct TenantUser {
  std::string name = "limited_user";
  std::string password_sha256;  ///< of the password, 64 hexadecimal digits: the password itself stands in no statement
  /// Bounds of every query, which a request can lower. What a result may be is up to the request.
  std::chrono::seconds most_time{120};
  std::uint64_t most_memory_bytes = std::uint64_t{1} << 30U;
};

/// What a row policy on each view demands.
std::string tenant_filter(bool embedded);

/// The user with its bounds, and a row policy on each view, in this order. Before the views: there is none yet without its policy. What is there already is
/// altered in place, so that there is no moment without it either. REQUIRES: not embedded.
std::vector<std::string> create_user_sql(const TenantUser& user, const Options& options);
std::vector<std::string> create_policies_sql(std::span<const Mapping> mappings, const TenantUser& user, const Options& options);
/// SELECT on the views and nothing else: what the user had beside that is taken away. REQUIRES: not embedded; mappings is not empty.
std::string grant_sql(std::span<const Mapping> mappings, const TenantUser& user, const Options& options);

/// For the first start of the embedded engine, which runs the migrations: everybody may do everything, and the views' definer exists.
std::string embedded_setup_users();
/// For the second start, which tenants meet. `default`, who everybody is there, may read the views under their row policies; and as long as readonly is
/// not 1, write the tables, read watermarks, which sequence ids the tables have and the engine's own tables, in all of which a tenant query finds no row. Throws std::invalid_argument on a name with control characters, which XML cannot hold.
std::string embedded_users(std::span<const Mapping> mappings);

}  // namespace tributary::mapping::clickhouse
