#include "cli/catalog.hpp"

#include "cli/command.hpp"

namespace tributary::cli {
namespace {

constexpr auto kDestinationsSql = R"(
SELECT t.id,
       t."projectId",
       t."branchId",
       d.key,
       coalesce(d.value ->> 'type', ''),
       coalesce(d.value ->> 'connectionString', ''),
       false
FROM "Tenancy" AS t
CROSS JOIN LATERAL jsonb_each(tributary.destinations(t."projectId", t."branchId")) AS d (key, value)
WHERE t."hasNoOrganization" = 'TRUE'
  AND ($1 IS NULL OR t."projectId" = $1)
  AND ($2 IS NULL OR t."branchId" = $2)
  AND ($3 IS NULL OR d.key = $3)
  AND ($4 IS NULL OR t.id = $4)
ORDER BY 2, 3, 4
)";

// The shared ClickHouse is no database of the project's.
constexpr auto kDeletedDestinationsSql = R"(
SELECT t."tenancyId",
       t."projectId",
       t."branchId",
       d.key,
       coalesce(d.value ->> 'type', ''),
       coalesce(d.value ->> 'connectionString', ''),
       true
FROM tributary.deleted_tenancy AS t
CROSS JOIN LATERAL jsonb_each(t.destinations) AS d (key, value)
WHERE d.key <> '@clickhouse'
  AND ($1 IS NULL OR t."projectId" = $1)
  AND ($2 IS NULL OR t."branchId" = $2)
  AND ($3 IS NULL OR d.key = $3)
  AND ($4 IS NULL OR t."tenancyId" = $4)
ORDER BY 2, 3, 4, t."deletedAt"
)";

constexpr auto kEveryDestinationSql = R"(
SELECT t.id,
       t."projectId",
       t."branchId",
       d.key,
       coalesce(d.value ->> 'type', ''),
       coalesce(d.value ->> 'connectionString', ''),
       t.deleted
FROM (
  SELECT y.id, y."projectId", y."branchId", false AS deleted,
         tributary.destinations(y."projectId", y."branchId")
           || CASE WHEN i.clickhouse THEN tributary.shared_destinations() ELSE '{}' END AS destinations
  FROM "Tenancy" AS y
  CROSS JOIN tributary.installation AS i
  WHERE y."hasNoOrganization" = 'TRUE'
  UNION ALL
  SELECT g."tenancyId", g."projectId", g."branchId", true, g.destinations
  FROM tributary.deleted_tenancy AS g
) AS t
CROSS JOIN LATERAL jsonb_each(t.destinations) AS d (key, value)
WHERE ($1 IS NULL OR t."projectId" = $1)
  AND ($2 IS NULL OR t."branchId" = $2)
  AND ($3 IS NULL OR d.key = $3)
  AND ($4 IS NULL OR t.id = $4)
ORDER BY 2, 3, 4, 7
)";

constexpr auto kTenancySql = R"(
SELECT id
FROM "Tenancy"
WHERE "projectId" = $1
  AND "branchId" = $2
  AND "hasNoOrganization" = 'TRUE'
)";

/// As it is where it cannot be opened.
std::string opened(const Secrets& secrets, const std::string& stored) {
  try {
    return secrets.open(stored);
  } catch (const SecretError&) {
    return stored;
  }
}

asio::awaitable<std::vector<DestinationRow>> read_destinations(postgres::Connection& source, std::string_view sql,
                                                               Selection selection, Secrets secrets) {
  postgres::Params params;
  params.add(selection.project, postgres::oid::kText);
  params.add(selection.branch, postgres::oid::kText);
  params.add(selection.destination, postgres::oid::kText);
  params.add(selection.tenancy, postgres::oid::kUuid);
  const auto result = co_await source.execute(sql, std::move(params), statement_deadline());
  std::vector<DestinationRow> rows;
  for (std::size_t row = 0; row < result.rows(); ++row) {
    rows.push_back({.tenancy = result.get<Uuid>(row, 0),
                    .project = result.get<std::string>(row, 1),
                    .branch = result.get<std::string>(row, 2),
                    .id = result.get<std::string>(row, 3),
                    .type = result.get<std::string>(row, 4),
                    .connection_string = opened(secrets, result.get<std::string>(row, 5)),
                    .deleted = result.get<bool>(row, 6)});
  }
  co_return rows;
}

}  // namespace

asio::awaitable<std::vector<DestinationRow>> list_destinations(postgres::Connection& source, Selection selection,
                                                               Secrets secrets) {
  co_return co_await read_destinations(source, kDestinationsSql, std::move(selection), std::move(secrets));
}

asio::awaitable<std::vector<DestinationRow>> list_deleted_destinations(postgres::Connection& source, Selection selection,
                                                                       Secrets secrets) {
  co_return co_await read_destinations(source, kDeletedDestinationsSql, std::move(selection), std::move(secrets));
}

asio::awaitable<std::vector<DestinationRow>> list_every_destination(postgres::Connection& source, Selection selection,
                                                                    Secrets secrets) {
  co_return co_await read_destinations(source, kEveryDestinationSql, std::move(selection), std::move(secrets));
}

asio::awaitable<std::optional<Uuid>> find_tenancy(postgres::Connection& source, std::string project, std::string branch) {
  postgres::Params params;
  params.add(project).add(branch);
  const auto result = co_await source.execute(kTenancySql, std::move(params), statement_deadline());
  if (result.empty()) co_return std::nullopt;
  co_return result.get<Uuid>(0, 0);
}

}  // namespace tributary::cli
