#include "cli/demo/tenants.hpp"

#include <cmath>
#include <cstddef>
#include <map>
#include <memory>
#include <random>

#include "cli/demo/sql.hpp"
#include "postgres/connection.hpp"
#include "postgres/transaction.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kParallel = 2;  // of each kind; more only queue for the disk
constexpr auto kStatementTime = 10min;

/// What the tasks of one make_tenants() share.
struct Work {
  std::vector<Tenant> tenants;
  postgres::ConnectOptions server;
  postgres::ConnectOptions source;
  std::function<void(const Tenant&)> made;
  std::size_t next_tenant = 0;
  std::vector<std::string> databases{};
  std::size_t next_database = 0;
};

Uuid random_uuid(std::mt19937_64& random) {
  std::array<std::byte, 16> bytes;
  for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  bytes[6] = (bytes[6] & std::byte{0x0f}) | std::byte{0x40};  // version 4
  bytes[8] = (bytes[8] & std::byte{0x3f}) | std::byte{0x80};
  return Uuid::from_bytes(bytes);
}

std::string project_name(std::mt19937_64& random, int number) {
  static constexpr std::array kFirst{"amber", "blue",  "bright", "coral", "golden", "lunar",
                                     "north", "ocean", "polar",  "quiet", "solar",  "swift"};
  static constexpr std::array kLast{"bakery", "books", "clinic", "games",  "gardens", "labs",
                                    "music",  "press", "school", "studio", "tools",   "travel"};
  return std::string(kFirst[random() % kFirst.size()]) + "-" + kLast[random() % kLast.size()] + "-" + std::to_string(number);
}

asio::awaitable<void> create_databases(std::shared_ptr<Work> work, std::stop_token stop) {
  auto connection = co_await postgres::Connection::open(work->server, Deadline::after(30s));
  while (work->next_database < work->databases.size() && !stop.stop_requested()) {
    // WAL_LOG copies an empty template in about 50 ms; FILE_COPY would checkpoint twice.
    const auto statement =
        "CREATE DATABASE " + postgres::quote_identifier(work->databases[work->next_database++]) + " STRATEGY = wal_log";
    co_await connection.execute(statement, Deadline::after(kStatementTime));
  }
}

asio::awaitable<void> fill_tenant(postgres::Connection& connection, const postgres::ConnectOptions& server,
                                  const Tenant& tenant) {
  const auto deadline = Deadline::after(kStatementTime);
  auto transaction = co_await postgres::Transaction::begin(connection, postgres::TransactionMode::read_committed, deadline);
  std::vector<std::string> uris;
  for (const auto& database : tenant.databases) uris.push_back(server.with("dbname", database).to_string());
  postgres::Params names;
  names.add(tenant.tenancy)
      .add(tenant.project)
      .add_array(std::span<const std::string>(tenant.databases))
      .add_array(std::span<const std::string>(uris));
  const auto insert_tenant = sql_section("data.sql", "tenant");
  co_await connection.execute_prepared(insert_tenant, std::move(names), deadline);
  for (const auto* rows : {"users", "contact channels", "teams", "team members"}) {
    postgres::Params params;
    params.add(tenant.tenancy).add(tenant.project).add(tenant.users).add(tenant.seed);
    const auto insert = sql_section("data.sql", rows);
    co_await connection.execute_prepared(insert, std::move(params), deadline);
  }
  co_await transaction.commit(deadline);
}

asio::awaitable<void> fill_tenants(std::shared_ptr<Work> work, std::stop_token stop) {
  // As pg_restore does: the data refers to itself only, so foreign keys need no check. Capture's triggers are ENABLE ALWAYS.
  const auto options = work->source.with_setting("session_replication_role", "replica");
  auto connection = co_await postgres::Connection::open(options, Deadline::after(30s));
  const auto functions = sql_section("data.sql", "functions");
  co_await connection.execute_script(functions, Deadline::after(30s));
  while (work->next_tenant < work->tenants.size() && !stop.stop_requested()) {
    const auto& tenant = work->tenants[work->next_tenant++];
    co_await fill_tenant(connection, work->server, tenant);
    work->made(tenant);
  }
}

}  // namespace

std::vector<Tenant> plan_tenants(int tenants, std::int64_t users, std::int64_t seed) {
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  double weights = 0;
  for (int n = 1; n <= tenants; ++n) weights += 1.0 / n;
  std::vector<Tenant> plan;
  auto left = users;
  for (int n = 1; n <= tenants; ++n) {
    const auto name = "customer_" + std::to_string(n);
    const auto share = n == tenants ? left : std::min<std::int64_t>(left, std::llround(static_cast<double>(users) / n / weights));
    left -= share;
    plan.push_back({.tenancy = random_uuid(random),
                    .project = project_name(random, n),
                    .users = share,
                    .seed = (seed * 10'000 + n) * 100,
                    .databases = {name}});
  }
  plan.front().databases.push_back("customer_1_warehouse");
  return plan;
}

asio::awaitable<void> make_tenants(postgres::ConnectOptions server, postgres::ConnectOptions source, std::vector<Tenant> tenants,
                                   Tasks& tasks, std::function<void(const Tenant&)> made, std::stop_token stop) {
  auto work = std::make_shared<Work>(Work{std::move(tenants), std::move(server), std::move(source), std::move(made)});
  for (const auto& tenant : work->tenants)
    work->databases.insert(work->databases.end(), tenant.databases.begin(), tenant.databases.end());
  for (std::size_t i = 0; i < kParallel; ++i) tasks.add(create_databases(work, tasks.stop_token()));
  for (std::size_t i = 0; i < kParallel; ++i) tasks.add(fill_tenants(work, tasks.stop_token()));
  co_await tasks.join(std::move(stop));
}

asio::awaitable<std::vector<Tenant>> find_tenants(postgres::ConnectOptions server, postgres::ConnectOptions source) {
  auto connection = co_await postgres::Connection::open(source, Deadline::after(30s));
  const auto sql = sql_section("existing.sql", "tenants");
  const auto found = co_await connection.execute(sql, Deadline::after(kStatementTime));
  std::vector<Tenant> tenants;
  for (std::size_t row = 0; row < found.rows(); ++row) {
    auto& tenant = tenants.emplace_back(Tenant{.tenancy = found.get<Uuid>(row, 0),
                                               .project = found.get<std::string>(row, 1),
                                               .users = found.get<std::int64_t>(row, 2),
                                               .seed = 0,
                                               .databases = found.get<std::vector<std::string>>(row, 3)});
    std::vector<std::string> uris;
    for (const auto& database : tenant.databases) uris.push_back(server.with("dbname", database).to_string());
    postgres::Params params;
    params.add(tenant.project)
        .add_array(std::span<const std::string>(tenant.databases))
        .add_array(std::span<const std::string>(uris));
    const auto renew = sql_section("existing.sql", "addresses");
    co_await connection.execute(renew, std::move(params), Deadline::after(kStatementTime));
  }
  co_return tenants;
}

}  // namespace tributary::cli::demo
