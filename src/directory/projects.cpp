#include "directory/projects.hpp"

#include "base/secrets.hpp"
#include "directory/statement.hpp"
#include "directory/user_row.hpp"

namespace tributary::directory {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kHintLength = 4;

// No row: the branch is there already. Else whether the project is new, too.
constexpr std::string_view kCreate = R"sql(
WITH project AS (
  INSERT INTO "Project" (id, "displayName", description, "createdAt", "updatedAt")
  VALUES ($1, $2, '', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')
  ON CONFLICT (id) DO NOTHING
  RETURNING id
)
INSERT INTO "Tenancy" (id, "projectId", "branchId", "hasNoOrganization", "createdAt", "updatedAt")
VALUES ($3, $1, $4, 'TRUE', now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC')
ON CONFLICT DO NOTHING
RETURNING EXISTS (SELECT FROM project))sql";

constexpr std::string_view kDelete = R"sql(DELETE FROM "Project" WHERE id = $1)sql";
constexpr std::string_view kDeleteBranch = R"sql(DELETE FROM "Tenancy" WHERE "projectId" = $1 AND "branchId" = $2)sql";

// $1 the project, NULL: all. $2 to $4 the cursor, $5 the limit. In the order of the primary key: an attached "Tenancy" may know no time.
std::string list_sql(const PageRequest& page) {
  return fmt::format(R"sql(
SELECT t.id, p.id, t."branchId", p."displayName",
       (SELECT count(*) FROM jsonb_object_keys(tributary.destinations(p.id, t."branchId"))), p."createdAt"
FROM "Tenancy" AS t
JOIN "Project" AS p ON p.id = t."projectId"
WHERE t."hasNoOrganization" = 'TRUE' AND ($1 IS NULL OR p.id = $1){}
ORDER BY t.id
LIMIT $5)sql",
                     page.after ? "\n  AND t.id > $3" : "");
}

constexpr std::string_view kAddKey = R"sql(
INSERT INTO tributary.project_key (id, project_id, kind, hash, hint)
SELECT $1, id, $3, $4, $5
FROM "Project"
WHERE id = $2)sql";

constexpr std::string_view kEndKeys = R"sql(
UPDATE tributary.project_key
SET expires_at = now() + $3 * interval '1 millisecond'
WHERE project_id = $1 AND kind = $2 AND coalesce(expires_at, 'infinity') > now() + $3 * interval '1 millisecond')sql";

constexpr std::string_view kRevoke = R"sql(
UPDATE tributary.project_key
SET expires_at = least(expires_at, now())
WHERE project_id = $1 AND id = $2)sql";

constexpr std::string_view kListKeys = R"sql(
SELECT id, kind, hint, created_at, expires_at
FROM tributary.project_key
WHERE project_id = $1
ORDER BY created_at, id)sql";

constexpr std::string_view kExists = R"sql(SELECT FROM "Project" WHERE id = $1)sql";

constexpr std::string_view kCredentials = R"sql(
SELECT t.id, k.kind, k.hash
FROM "Tenancy" AS t
LEFT JOIN tributary.project_key AS k ON k.project_id = t."projectId" AND (k.expires_at IS NULL OR k.expires_at > now())
WHERE t."projectId" = $1 AND t."branchId" = $2 AND t."hasNoOrganization" = 'TRUE')sql";

std::string text_of(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string hash_of(std::string_view secret) {
  const auto hash = sha256(secret);
  return text_of(hash);
}

KeyKind parse_kind(std::string_view text) { return text == to_string(KeyKind::admin) ? KeyKind::admin : KeyKind::server; }

NewKey generate(KeyKind kind) {
  const std::string prefix = kind == KeyKind::admin ? "sak_" : "ssk_";
  return {.id = Uuid::random(), .kind = kind, .secret = prefix + random_hex(kKeyBytes)};
}

postgres::Params key_params(const std::string& project, const NewKey& key) {
  const auto hash = sha256(key.secret);
  postgres::Params params;
  params.add(key.id).add(project).add(to_string(key.kind)).add_binary(postgres::oid::kBytea, hash);
  params.add(std::string_view(key.secret).substr(key.secret.size() - kHintLength));
  return params;
}

}  // namespace

std::string_view to_string(KeyKind kind) { return kind == KeyKind::admin ? "admin" : "server"; }

asio::awaitable<NewProject> create_project(postgres::Connection& connection, std::string project, std::string name,
                                           std::string branch, Deadline deadline) {
  NewProject made{.tenancy = {.id = Uuid::random(), .project = project, .branch = branch}, .keys = {}};
  postgres::Params params;
  params.add(project).add(name.empty() ? project : name).add(made.tenancy.id).add(branch);
  try {
    co_await in_transaction(connection, deadline, [&]() -> asio::awaitable<void> {
      const auto result = co_await connection.execute_prepared(kCreate, params, deadline);
      if (result.empty()) {
        throw Error(Refusal::project_already_exists, "id: project \"" + project + "\" has a branch \"" + branch + "\" already",
                    {{"project_id", project}});
      }
      made.keys.clear();
      if (!result.get<bool>(0, 0)) co_return;
      for (const auto kind : {KeyKind::server, KeyKind::admin}) {
        made.keys.push_back(generate(kind));
        co_await connection.execute_prepared(kAddKey, key_params(project, made.keys.back()), deadline);
      }
    });
  } catch (const postgres::Error& error) {
    refuse_value(error);
  }
  co_return made;
}

