#include <gtest/gtest.h>

#include <thread>

#include "tenants.hpp"

namespace tributary::clickhouse::embedded::test {
namespace {

constexpr auto kProjects = {"one", "one", "two", "two"};  // as many queries as run at once

/// Never ends, and needs memory for so many numbers.
std::string endless(int numbers) { return fmt::format("SELECT uniqExact(number % {}) FROM numbers(1000000000000)", numbers); }

TEST(HostMemory, TenantsLeaveTheWriterItsHalf) {
  const TenantHost host([](const Host&) {}, {}, {"--memory", "512MiB"});
  std::vector<std::thread> hungry;
  for (const auto* project : kProjects) {
    hungry.emplace_back([&host, project] {
      EXPECT_EQ(host->ask_as(project, endless(8'000'000), "&max_execution_time=20").exception_code(), "241");
    });
  }
  for (auto& query : hungry) query.join();

  std::vector<std::shared_ptr<void>> modest;
  for (const auto* project : kProjects) modest.push_back(host->send(Host::as(project, endless(400'000))));
  const std::string running =
      "SELECT count() FROM system.processes WHERE query LIKE '%uniqExact%' AND query NOT LIKE '%system.processes%'";
  while (host->run(running) != "4\n") std::this_thread::yield();
  const auto answer =
      host->ask({.body = "INSERT INTO analytics_internal.teams (project_id, branch_id, id, display_name, sync_sequence_id) "
                         "SELECT 'three', 'main', generateUUIDv4(), repeat('x', 1000), number FROM numbers(30000)"});
  EXPECT_EQ(answer.status, 200U) << answer.body;
  EXPECT_EQ(host->run(running), "4\n");
}

}  // namespace
}  // namespace tributary::clickhouse::embedded::test
