#include "support/torture.hpp"

#include <csignal>

#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "support/application.hpp"
#include "support/load.hpp"
#include "support/process.hpp"
#include "support/source.hpp"

namespace tributary::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 240s;

}  // namespace

Process::Environment torture_settings(const Database& source) {
  return {{"TRIBUTARY_SOURCE_URL", source.uri()},
          {"TRIBUTARY_CLICKHOUSE_USE", "none"},
          {"TRIBUTARY_HTTP_LISTEN", "127.0.0.1:0"},
          {"TRIBUTARY_THREADS", "2"},
          {"TRIBUTARY_LOG_LEVEL", "error"},
          {"TRIBUTARY_QUEUE_LEASE", "1s"},
          {"TRIBUTARY_QUEUE_REVIVE_EVERY", "100ms"},
          {"TRIBUTARY_QUEUE_LONGEST_PAUSE", "100ms"},
          {"TRIBUTARY_SEQUENCER_ROWS_PER_BATCH", "40"},
          {"TRIBUTARY_SEQUENCER_ROWS_PER_TENANCY", "20"},
          {"TRIBUTARY_SYNC_SMALL_ROWS", "8"},
          {"TRIBUTARY_SYNC_LOAD_ROWS", "40"},
          {"TRIBUTARY_SYNC_LOAD_CHUNK", "4KiB"},
          {"TRIBUTARY_CLICKHOUSE_LOAD_ROWS", "40"},
          {"TRIBUTARY_CLICKHOUSE_FLUSH_PAUSE", "20ms"},  // lest a load of so many parts mostly wait
          {"TRIBUTARY_SYNC_APPLY_TIMEOUT", "10s"},
          {"TRIBUTARY_SYNC_RETRY_FIRST", "50ms"},
          {"TRIBUTARY_SYNC_RETRY_LONGEST", "500ms"},
          {"TRIBUTARY_DESTINATIONS_CONNECT_TIMEOUT", "5s"}};
}

void torture(const TortureParams& params) {
  std::mt19937_64 random(params.seed);
  const SourceDatabase source;
  const Application application(source);
  const std::vector<std::vector<std::string>> roles{
      {"serve"}, {"serve"}, {"serve", "--roles", "sequencer"}, {"serve", "--roles", "sync"}};
  std::vector<std::unique_ptr<Process>> processes(roles.size());
  const auto start = [&](std::size_t i) {
    processes[i] = std::make_unique<Process>(params.binary, roles[i], torture_settings(source));
  };
  for (std::size_t i = 0; i < roles.size(); ++i) start(i);

  application.wait_until_equal(kLimit);

  Load load(application, params.seed);
  for (int round = 0; round < params.rounds; ++round) {
    application.wait_for_progress(kLimit);  // a kill of who does nothing yet would prove nothing
    // Not to wait for anything: this is the random moment.
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 300));
    // One of them, or, half of the time, all at once, as a machine loses power: so one that was just writing is among them.
    const auto first = random() % processes.size();
    const auto count = random() % 2 == 0 ? 1 : processes.size();
    for (std::size_t i = 0; i < count; ++i) {
      const auto end = processes[(first + i) % processes.size()]->kill();
      if (end.status != 128 + SIGKILL)
        throw std::runtime_error("a process had ended by itself, with status " + std::to_string(end.status));
    }
    for (std::size_t i = 0; i < count; ++i) start((first + i) % processes.size());
  }
  load.finish();

  auto session = source.session();
  application.complete(session);
  application.wait_until_equal(kLimit);
  application.delete_everything(kLimit);
}

}  // namespace tributary::test