asio::awaitable<void> delete_project(postgres::Connection& connection, std::string project, std::optional<std::string> branch,
                                     Deadline deadline) {
  postgres::Params params;
  params.add(project);
  if (branch) params.add(*branch);
  const auto result = co_await run(connection, branch ? kDeleteBranch : kDelete, std::move(params), deadline);
  if (result.affected_rows() == 0) throw project_not_found(project);
}

asio::awaitable<Page<Project>> list_projects(postgres::Connection& connection, std::optional<std::string> project,
                                             PageRequest page, Deadline deadline) {
  postgres::Params params;
  params.add(std::move(project), postgres::oid::kText);
  add_page(params, page);
  const auto sql = list_sql(page);
  const auto result = co_await run(connection, sql, std::move(params), deadline);
  std::vector<Project> projects;
  for (std::size_t i = 0; i < result.rows(); ++i) {
    projects.push_back({.tenancy = {.id = result.get<Uuid>(i, 0),
                                    .project = result.get<std::string>(i, 1),
                                    .branch = result.get<std::string>(i, 2)},
                        .display_name = result.get<std::string>(i, 3),
                        .destinations = result.get<std::int64_t>(i, 4),
                        .created_at = result.get<Timestamp>(i, 5)});
  }
  co_return cut(std::move(projects), page, [](const Project& one) { return Cursor{.at = one.created_at, .id = one.tenancy.id}; });
}

asio::awaitable<std::vector<Key>> list_keys(postgres::Connection& connection, std::string project, Deadline deadline) {
  postgres::Params params;
  params.add(project);
  if ((co_await run(connection, kExists, params, deadline)).empty()) throw project_not_found(project);
  const auto result = co_await run(connection, kListKeys, std::move(params), deadline);
  std::vector<Key> keys;
  for (std::size_t i = 0; i < result.rows(); ++i) {
    keys.push_back({.id = result.get<Uuid>(i, 0),
                    .kind = parse_kind(result.get<std::string>(i, 1)),
                    .hint = result.get<std::string>(i, 2),
                    .created_at = result.get<Timestamp>(i, 3),
                    .expires_at = result.get<std::optional<Timestamp>>(i, 4)});
  }
  co_return keys;
}

asio::awaitable<NewKey> create_key(postgres::Connection& connection, std::string project, KeyKind kind,
                                   std::optional<std::chrono::milliseconds> overlap, Deadline deadline) {
  const auto key = generate(kind);
  std::vector<postgres::Command> commands;
  if (overlap) {
    postgres::Params params;
    params.add(project).add(to_string(kind)).add(std::int64_t{overlap->count()});
    commands.push_back({.sql = kEndKeys, .params = std::move(params)});
  }
  commands.push_back({.sql = kAddKey, .params = key_params(project, key)});
  const auto results = co_await run(connection, std::move(commands), deadline);
  if (results.back().affected_rows() == 0) throw project_not_found(project);
  co_return key;
}

asio::awaitable<void> revoke_key(postgres::Connection& connection, std::string project, Uuid key, Deadline deadline) {
  postgres::Params params;
  params.add(project).add(key);
  const auto result = co_await run(connection, kRevoke, std::move(params), deadline);
  if (result.affected_rows() == 0)
    throw Error(Refusal::key_not_found, "project \"" + project + "\" has no key " + key.to_string());
}

bool Credentials::admit(KeyKind kind, std::string_view secret) const {
  const auto hash = hash_of(secret);
  bool admitted = false;
  for (const auto& known : hashes) {
    const bool equal = equal_in_constant_time(known.hash, hash);
    admitted |= equal && (known.kind == kind || known.kind == KeyKind::admin);
  }
  return admitted;
}

asio::awaitable<std::optional<Credentials>> read_credentials(postgres::Connection& connection, std::string project,
                                                             std::string branch, Deadline deadline) {
  postgres::Params params;
  params.add(project).add(branch);
  const auto result = co_await run(connection, kCredentials, std::move(params), deadline);
  if (result.empty()) co_return std::nullopt;
  Credentials credentials{.tenancy = {.id = result.get<Uuid>(0, 0), .project = project, .branch = branch}, .hashes = {}};
  for (std::size_t i = 0; i < result.rows(); ++i) {
    if (result.is_null(i, 1)) continue;
    credentials.hashes.push_back({.kind = parse_kind(result.get<std::string>(i, 1)), .hash = text_of(result.bytes(i, 2))});
  }
  co_return credentials;
}

}  // namespace tributary::directory
