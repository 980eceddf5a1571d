#include "support/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

struct Query {
  std::string_view table;
  std::string_view expected;  ///< over the source; {} is the tenancy
  std::string_view actual;    ///< over the customer's database
};

constexpr std::array<Query, 4> kQueries = {{
    {"users",
     R"(SELECT ROW(u."projectUserId", u."displayName", u."profileImageUrl", c.value, coalesce(c."isVerified", false),
               u."signedUpAt", coalesce(u."clientMetadata", '{{}}'), coalesce(u."clientReadOnlyMetadata", '{{}}'), coalesce(u."serverMetadata", '{{}}'),
               u."isAnonymous")::text
        FROM "ProjectUser" u
        LEFT JOIN (SELECT * FROM "ContactChannel" WHERE type = 'EMAIL' AND "isPrimary" = 'TRUE' OFFSET 0) c USING ("tenancyId", "projectUserId")
        WHERE u."tenancyId" = '{}')",
     R"(SELECT ROW(id, display_name, profile_image_url, primary_email, primary_email_verified, signed_up_at, client_metadata,
               client_read_only_metadata, server_metadata, is_anonymous)::text FROM public.users)"},
    {"contact_channels",
     R"(SELECT DISTINCT ON (id) ROW(id, "projectUserId", type, value, "isPrimary" IS NOT NULL, "isVerified", "usedForAuth" IS NOT NULL, "createdAt")::text
        FROM "ContactChannel" WHERE "tenancyId" = '{}' ORDER BY id, "sequenceId" DESC)",
     "SELECT ROW(id, user_id, type, value, is_primary, is_verified, used_for_auth, created_at)::text FROM "
     "public.contact_channels"},
    {"teams",
     R"(SELECT ROW("teamId", "displayName", "profileImageUrl", "createdAt", coalesce("clientMetadata", '{{}}'),
               coalesce("clientReadOnlyMetadata", '{{}}'), coalesce("serverMetadata", '{{}}'))::text FROM "Team" WHERE "tenancyId" = '{}')",
     "SELECT ROW(id, display_name, profile_image_url, created_at, client_metadata, client_read_only_metadata, "
     "server_metadata)::text FROM "
     "public.teams"},
    {"team_member_profiles",
     R"(SELECT ROW("teamId", "projectUserId", "displayName", "profileImageUrl", "createdAt")::text FROM "TeamMember" WHERE "tenancyId" = '{}')",
     "SELECT ROW(team_id, user_id, display_name, profile_image_url, created_at)::text FROM public.team_member_profiles"},
}};

std::multiset<std::string> values(Session& session, const std::string& sql) {
  std::multiset<std::string> all;
  for (auto& row : session.rows(sql)) all.insert(row.at(0).value_or(""));
  return all;
}

/// Where it stands, and what the source has: for the message of a test that waited in vain.
std::string positions(Session& source, std::string_view tenancy, Session& customer) {
  auto text = fmt::format("tenancy {} stands at:\n", tenancy);
  for (auto& row : customer.rows("SELECT to_json(m) FROM public._stack_sync_metadata AS m"))
    text += row.at(0).value_or("") + '\n';
  text += "its users in the source:\n";
  const auto users = fmt::format(
      R"(SELECT "sequenceId", "shouldUpdateSequenceId", min("projectUserId"::text), count(*) FROM "ProjectUser" WHERE "tenancyId" = '{}'
         GROUP BY 1, 2 ORDER BY 1 DESC LIMIT 100)",
      tenancy);
  for (auto& row : source.rows(users)) {
    for (auto& value : row) text += value.value_or("NULL") + ' ';
    text += '\n';
  }
  return text;
}

}  // namespace

std::string difference(Session& source, std::string_view tenancy, Session& customer) {
  std::string text;
  for (const auto& query : kQueries) {
    if (customer.value(fmt::format("SELECT to_regclass('public.{}') IS NOT NULL", query.table)) != "t") {
      return fmt::format("there is no table public.{}\n", query.table);
    }
    const auto expected = values(source, fmt::format(fmt::runtime(query.expected), tenancy));
    const auto actual = values(customer, std::string(query.actual));
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

void wait_until(const std::function<bool()>& done, std::string_view what, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error(fmt::format("waited in vain until {}", what));
    std::this_thread::yield();
  }
}

void wait_until_numbered(Session& source) {
  std::string flagged;
  for (const auto* table : {"ProjectUser", "ContactChannel", "Team", "TeamMember", "DeletedRow"})
    flagged +=
        fmt::format(R"({}EXISTS (SELECT FROM "{}" WHERE "shouldUpdateSequenceId"))", flagged.empty() ? "SELECT " : " OR ", table);
  wait_until([&] { return source.value(flagged) == "f"; }, "all is numbered");
}

void wait_until_equal(Session& source, std::string_view tenancy, Session& customer, std::chrono::seconds limit) {
  using Seconds = std::chrono::duration<double>;
  std::string last;
  Seconds pause{};
  try {
    wait_until(
        [&] {
          customer.run(fmt::format("SELECT pg_sleep({})", pause.count()));
          const auto begun = std::chrono::steady_clock::now();
          last = difference(source, tenancy, customer);
          // Looking takes from those who are waited for: a third of the time, at most.
          pause = std::clamp<Seconds>(2 * (std::chrono::steady_clock::now() - begun), 10ms, 500ms);
          return last.empty();
        },
        "source and destination are equal", limit);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string(error.what()) + ":\n" + last + positions(source, tenancy, customer));
  }
}

}  // namespace tributary::test
