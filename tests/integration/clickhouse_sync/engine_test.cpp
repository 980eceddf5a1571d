#include <gtest/gtest.h>

#include <csignal>

#include "support/clickhouse_compare.hpp"
#include "support/compare.hpp"
#include "support/service.hpp"
#include "support/supervised_engine.hpp"

/// The embedded engine under a service, as `serve` keeps it.
namespace tributary::sync {
namespace {

using namespace std::chrono_literals;
using clickhouse::embedded::administrator_of;
using clickhouse::embedded::ReadyLine;
using test::uuid;

struct Folder {
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  const std::filesystem::path path = test::make_engine_folder();
};

test::AskClickHouse asking(const ReadyLine& host) {
  return [server = administrator_of(host)](const test::TenantName&, const std::string& sql) {
    return test::clickhouse_strings(server, sql);
  };
}

// SIGSTOP: it neither ends nor answers.
TEST(ClickHouseEngine, OneThatHangsIsReplacedAndMissesNothing) {
  const test::SourceDatabase source;
  auto session = source.session();
  const test::TenantName tenant{.tenancy = uuid(1), .project = "acme"};
  session.run(test::insert_project(tenant.project, "{}") + test::insert_tenancy(tenant.tenancy, tenant.project));
  session.run(test::insert_user(tenant.tenancy, uuid(10)));
  const Folder folder;
  test::SupervisedEngine engine(folder.path);
  const auto first = engine.wait(1);
  ASSERT_TRUE(first);
  test::Service::Params params;
  params.clickhouse = administrator_of(*first);
  test::Service service(source, params);
  wait_until_equal(session, tenant, asking(*first), 60s);

  ::kill(test::host_in(folder.path), SIGSTOP);
  session.run(test::insert_user(tenant.tenancy, uuid(11)));
  EXPECT_FALSE(engine.wait(2));
  service.connect_clickhouse(std::nullopt);
  const auto second = engine.wait(3);
  ASSERT_TRUE(second);
  EXPECT_NE(first->credentials.admin_password, second->credentials.admin_password);
  service.connect_clickhouse(administrator_of(*second));
  wait_until_equal(session, tenant, asking(*second), 60s);
}

}  // namespace
}  // namespace tributary::sync
