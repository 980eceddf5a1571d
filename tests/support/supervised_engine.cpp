#include "support/supervised_engine.hpp"

#include <boost/asio/co_spawn.hpp>

#include <fstream>
#include <iterator>
#include <string>

namespace tributary::test {

using namespace std::chrono_literals;

SupervisedEngine::SupervisedEngine(const std::filesystem::path& folder)
    : supervisor_(loop_.get_executor(),
                  {.program = TRIBUTARY_BINARY,
                   .folder = folder,
                   .sign_every = 1ms,
                   .sign_time = 400ms,
                   .missed_signs = 2,
                   .backoff = {1ms, 10ms}},
                  nullptr, [this](const std::optional<clickhouse::embedded::ReadyLine>&) { ++changes_; }) {
  boost::asio::co_spawn(loop_, supervisor_.run(stop_.get_token()), [this](std::exception_ptr) { ended_ = true; });
}

std::optional<clickhouse::embedded::ReadyLine> SupervisedEngine::wait(int changes) {
  while (changes_ < changes) loop_.run_one();
  return supervisor_.current();
}

void SupervisedEngine::stop() {
  stop_.request_stop();
  while (!ended_) loop_.run_one();
}

pid_t host_in(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline");
    const std::string line{std::istreambuf_iterator<char>(file), {}};
    if (line.find("clickhouse-host") != std::string::npos && line.find(folder.string()) != std::string::npos)
      return std::stoi(name);
  }
  return -1;
}

}  // namespace tributary::test
