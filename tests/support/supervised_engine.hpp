#pragma once
#include <boost/asio/io_context.hpp>

#include <filesystem>
#include <optional>
#include <stop_token>

#include "clickhouse/embedded/supervisor.hpp"

namespace tributary::test {

/// A supervisor and its unrestricted host, with the times of a test, until it is stopped. Its loop turns only in wait() and stop().
class SupervisedEngine {
 public:
  explicit SupervisedEngine(const std::filesystem::path& folder);
  ~SupervisedEngine() { stop(); }
  SupervisedEngine(const SupervisedEngine&) = delete;
  SupervisedEngine& operator=(const SupervisedEngine&) = delete;

  /// Until it has said `changes` times that the host is there or gone: where it is then.
  std::optional<clickhouse::embedded::ReadyLine> wait(int changes);
  void stop();

 private:
  boost::asio::io_context loop_{1};
  clickhouse::embedded::Supervisor supervisor_;
  std::stop_source stop_;
  int changes_ = 0;
  bool ended_ = false;
};

/// The process that hosts an engine in this folder; -1: there is none.
pid_t host_in(const std::filesystem::path& folder);

}  // namespace tributary::test
