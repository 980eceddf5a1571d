#include "tenants.hpp"

#include <fstream>

#include "base/embedded.hpp"
#include "mapping/clickhouse_plan.hpp"

namespace tributary::clickhouse::embedded::test {

std::vector<mapping::Mapping> built_in_mappings() {
  std::vector<mapping::Mapping> result;
  for (const auto& file : embedded_mappings()) result.push_back(mapping::parse(file.text, file.name).mapping.value());
  return result;
}

TenantHost::TenantHost(const std::function<void(const Host& admin)>& fill,
                       const std::function<std::string(std::string users)>& change) {
  const auto mappings = built_in_mappings();
  {
    Host host(folder_.path());
    const auto plan = mapping::clickhouse::plan(mappings, {.embedded = true}, nullptr, {});
    for (const auto& step : plan.steps) {
      for (const auto& statement : step.statements) host.run(statement);
    }
    fill(host);
    host.end();
  }
  auto users = mapping::clickhouse::embedded_users(mappings);
  if (change) users = change(std::move(users));
  const auto file = folder_.path() / "given-users.xml";
  std::ofstream(file) << users;
  host_ = std::make_unique<Host>(folder_.path(), std::vector<std::string>{"--users", file.string()});
}

}  // namespace tributary::clickhouse::embedded::test
