#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/uuid.hpp"
#include "cli/demo/private_cluster.hpp"
#include "support/chaos_proxy.hpp"
#include "support/compare.hpp"
#include "support/process.hpp"
#include "support/source.hpp"
#include "support/torture.hpp"

/// The source is stopped and started under a service that knows of nothing.
namespace tributary::test {
namespace {

namespace fs = std::filesystem;
using cli::demo::PrivateCluster;

const std::string kTenancy = uuid(1);

class Failover : public testing::Test {
 protected:
  Failover() : proxy_(start("primary").database("postgres"), 0) {
    Session(cluster_->database("postgres").to_string()).run("CREATE DATABASE source");
    Process migrate(TRIBUTARY_BINARY, {"migrate", "--quiet"}, settings());
    EXPECT_EQ(migrate.wait().status, 0);
    const auto config = fmt::format(
        R"({{"dbSync.externalDatabases": {{"d": {{"type": "postgres", "connectionString": "{}"}}}}}})", customer_.uri());
    source().run(insert_project("p", config) + insert_tenancy(kTenancy, "p"));
    add_users(1);
  }
  ~Failover() override {
    cluster_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  PrivateCluster& start(const std::string& name) {
    cluster_.reset();  // it locks its folder
    cluster_.emplace(
        PrivateCluster::start({.folder = folder_ / name, .settings = {{"fsync", "off"}, {"max_connections", "50"}}}));
    return *cluster_;
  }
  /// In its place: where the service finds it from now on.
  void start_in_place(const std::string& name) { proxy_.lead_to(start(name).database("postgres")); }
  Session source() const { return Session(cluster_->database("source").to_string()); }
  Process::Environment settings() const {
    auto variables = torture_settings(customer_);
    variables["TRIBUTARY_SOURCE_URL"] = cluster_->database("source").with("port", proxy_.port()).to_string();
    return variables;
  }
  void add_users(int first) const {
    auto session = source();
    for (int i = first; i < first + 5; ++i) session.run(insert_user(kTenancy, uuid(1'000 + static_cast<unsigned>(i))));
  }
  void wait_until_both_equal() {
    auto session = source();
    auto customer = customer_.session();
    wait_until_equal(session, kTenancy, customer);
  }

  const fs::path folder_ = [] {
    const auto folder = fs::temp_directory_path() / ("tributary-failover-" + Uuid::random().to_string().substr(0, 8));
    fs::create_directory(folder);
    fs::permissions(folder, fs::perms::all);
    return folder;
  }();
  Database customer_{"customer"};
  std::optional<PrivateCluster> cluster_;
  ChaosProxy proxy_;
};

TEST_F(Failover, ARestartOfTheSourceLosesNothing) {
  Process serve(TRIBUTARY_BINARY, {"serve"}, settings());
  wait_until_both_equal();
  for (int round = 1; round <= 2; ++round) {
    cluster_->stop();
    start_in_place("primary");
    add_users(100 * round);
    wait_until_both_equal();
  }
  EXPECT_EQ(serve.kill().status, 128 + 9) << "it ran all the time";
}

}  // namespace
}  // namespace tributary::test
