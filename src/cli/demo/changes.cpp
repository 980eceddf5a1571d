#include "cli/demo/changes.hpp"

#include <charconv>
#include <cmath>
#include <random>

#include "cli/demo/sql.hpp"
#include "postgres/connection.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

struct Kinds {
  std::vector<std::string> statements;
  std::vector<double> weights;
};

Kinds read_kinds() {
  Kinds kinds;
  for (const auto& section : sql_sections("changes.sql")) {
    int weight = 0;
    std::from_chars(section.name.data(), section.name.data() + section.name.size(), weight);
    kinds.statements.emplace_back(section.text);
    kinds.weights.push_back(weight);
  }
  return kinds;
}

/// Draws what changes next.
class Dice {
 public:
  Dice(std::uint64_t seed, const std::vector<double>& tenants, const std::vector<double>& kinds)
      : random_(seed), tenants_(tenants.begin(), tenants.end()), kinds_(kinds.begin(), kinds.end()) {}
  std::size_t tenant() { return tenants_(random_); }
  std::size_t kind() { return kinds_(random_); }
  std::int64_t number() { return static_cast<std::int64_t>(random_() >> 33); }
  Uuid uuid() {
    Uuid id;
    for (auto& byte : id.bytes) byte = static_cast<std::byte>(random_());
    return id;
  }

 private:
  std::mt19937_64 random_;
  std::discrete_distribution<std::size_t> tenants_;
  std::discrete_distribution<std::size_t> kinds_;
};

}  // namespace

Changes::Changes(asio::any_io_executor executor, ChangesParams params, const std::vector<Tenant>& tenants)
    : params_(std::move(params)), workers_(executor) {
  for (const auto& tenant : tenants) {
    tenancies_.push_back(tenant.tenancy);
    shares_.push_back(std::sqrt(1.0 + static_cast<double>(tenant.users)));
  }
  for (int i = 0; i < params_.connections; ++i) pauses_.emplace_back(executor);
}

asio::awaitable<void> Changes::run(std::stop_token stop) {
  if (params_.per_second <= 0) co_return;
  for (int i = 0; i < params_.connections; ++i) workers_.add(work(i, workers_.stop_token()));
  co_await workers_.join(std::move(stop));
}

asio::awaitable<void> Changes::work(int number, std::stop_token stop) {
  const auto kinds = read_kinds();
  Dice dice(static_cast<std::uint64_t>(params_.seed * 1'000 + number), shares_, kinds.weights);
  auto connection = co_await postgres::Connection::open(params_.source, Deadline::after(30s));
  const auto functions = sql_section("data.sql", "functions");
  co_await connection.execute_script(functions, Deadline::after(30s));

  const auto interval =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(params_.connections / params_.per_second));
  auto next = Clock::now() + interval * number / params_.connections;
  while (!stop.stop_requested()) {
    co_await pauses_[static_cast<std::size_t>(number)].until(Deadline::at(next), stop);
    next = std::max(next + interval, Clock::now() - 1s);  // catches up on a hiccup, not on a long stop
    const auto first = dice.uuid();
    const auto fresh = Uuid::random();  // not by the seed: with --keep, the ids of an earlier run are taken
    postgres::Params params;
    params.add(tenancies_[dice.tenant()]).add(first).add(fresh).add(dice.number());
    const auto& statement = kinds.statements[dice.kind()];
    try {
      const auto result = co_await connection.execute_prepared(statement, std::move(params), Deadline::after(30s));
      statements_ += result.affected_rows() > 0 ? 1 : 0;
      rows_ += result.affected_rows();
    } catch (const postgres::Error& error) {
      const bool lost_a_race = error.kind() == postgres::ErrorKind::server && (error.retryable() || error.may_blame_a_row());
      if (!lost_a_race) throw;
    }
  }
}

}  // namespace tributary::cli::demo
