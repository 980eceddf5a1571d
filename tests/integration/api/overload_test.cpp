#include <thread>
#include <vector>

#include "fixture.hpp"
#include "support/compare.hpp"

/// More requests than there is room for: some are told to come back, at once, and nothing else happens to anybody.
namespace tributary::test {
namespace {

class Overload : public ApiTest {
 protected:
  Overload() : ApiTest({.queue_timeout = std::chrono::milliseconds(500), .queries_of_project = 0}) {}
};

TEST_F(Overload, ARequestThatFindsNoConnectionInTimeIsToldToComeBack) {
  const auto project = add_project("acme");
  auto client = project.server();
  expect_ok(client.get("/users"));  // its keys are known now
  auto application = source_.session();
  application.run(R"(BEGIN; LOCK TABLE "ProjectUser" IN ACCESS EXCLUSIVE MODE)");
  std::vector<std::thread> waiting;
  for (std::size_t i = 0; i < postgres::PoolSettings{}.max_connections; ++i)
    waiting.emplace_back([&project] { expect_ok(project.server().get("/users")); });
  wait_until(
      [&] {
        return session_.number("SELECT count(*) FROM pg_stat_activity WHERE datname = '" + source_.name() +
                               "' AND wait_event_type = 'Lock'") == static_cast<long long>(waiting.size());
      },
      "every connection waits for the lock");
  const auto refused = client.get("/teams");
  expect_refusal(refused, 503, "SERVER_BUSY");
  EXPECT_EQ(refused.fields.at("retry-after"), "1");
  application.run("COMMIT");
  for (auto& thread : waiting) thread.join();
  expect_ok(client.get("/teams"));
}

TEST_F(Overload, AProjectHasNoMoreQueriesAtOnceThanItMay) {
  const auto project = add_project("acme");
  const auto refused = project.admin().post("/internal/analytics/query", {{"query", "SELECT 1"}});
  expect_refusal(refused, 429, "TOO_MANY_QUERIES");
  EXPECT_EQ(refused.fields.at("retry-after"), "1");
}

}  // namespace
}  // namespace tributary::test
