#include "support/source.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "base/embedded.hpp"
#include "postgres/connection.hpp"

namespace tributary::test {
namespace {

constexpr std::chrono::seconds kLong{50};

/// The name of a migrated database of that cluster, of which others are made. Whoever needs it first makes it, while others wait.
std::string migrated_template(const std::string& cluster_uri) {
  constexpr auto kName = "migrated";
  const auto is_there = fmt::format("SELECT count(*) FROM pg_database WHERE datname = '{}'", kName);
  Session cluster(cluster_uri);
  if (cluster.number(is_there) != 0) return kName;
  cluster.run(fmt::format("SELECT pg_advisory_lock(hashtext('{}'))", kName));
  if (cluster.number(is_there) != 0) return kName;
  const Database made("migrating", cluster_uri);
  migrate(made, builtin_mappings());
  cluster.run(fmt::format(R"(ALTER DATABASE "{}" RENAME TO {})", made.name(), kName));
  return kName;
}

}  // namespace

std::vector<mapping::Mapping> builtin_mappings() {
  std::vector<mapping::Mapping> mappings;
  for (const auto& file : embedded_mappings()) {
    auto parsed = mapping::parse(file.text, file.name);
    if (!parsed.mapping) throw std::runtime_error(parsed.problems.at(0).to_string());
    mappings.push_back(std::move(*parsed.mapping));
  }
  return mappings;
}

void migrate(const Database& database, const std::vector<mapping::Mapping>& mappings, source::MigrateOptions options) {
  run([&]() -> boost::asio::awaitable<void> {
    auto connection = co_await postgres::Connection::open(database.options(), Deadline::after(kLong));
    co_await source::migrate(connection, mappings, options, {});
  });
}

std::string attach_failure(const Database& database, const std::vector<mapping::Mapping>& mappings) {
  std::string failure;
  run([&]() -> boost::asio::awaitable<void> {
    auto connection = co_await postgres::Connection::open(database.options(), Deadline::after(kLong));
    try {
      co_await source::attach(connection, mappings, Deadline::after(kLong));
    } catch (const std::runtime_error& error) {
      failure = error.what();
    }
  });
  return failure;
}

SourceDatabase::SourceDatabase(std::string_view prefix) : SourceDatabase(prefix, cluster_of_tests()) {}

SourceDatabase::SourceDatabase(std::string_view prefix, std::string cluster_uri)
    : Database(prefix, cluster_uri, migrated_template(cluster_uri)) {}

std::string uuid(unsigned number) { return fmt::format("{:08x}-0000-4000-8000-000000000000", number); }

std::string insert_project(std::string_view id, std::string_view config) {
  return fmt::format(R"(INSERT INTO "Project" (id, "configOverride") VALUES ('{}', '{}'); )", id, config);
}

std::string insert_tenancy(std::string_view id, std::string_view project, std::string_view branch) {
  return fmt::format(
      R"(INSERT INTO "Tenancy" (id, "projectId", "branchId", "hasNoOrganization") VALUES ('{}', '{}', '{}', 'TRUE'); )", id,
      project, branch);
}

std::string insert_user(std::string_view tenancy, std::string_view user) {
  return fmt::format(
      R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId") VALUES ('{0}', '{1}', '{0}'); )", tenancy,
      user);
}

std::string insert_channel(std::string_view tenancy, std::string_view user, std::string_view channel, std::string_view value,
                           bool primary) {
  return fmt::format(
      R"(INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, "isPrimary", value) VALUES ('{}', '{}', '{}', {}, '{}'); )",
      tenancy, user, channel, primary ? "'TRUE'" : "NULL", value);
}

std::string insert_team(std::string_view tenancy, std::string_view team) {
  return fmt::format(
      R"(INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "displayName") VALUES ('{0}', '{1}', '{0}', 'team'); )",
      tenancy, team);
}

std::string insert_member(std::string_view tenancy, std::string_view user, std::string_view team) {
  return fmt::format(R"(INSERT INTO "TeamMember" ("tenancyId", "projectUserId", "teamId") VALUES ('{}', '{}', '{}'); )", tenancy,
                     user, team);
}

}  // namespace tributary::test
