#include "support/load.hpp"

#include <fmt/format.h>

#include <deque>
#include <random>
#include <string>

#include "support/source.hpp"

namespace tributary::test {

namespace {

constexpr std::size_t kUnchanged = 10;  ///< so many users of the ledger are younger than the one that is changed

bool is_truncation(Action action) {
  using enum Action;
  return action == truncate_users || action == truncate_channels || action == truncate_members || action == truncate_teams;
}

}  // namespace

Load::Load(const Application& application, std::uint64_t seed, bool truncates) {
  const bool truncates_users = truncates && std::mt19937_64(seed)() % 4 == 0;
  const auto start = [this](std::exception_ptr& failure, auto work) {
    threads_.emplace_back([&failure, work] {
      try {
        work();
      } catch (...) {
        failure = std::current_exception();
      }
    });
  };
  for (unsigned i = 0; i < kClients; ++i)
    start(failures_[i], [=, this, &application] { be_client(application, seed + i, truncates, truncates_users); });
  start(failures_[kClients], [this, &application] { keep_ledger(application); });
}

void Load::be_client(const Application& application, std::uint64_t seed, bool truncates, bool truncates_users) {
  std::mt19937_64 random(seed);
  Client client(application);
  while (!stop_) {
    const auto operation = random_operation(random);
    const bool is_allowed =
        operation.action == Action::truncate_users ? truncates_users : truncates || !is_truncation(operation.action);
    if (is_allowed) client.perform(operation);
  }
  client.finish();
}

void Load::keep_ledger(const Application& application) {
  auto session = application.source().session();
  const auto tenancy = application.tenant(session, Application::kLedger).tenancy;
  const auto insert = fmt::format(R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId")
                                     VALUES ('{0}', gen_random_uuid(), '{0}') RETURNING "projectUserId")",
                                  tenancy);
  std::deque<std::string> users;
  for (unsigned number = 0; !stop_; ++number) {
    users.push_back(session.value(insert));
    if (users.size() > kUnchanged) {
      const auto who = fmt::format(R"(WHERE "tenancyId" = '{}' AND "projectUserId" = '{}')", tenancy, users.front());
      if (number % 3 == 0) session.run(R"(UPDATE "ProjectUser" SET "displayName" = 'changed once' )" + who);
      if (number % 3 == 1) session.run(R"(DELETE FROM "ProjectUser" )" + who);
      users.pop_front();
    }
    session.run("SELECT pg_sleep(0.005)");  // lest there be too much to compare
  }
}

Load::~Load() { join(); }

void Load::finish() {
  join();
  for (const auto& failure : failures_) {
    if (failure) std::rethrow_exception(failure);
  }
}

void Load::join() {
  stop_ = true;
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace tributary::test
