#include "support/load.hpp"

#include <fmt/format.h>

#include <random>

#include "support/source.hpp"

namespace tributary::test {

namespace {

bool is_truncation(Action action) {
  using enum Action;
  return action == truncate_users || action == truncate_channels || action == truncate_members || action == truncate_teams;
}

}  // namespace

Load::Load(const Application& application, std::uint64_t seed, bool truncates) {
  for (unsigned i = 0; i < kClients; ++i) {
    threads_.emplace_back([this, &application, i, seed, truncates] {
      try {
        std::mt19937_64 random(seed + i);
        Client client(application);
        while (!stop_) {
          const auto operation = random_operation(random);
          if (truncates || !is_truncation(operation.action)) client.perform(operation);
        }
        client.finish();
      } catch (...) {
        failures_[i] = std::current_exception();
      }
    });
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

Ledger::Ledger(const Database& source) : tenant_{.tenancy = uuid(0xabcd'ef01), .project = "ledger"} {
  source.session().run(insert_project(tenant_.project) + insert_tenancy(tenant_.tenancy, tenant_.project));
  thread_ = std::thread([this, session = source.session()]() mutable {
    try {
      const auto insert = fmt::format(R"(INSERT INTO "ProjectUser" ("tenancyId", "projectUserId", "mirroredProjectId")
                                         VALUES ('{0}', gen_random_uuid(), '{0}'))",
                                      tenant_.tenancy);
      while (!stop_) {
        session.run(insert);
        session.run("SELECT pg_sleep(0.005)");  // lest there be too much to compare
      }
    } catch (...) {
      failure_ = std::current_exception();
    }
  });
}

Ledger::~Ledger() { join(); }

void Ledger::finish() {
  join();
  if (failure_) std::rethrow_exception(failure_);
}

void Ledger::join() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

}  // namespace tributary::test
