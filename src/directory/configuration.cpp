#include "directory/configuration.hpp"

#include <boost/json.hpp>

#include "directory/config_override.hpp"
#include "directory/statement.hpp"
#include "directory/user_row.hpp"

namespace tributary::directory {
namespace {

constexpr std::string_view kRead = R"sql(SELECT "configOverride"::text FROM "Project" WHERE id = $1)sql";
constexpr std::string_view kReadLocked = R"sql(
SELECT "configOverride"::text FROM "Project" WHERE id = $1 FOR NO KEY UPDATE)sql";
constexpr std::string_view kWrite = R"sql(
UPDATE "Project"
SET "configOverride" = $2, "updatedAt" = now() AT TIME ZONE 'UTC'
WHERE id = $1 AND "configOverride" IS DISTINCT FROM $2)sql";

constexpr std::string_view kProjectsWithDestinations = R"sql(
SELECT id FROM "Project" WHERE "configOverride" ? 'dbSync.externalDatabases' ORDER BY id)sql";

json::object config_of(const postgres::Result& result, const std::string& project) {
  if (result.empty()) throw project_not_found(project);
  const auto text = result.get<std::optional<std::string>>(0, 0);
  return text ? parse_object(*text, "the configuration of project " + project) : json::object();
}

/// Reads, changes and writes a project's configuration under its lock.
asio::awaitable<void> change(postgres::Connection& connection, std::string project,
                             std::function<void(json::object& config)> work, Deadline deadline) {
  try {
    co_await in_transaction(connection, deadline, [&]() -> asio::awaitable<void> {
      postgres::Params key;
      key.add(project);
      auto config = config_of(co_await connection.execute_prepared(kReadLocked, key, deadline), project);
      work(config);
      postgres::Params written;
      written.add(project).add_jsonb(json::serialize(config));
      co_await connection.execute_prepared(kWrite, std::move(written), deadline);
    });
  } catch (const postgres::Error& error) {
    refuse_value(error);
  }
}

}  // namespace

asio::awaitable<std::string> read_configuration(postgres::Connection& connection, std::string project, Secrets secrets,
                                                Deadline deadline) {
  postgres::Params params;
  params.add(project);
  const auto result = co_await run(connection, kRead, std::move(params), deadline);
  co_return json::serialize(redacted(config_of(result, project), secrets));
}

asio::awaitable<void> update_configuration(postgres::Connection& connection, std::string project, std::string override_text,
                                           Secrets secrets, postgres::Guard guard, Deadline deadline) {
  const auto override_keys = parse_object(override_text, "config_override_string");
  co_await change(
      connection, project, [&](json::object& config) { config = merged(std::move(config), override_keys, secrets, guard); },
      deadline);
}

asio::awaitable<bool> put_destination(postgres::Connection& connection, std::string project, std::string id,
                                      DestinationConfig destination, bool replace, Secrets secrets, postgres::Guard guard,
                                      Deadline deadline) {
  json::object entry{{"type", "postgres"}, {"connectionString", destination.connection_string}};
  if (destination.branch != "main") entry["branch"] = destination.branch;
  bool done = false;
  co_await change(
      connection, project,
      [&](json::object& config) {
        auto* known = config.if_contains(kDestinations);
        auto destinations = known != nullptr && known->is_object() ? known->get_object() : json::object();
        done = replace || !destinations.contains(id);
        if (!done) return;
        destinations[id] = entry;
        config = merged(std::move(config), {{kDestinations, std::move(destinations)}}, secrets, guard);
      },
      deadline);
  co_return done;
}

asio::awaitable<bool> remove_destination(postgres::Connection& connection, std::string project, std::string id,
                                         Deadline deadline) {
  bool done = false;
  co_await change(
      connection, project,
      [&](json::object& config) {
        auto* known = config.if_contains(kDestinations);
        done = known != nullptr && known->is_object() && known->get_object().erase(id) > 0;
      },
      deadline);
  co_return done;
}

asio::awaitable<std::size_t> reseal(postgres::Connection& connection, Secrets secrets, Deadline deadline) {
  const auto projects = co_await run(connection, kProjectsWithDestinations, {}, deadline);
  std::size_t count = 0;
  for (std::size_t i = 0; i < projects.rows(); ++i) {
    co_await change(
        connection, projects.get<std::string>(i, 0),
        [&](json::object& config) {
          auto* known = config.if_contains(kDestinations);
          if (known != nullptr && known->is_object() && reseal_destinations(known->get_object(), secrets)) ++count;
        },
        deadline);
  }
  co_return count;
}

}  // namespace tributary::directory
