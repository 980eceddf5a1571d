#include "clickhouse/embedded/detail/running_statement.hpp"

#include "base/sql_text.hpp"
#include "telemetry/log.hpp"

namespace tributary::clickhouse::embedded {
namespace {

using namespace std::chrono_literals;

/// A statement may not be known to the engine yet when it is killed, so that is asked for again.
constexpr auto kKillAgain = 200ms;

}  // namespace

RunningStatement::RunningStatement(Server::State& server) : server_(server), wake_(server.acceptor.get_executor()) {
  server_.statements.insert(this);
}

RunningStatement::~RunningStatement() { server_.statements.erase(this); }

void RunningStatement::start(std::string comment, Job job, std::function<void()> at_end, std::function<void()> at_kill) {
  at_kill_ = std::move(at_kill);
  comment_ = std::move(comment);
  started_ = true;
  started_at_ = std::chrono::steady_clock::now();
  cpu_at_start_ = server_.cpu.begin();
  asio::post(server_.threads, [this, job = std::move(job), at_end = std::move(at_end)]() mutable {
    Outcome outcome;
    try {
      auto session = server_.engine.open();
      outcome = job(session);
    } catch (const EngineFailure& failure) {
      outcome.error = failure.error();
    } catch (const std::exception& error) {
      outcome.error = EngineFailure(1001, "STD_EXCEPTION", error.what()).error();
    }
    asio::post(server_.acceptor.get_executor(), [this, outcome = std::move(outcome), at_end = std::move(at_end)]() mutable {
      outcome_ = std::move(outcome);
      time_ = {.cpu = std::chrono::ceil<std::chrono::microseconds>(server_.cpu.end(cpu_at_start_)),
               .wall = std::chrono::ceil<std::chrono::microseconds>(std::chrono::steady_clock::now() - started_at_)};
      at_end();
      wake_.set();
    });
  });
}

void RunningStatement::kill() {
  killed_ = true;
  if (started_ && !outcome_) at_kill_();
  wake_.set();
}

asio::awaitable<void> RunningStatement::kill_now() {
  const auto sql = "KILL QUERY WHERE Settings['log_comment'] = " + quote_clickhouse_literal(comment_) + " ASYNC";
  const auto run = [this, &sql]() -> asio::awaitable<void> {
    try {
      auto session = server_.engine.open();
      session.run(sql);
    } catch (const std::exception& error) {
      telemetry::log(telemetry::Level::warning, "clickhouse-host", "a statement could not be killed, which will be tried again",
                     {{"error", error.what()}});
    }
    co_return;
  };
  co_await asio::co_spawn(server_.control, run, asio::use_awaitable);
}

asio::awaitable<Outcome> RunningStatement::finish() {
  while (!outcome_) {
    if (killed_) co_await kill_now();
    if (outcome_) break;
    co_await wake_.wait(killed_ ? Deadline::after(kKillAgain) : Deadline::never());
  }
  co_return std::move(*outcome_);
}

}  // namespace tributary::clickhouse::embedded
