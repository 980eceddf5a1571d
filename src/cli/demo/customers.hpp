#pragma once
#include <memory>
#include <string>
#include <vector>

#include "cli/demo/tenants.hpp"
#include "postgres/pool.hpp"

namespace tributary::cli::demo {

/// A customer's database, as the customer sees it.
struct Customer {
  Uuid tenancy;
  std::string database;
  std::int64_t users = 0;  ///< of the tenant, to begin with
  std::unique_ptr<postgres::Pool> pool;
};

/// One for each database of each tenant. `server`: the cluster that holds them.
std::vector<Customer> customers_of(asio::any_io_executor executor, const postgres::ConnectOptions& server,
                                   const std::vector<Tenant>& tenants);

/// Whether a statement failed because Tributary has not made the tables of this database yet.
bool is_missing_table(const postgres::Error& error);

}  // namespace tributary::cli::demo
