#include "tenants.hpp"

#include <fmt/format.h>

#include <boost/algorithm/string/replace.hpp>
#include <boost/json.hpp>
#include <span>
#include <stdexcept>

#include "base/embedded.hpp"
#include "mapping/mapping.hpp"
#include "mapping/sql.hpp"

namespace tributary {

std::span<const EmbeddedFile> embedded_bench_sql();  // bench/sql/*.sql

}  // namespace tributary

namespace tributary::bench {

std::string sql_file(const std::string& name, const std::vector<std::pair<std::string, std::string>>& replaced) {
  std::string text;
  for (const auto& file : embedded_bench_sql()) {
    if (file.name != name) continue;
    std::string_view rest = file.text;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find('\n'));
      if (!line.starts_with("--")) text += std::string(line) + '\n';
      rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
  }
  if (text.empty()) throw std::logic_error("bench/sql has no " + name);
  for (const auto& [from, to] : replaced) boost::replace_all(text, from, to);
  return text;
}

mapping::Mapping users_mapping() {
  for (const auto& file : embedded_mappings()) {
    if (file.name == "users.yaml") return *mapping::parse(file.text, file.name).mapping;
  }
  throw std::logic_error("there is no users.yaml");
}

std::string create_users_sql() {
  std::string script;
  for (const auto& statement : mapping::create_target_sql(users_mapping())) script += statement + ";\n";
  return script;
}

std::string tenancy_id(int number) {
  // Multiplied by the golden ratio: consecutive numbers land far apart.
  return fmt::format("{:08x}-0000-4000-8000-{:012x}", static_cast<unsigned>(number) * 2654435769U, number);
}

std::string make_tenancy(Session& source, int number) {
  const auto id = tenancy_id(number);
  source.rows(R"(INSERT INTO "Project" (id) VALUES ($1))", {"project-" + id});
  source.rows(R"(INSERT INTO "Tenancy" (id, "projectId", "hasNoOrganization") VALUES ($1, $2, 'TRUE'))", {id, "project-" + id});
  return id;
}

void make_users(Session& source, const std::string& tenancy, long long users) {
  source.rows(sql_file("make_users.sql"), {tenancy, std::to_string(users)});
}

void make_unsynced_channels(Session& source, const std::string& tenancy) {
  source.rows(sql_file("make_channels.sql"), {tenancy});
  source.run(R"(UPDATE "ContactChannel" AS c
                SET "sequenceId" = -1 - n.number, "shouldUpdateSequenceId" = false
                FROM (SELECT ctid, row_number() OVER () AS number FROM "ContactChannel") AS n
                WHERE c.ctid = n.ctid)");
  source.run("DELETE FROM tributary.marker");
}

void number_users(Session& source, bool changed) {
  // A statement that gives ids itself is not flagged by capture, so the sequencer has nothing to do with it.
  source.run(
      fmt::format(R"(UPDATE "ProjectUser" SET {}"sequenceId" = nextval('global_seq_id'), "shouldUpdateSequenceId" = false)",
                  changed ? R"("displayName" = 'Changed ' || "displayName", )" : ""));
  // Neither side is to wade through the row versions of before.
  source.run(R"(VACUUM FULL ANALYZE "ProjectUser")");
}

void set_destinations(Session& source, const std::string& tenancy, const Destinations& destinations) {
  boost::json::object entries;
  for (const auto& [id, options] : destinations) entries[id] = {{"type", "postgres"}, {"connectionString", options.to_string()}};
  source.rows(R"(UPDATE "Project" SET "configOverride" = $2 WHERE id = $1)",
              {"project-" + tenancy, boost::json::serialize(boost::json::object{{"dbSync.externalDatabases", entries}})});
}

void enable_sequencer(Session& source, bool enabled) {
  source.run(fmt::format(R"(UPDATE "ExternalDbSyncMetadata" SET "sequencerEnabled" = {}; NOTIFY tributary_change)", enabled));
}

void enable_poller(Session& source, bool enabled) {
  source.run(fmt::format(R"(UPDATE "ExternalDbSyncMetadata" SET "pollerEnabled" = {}; NOTIFY tributary_queue)", enabled));
}

void enqueue(Session& source, const std::string& tenancy) {
  source.run(fmt::format("SELECT tributary.enqueue(ARRAY['{}'::uuid]); NOTIFY tributary_queue", tenancy));
}

long long last_sequence_id(Session& source, const std::string& tenancy) {
  return source.number(R"(SELECT max("sequenceId") FROM "ProjectUser" WHERE "tenancyId" = $1)", {tenancy});
}

long long users_watermark(Session& target) {
  if (target.value("SELECT to_regclass('public._stack_sync_metadata') IS NOT NULL") != "t") return -1;
  return target.number(
      "SELECT coalesce(max(last_synced_sequence_id), -1) FROM public._stack_sync_metadata WHERE mapping_name = 'users'");
}

}  // namespace tributary::bench
