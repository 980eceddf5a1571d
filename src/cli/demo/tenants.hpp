#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "cli/demo/tasks.hpp"
#include "postgres/options.hpp"

namespace tributary::cli::demo {

/// A tenant of the demo, and the databases that are to hold its rows.
struct Tenant {
  Uuid tenancy;
  std::string project;                 ///< "amber-otters-1"
  std::int64_t users = 0;              ///< to begin with
  std::int64_t seed = 0;               ///< $4 of data.sql
  std::vector<std::string> databases;  ///< "customer_1"; the first tenant has "customer_1_warehouse", too
};

/// So many tenants of so many users together, shared out as real ones are: the n-th largest is about 1/n of the largest (Zipf). Pure; the
/// same seed gives the same tenants. REQUIRES: tenants > 0.
std::vector<Tenant> plan_tenants(int tenants, std::int64_t users, std::int64_t seed);

/// Creates the tenants' databases, then the tenants with everything in them. `server`: any database of the cluster that holds all of them,
/// as a superuser; `source`: the application's, migrated. `made` is told each tenant that is there. Throws postgres::Error; returns early at `stop`.
asio::awaitable<void> make_tenants(postgres::ConnectOptions server, postgres::ConnectOptions source, std::vector<Tenant> tenants,
                                   Tasks& tasks, std::function<void(const Tenant&)> made, std::stop_token stop);

/// The tenants of an earlier run. The connection strings of their databases at `server` are renewed: its address may have changed.
asio::awaitable<std::vector<Tenant>> find_tenants(postgres::ConnectOptions server, postgres::ConnectOptions source);

}  // namespace tributary::cli::demo
