#include "sequencing.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <limits>
#include <stdexcept>

namespace tributary::test {
namespace {

using namespace std::chrono_literals;
using sequencer::Sequencer;

boost::asio::awaitable<source::Installation> installation(postgres::Pool& pool) {
  auto connection = co_await pool.acquire(Deadline::after(20s));
  const auto mappings = builtin_mappings();
  co_return co_await source::attach(*connection, mappings, Deadline::after(20s));
}

constexpr int kAll = std::numeric_limits<int>::max();

sequencer::Pass passes(const Database& database, sequencer::Params params, int times) {
  sequencer::Pass total;
  run([&]() -> boost::asio::awaitable<void> {
    postgres::Pool pool(co_await boost::asio::this_coro::executor, Sequencer::session_settings(database.options()));
    telemetry::Metrics metrics;
    const auto installed = co_await installation(pool);
    Sequencer sequencer(pool, installed, builtin_mappings(), params, metrics, {});
    for (int i = 0; i < times; ++i) {
      const auto pass = co_await sequencer.pass({});
      total = {total.rows + pass.rows, total.tenancies + pass.tenancies, pass.more};
      if (times == kAll && !pass.more) break;
    }
  });
  return total;
}

}  // namespace

sequencer::Pass sequence_all(const Database& database, sequencer::Params params) { return passes(database, params, kAll); }
sequencer::Pass sequence_times(int times, const Database& database, sequencer::Params params) {
  return passes(database, params, times);
}
sequencer::Pass sequence_once(const Database& database, sequencer::Params params) { return passes(database, params, 1); }

RunningSequencer::RunningSequencer(const Database& database, sequencer::Params params, std::string_view application_name)
    : thread_([this, options = database.options().with("application_name", application_name), params] { run(options, params); }) {
}

RunningSequencer::~RunningSequencer() { stop(); }

void RunningSequencer::stop() {
  stop_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void RunningSequencer::run(postgres::ConnectOptions options, sequencer::Params params) {
  boost::asio::io_context loop(1);
  boost::asio::co_spawn(
      loop,
      [&]() -> boost::asio::awaitable<void> {
        postgres::Pool pool(loop.get_executor(), Sequencer::session_settings(options));
        const auto installed = co_await installation(pool);
        Sequencer sequencer(pool, installed, builtin_mappings(), params, metrics_, {});
        co_await sequencer.run(stop_.get_token());
      },
      [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
      });
  loop.run();
}

void wait_for(Session& session, const std::string& sql, const std::string& expected) {
  const auto until = std::chrono::steady_clock::now() + 20s;
  while (session.value(sql) != expected) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("never became " + expected + ": " + sql);
    std::this_thread::sleep_for(2ms);
  }
}

}  // namespace tributary::test
