#include "clickhouse/embedded/configuration.hpp"

#include <fmt/format.h>

namespace tributary::clickhouse::embedded {
namespace {

std::string xml(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&' || c == '<' || c == '>')
      result += fmt::format("&#{};", static_cast<int>(c));
    else
      result += c;
  }
  return result;
}

}  // namespace

std::string engine_configuration(const ConfigurationParams& params) {
  return fmt::format(R"(<clickhouse>
  <logger><level>none</level></logger>
  <users_config>{users}</users_config>
  <max_server_memory_usage>{memory}</max_server_memory_usage>
  <tmp_path>{data}/tmp/</tmp_path>
  <user_files_path>{data}/user_files/</user_files_path>
  <timezone>UTC</timezone>
  <merge_tree>
    <fsync_after_insert>1</fsync_after_insert>
    <fsync_part_directory>1</fsync_part_directory>
  </merge_tree>
  <access_control_improvements>
    <users_without_row_policies_can_read_rows>false</users_without_row_policies_can_read_rows>
    <on_cluster_queries_require_cluster_grant>true</on_cluster_queries_require_cluster_grant>
    <select_from_system_db_requires_grant>true</select_from_system_db_requires_grant>
    <select_from_information_schema_requires_grant>true</select_from_information_schema_requires_grant>
  </access_control_improvements>
</clickhouse>
)",
                     fmt::arg("users", xml(params.users.string())), fmt::arg("data", xml(params.data.string())),
                     fmt::arg("memory", params.memory_bytes));
}

std::string open_users() {
  return R"(<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users>
    <default>
      <password/>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
    </default>
    <admin>
      <password/>
      <networks/>
      <profile>default</profile>
      <quota>default</quota>
    </admin>
  </users>
</clickhouse>
)";
}

}  // namespace tributary::clickhouse::embedded
