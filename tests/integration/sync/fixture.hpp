#pragma once
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "support/compare.hpp"
#include "support/service.hpp"

namespace tributary::sync {

using test::uuid;
using test::wait_until;
using test::wait_until_equal;

/// A source with tenancies, each with customer databases of its own.
class SyncTest : public ::testing::Test {
 protected:
  SyncTest() : session_(source_.session()) {}

  /// Tenancy `number` of a project of its own with these connection strings as destinations d0, d1, …
  std::string add_tenancy(unsigned number, const std::vector<std::string>& uris) {
    const auto project = fmt::format("project-{}", number);
    session_.run(test::insert_project(project) + test::insert_tenancy(uuid(number), project));
    set_destinations(number, uris);
    return uuid(number);
  }
  void set_destinations(unsigned number, const std::vector<std::string>& uris) {
    std::string entries;
    for (std::size_t i = 0; i < uris.size(); ++i) {
      entries += fmt::format(R"({}"d{}": {{"type": "postgres", "connectionString": "{}"}})", i > 0 ? ", " : "", i, uris[i]);
    }
    session_.run(
        fmt::format(R"(UPDATE "Project" SET "configOverride" = '{{"dbSync.externalDatabases": {{{}}}}}' WHERE id = 'project-{}')",
                    entries, number));
  }
  /// `count` users with a primary e-mail, numbered from `first`.
  void add_users(std::string_view tenancy, int first, int count) {
    session_.run(fmt::format(R"sql(
      WITH u AS (
        INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId", "mirroredBranchId", "displayName", "clientMetadata", "signedUpAt")
        SELECT '{0}', ('10000000-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, 'p', 'main', 'Üser ' || i, jsonb_build_object('n', i), now()
        FROM generate_series({1}, {1} + {2} - 1) AS i
        RETURNING "projectUserId")
      INSERT INTO "ContactChannel" ("tenancyId", "projectUserId", id, type, "isPrimary", "usedForAuth", "isVerified", value)
      SELECT '{0}', "projectUserId", gen_random_uuid(), 'EMAIL', 'TRUE', 'TRUE', true, "projectUserId" || '@example.com' FROM u)sql",
                             tenancy, first, count));
  }
  std::string state(std::string_view destination) {
    return session_.value(
        fmt::format("SELECT coalesce(string_agg(mapping || ': ' || error, '; ' ORDER BY mapping), '') FROM "
                    "tributary.destination_state WHERE destination_id = '{}' AND error <> ''",
                    destination));
  }

  test::SourceDatabase source_;
  test::Session session_;
};

}  // namespace tributary::sync
