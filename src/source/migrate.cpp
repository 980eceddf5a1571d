#include "source/migrate.hpp"

#include <fmt/format.h>
#include <boost/asio/steady_timer.hpp>

#include <random>
#include <utility>

#include "base/backoff.hpp"
#include "source/capture.hpp"
#include "source/check.hpp"
#include "telemetry/log.hpp"

namespace tributary::source {
namespace {

constexpr std::string_view kTryLock = "SELECT pg_try_advisory_lock(1414678849, 0)";
constexpr std::string_view kUnlock = "SELECT pg_advisory_unlock(1414678849, 0)";
constexpr Backoff kBetweenTries{std::chrono::milliseconds(50), std::chrono::milliseconds(1'000)};

/// A lock was not to be had in time, or two sessions waited for each other: worth another try.
bool lost_a_lock(const postgres::Error& error) { return error.sqlstate() == "55P03" || error.sqlstate() == "40P01"; }

class Migration {
 public:
  Migration(postgres::Connection& connection, MigrateOptions options, std::stop_token stop)
      : connection_(connection),
        options_(std::move(options)),
        stop_(std::move(stop)),
        deadline_(Deadline::after(options_.give_up_after)) {}

  /// Takes the lock of all migrations, works, and gives it back whatever happens (a session that broke has given it back by that).
  asio::awaitable<void> run(std::span<const mapping::Mapping> mappings) {
    if (!co_await lock()) co_return;
    std::exception_ptr failure;
    try {
      co_await work(mappings);
    } catch (...) {
      failure = std::current_exception();
    }
    try {
      if (connection_.usable()) co_await leave();
    } catch (const postgres::Error&) {
      if (!failure) throw;  // what failed first says more
    }
    if (failure) std::rethrow_exception(failure);
  }

 private:
  /// Though the time for all the rest may be over.
  asio::awaitable<void> leave() {
    const auto deadline = Deadline::after(std::chrono::seconds(10));
    co_await connection_.execute_script("RESET lock_timeout; RESET search_path", deadline);
    co_await connection_.execute(kUnlock, deadline);
  }

  asio::awaitable<void> work(std::span<const mapping::Mapping> mappings) {
    check_server_version(connection_.server_version());
    if (co_await is_installed(connection_, deadline_)) {
      const int version = co_await installed_version(connection_, deadline_);
      if (version > schema_version())
        throw std::runtime_error(fmt::format("the source's schema is of a newer version: {}", version));
    }
    co_await connection_.execute_script("SET search_path = public", deadline_);
    bool checked = false;
    for (const auto& step : migration_steps()) {
      if (stop_.stop_requested()) co_return;
      // Before the first index of a table: until then, tables that were missing have been made, and no other was touched.
      if (step.concurrently && !std::exchange(checked, true)) co_await check_mappings(connection_, mappings, deadline_);
      co_await run_step(step);
    }
    for (const auto& step : capture_steps(mappings)) co_await run_step(step);
    if (stop_.stop_requested()) co_return;
    const auto marked = marked_tables(mappings);
    postgres::Params params;
    params.add(static_cast<std::int32_t>(schema_version())).add_array(std::span<const std::string>(marked));
    co_await connection_.execute(
        "UPDATE tributary.installation SET schema_version = greatest(schema_version, $1), marked_tables = $2", std::move(params),
        deadline_);
  }

  asio::awaitable<bool> lock() {
    for (int tries = 1; !stop_.stop_requested(); ++tries) {
      const auto result = co_await connection_.execute(kTryLock, deadline_);
      if (result.get<bool>(0, 0)) co_return true;
      co_await pause(tries);
    }
    co_return false;
  }

  asio::awaitable<void> run_step(Step step) {
    if (stop_.stop_requested() || co_await is_done(step)) co_return;
    if (options_.progress) options_.progress(step);
    std::optional<postgres::Error> lost;
    for (int tries = 1; !stop_.stop_requested(); ++tries) {
      lost = co_await try_step(step, lost);
      if (!lost) co_return;
      telemetry::log(telemetry::Level::info, "source", "a migration step waits for a lock",
                     {{"step", step.name}, {"tries", tries}});
      co_await pause(tries);
      if (deadline_.expired()) throw *lost;
    }
  }

  asio::awaitable<bool> is_done(const Step& step) {
    if (step.done.empty()) co_return false;
    const auto result = co_await connection_.execute("SELECT " + step.done, deadline_);
    co_return result.get<bool>(0, 0);
  }

  /// The error where a lock was not to be had. A concurrent step may wait for its locks: nobody has to wait behind it. `before`: what the last try was lost
  /// to. A deadline that passes in the middle of this one tells less than that.
  asio::awaitable<std::optional<postgres::Error>> try_step(const Step& step, const std::optional<postgres::Error>& before) {
    const auto timeout = step.concurrently ? 0 : options_.lock_timeout.count();
    try {
      co_await connection_.execute_script(fmt::format("SET lock_timeout = {}", timeout), deadline_);
      co_await connection_.execute_script(step.sql, deadline_);
      co_return std::nullopt;
    } catch (const postgres::Error& error) {
      if (lost_a_lock(error) && !deadline_.expired()) co_return error;
      if (before && !step.concurrently && error.kind() == postgres::ErrorKind::deadline) throw postgres::Error(*before);
      throw;
    }
  }

  asio::awaitable<void> pause(int tries) {
    asio::steady_timer timer(connection_.executor(), kBetweenTries.delay(tries, std::uniform_real_distribution<>(0, 1)(random_)));
    co_await timer.async_wait(asio::use_awaitable);
  }

  postgres::Connection& connection_;
  const MigrateOptions options_;
  const std::stop_token stop_;
  const Deadline deadline_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace

asio::awaitable<void> migrate(postgres::Connection& connection, std::span<const mapping::Mapping> mappings,
                              MigrateOptions options, std::stop_token stop) {
  Migration migration(connection, std::move(options), std::move(stop));
  co_await migration.run(mappings);
}

}  // namespace tributary::source
