#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "mapping/mapping.hpp"
#include "source/migrate.hpp"
#include "support/database.hpp"

namespace tributary::test {

/// The built-in mappings.
std::vector<mapping::Mapping> builtin_mappings();

/// Creates or attaches the source schema in a database.
void migrate(const Database& database, const std::vector<mapping::Mapping>& mappings, source::MigrateOptions options = {});
/// The error's text, empty when it succeeds.
std::string attach_failure(const Database& database, const std::vector<mapping::Mapping>& mappings);

/// A migrated database with the built-in mappings: a copy of one that was migrated once in each cluster, which is a third of the work.
class SourceDatabase : public Database {
 public:
  explicit SourceDatabase(std::string_view prefix = "source");
  SourceDatabase(std::string_view prefix, std::string cluster_uri);
};

/// SQL that makes things; ids are readable: tenancy 1 is 00000001-0000-4000-8000-000000000000.
std::string uuid(unsigned number);
std::string insert_project(std::string_view id, std::string_view config = "{}");
std::string insert_tenancy(std::string_view id, std::string_view project, std::string_view branch = "main");
std::string insert_user(std::string_view tenancy, std::string_view user);
std::string insert_channel(std::string_view tenancy, std::string_view user, std::string_view channel, std::string_view value,
                           bool primary = true);
std::string insert_team(std::string_view tenancy, std::string_view team);
std::string insert_member(std::string_view tenancy, std::string_view user, std::string_view team);

}  // namespace tributary::test
