#include "cli/demo/customers.hpp"

namespace tributary::cli::demo {

std::vector<Customer> customers_of(asio::any_io_executor executor, const postgres::ConnectOptions& server,
                                   const std::vector<Tenant>& tenants) {
  std::vector<Customer> customers;
  for (const auto& tenant : tenants) {
    for (const auto& database : tenant.databases) {
      auto options =
          server.with("dbname", database).with("application_name", "tributary demo (customer)").with_setting("TimeZone", "UTC");
      customers.push_back(
          {.tenancy = tenant.tenancy,
           .database = database,
           .users = tenant.users,
           .pool = std::make_unique<postgres::Pool>(executor, std::move(options), postgres::PoolSettings{.max_connections = 2})});
    }
  }
  return customers;
}

bool is_missing_table(const postgres::Error& error) { return error.sqlstate() == "42P01"; }

}  // namespace tributary::cli::demo
