#include <fmt/format.h>

#include <set>

#include "base/sql_text.hpp"
#include "source/capture.hpp"
#include "source/migrate.hpp"

namespace tributary::source {
namespace {

// {role}: its quoted name; {literal}: the same as a string.
constexpr std::string_view kRole =
    R"sql(-- Everything but `tributary migrate` runs as this role. Run this as whoever ran `migrate`, and again after an upgrade or a change of the mappings.
-- It may log in once it has a password (\password) or a line in pg_hba.conf.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {literal}) THEN
    CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END
$$;
GRANT USAGE ON SCHEMA public, tributary TO {role};

-- what Tributary keeps
GRANT SELECT, INSERT, UPDATE, DELETE ON
  public."OutgoingRequest",
  tributary.marker,
  tributary.destination_state,
  tributary.quarantine,
  tributary.verification,
  tributary.mend,
  tributary.added_destination,
  tributary.sequence_jump,
  tributary.collected,
  tributary.dashboard_session
TO {role};
GRANT INSERT, DELETE ON public."DeletedRow" TO {role};
GRANT SELECT, UPDATE ON tributary.installation TO {role};
GRANT SELECT, UPDATE, DELETE ON tributary.deleted_tenancy TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON tributary.left_place TO {role};
GRANT SELECT, UPDATE ON public."ExternalDbSyncMetadata" TO {role};
GRANT SELECT, UPDATE ON SEQUENCE public.global_seq_id, tributary.sequencer_state TO {role};

-- projects and their destinations
GRANT SELECT, INSERT ON public."Project", public."Tenancy" TO {role};
GRANT UPDATE ("configOverride", "updatedAt") ON public."Project" TO {role};
GRANT SELECT, INSERT, UPDATE ON tributary.project_key TO {role};

-- rows that are synced: read, and given their sequence ids
)sql";

// What the REST API's writers change, and `tributary project delete`.
constexpr std::string_view kDirectory = R"sql(
-- the directory behind the REST API
GRANT SELECT, INSERT, UPDATE, DELETE ON
  public."Project",
  public."Tenancy",
  public."ProjectUser",
  public."ContactChannel",
  public."Team",
  public."TeamMember"
TO {role};
GRANT DELETE ON tributary.project_key TO {role};
)sql";

}  // namespace

std::string grants_sql(std::span<const mapping::Mapping> mappings, std::string_view role, bool directory) {
  std::set<std::string> numbered{"DeletedRow"};
  std::set<std::string> read{"DeletedRow"};
  for (const auto& mapping : mappings) {
    numbered.insert(mapping.source_table);
    read.insert(mapping.source_table);
    for (const auto& dependency : mapping.dependencies) read.insert(dependency.table);
  }
  const auto quoted = quote_identifier(role);
  auto sql = fmt::format(fmt::runtime(kRole), fmt::arg("role", quoted), fmt::arg("literal", quote_literal(role)));
  for (const auto& table : read) sql += fmt::format("GRANT SELECT ON {} TO {};\n", public_table(table), quoted);
  for (const auto& table : numbered) {
    sql += fmt::format("GRANT UPDATE (\"sequenceId\", \"shouldUpdateSequenceId\") ON {} TO {};\n", public_table(table), quoted);
  }
  if (directory) sql += fmt::format(fmt::runtime(kDirectory), fmt::arg("role", quoted));
  return sql;
}

}  // namespace tributary::source
