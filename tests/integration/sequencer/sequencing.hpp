#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "sequencer/sequencer.hpp"
#include "support/source.hpp"

namespace tributary::test {

/// All passes of a sequencer of its own until nothing is left, on a loop of its own.
sequencer::Pass sequence_all(const Database& database, sequencer::Params params = {});
/// That many passes, resp. one.
sequencer::Pass sequence_times(int passes, const Database& database, sequencer::Params params = {});
sequencer::Pass sequence_once(const Database& database, sequencer::Params params = {});

/// A sequencer that runs on a thread of its own until this is destroyed (or stopped).
class RunningSequencer {
 public:
  explicit RunningSequencer(const Database& database, sequencer::Params params = {},
                            std::string_view application_name = "tributary-test");
  ~RunningSequencer();
  void stop();
  telemetry::Metrics& metrics() { return metrics_; }

 private:
  void run(postgres::ConnectOptions options, sequencer::Params params);

  telemetry::Metrics metrics_;
  std::stop_source stop_;
  std::jthread thread_;
};

/// Polls until the query gives `expected`; throws after 20 s.
void wait_for(Session& session, const std::string& sql, const std::string& expected);

}  // namespace tributary::test
