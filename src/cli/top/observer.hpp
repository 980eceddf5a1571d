#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/top/sample.hpp"
#include "mapping/mapping.hpp"
#include "postgres/connection.hpp"

namespace tributary::cli::top {

namespace asio = boost::asio;

/// Where a process tells its metrics: http://host:port.
struct Process {
  std::string url;
  std::string host;
  std::uint16_t port = 8080;
  /// Throws Failure{kBadInput}.
  static Process parse(const std::string& url);
};

/// Asks the source, on a connection that it keeps, and the processes. Threads: one loop. Errors: they are part of the sample.
class Observer {
 public:
  Observer(postgres::ConnectOptions source, std::span<const mapping::Mapping> mappings, std::vector<Process> processes);

  asio::awaitable<Sample> look();

 private:
  asio::awaitable<void> ask_source(Sample& sample);
  asio::awaitable<void> ask(const Process& process, Sample& sample);

  const postgres::ConnectOptions options_;
  const std::span<const mapping::Mapping> mappings_;
  const std::vector<Process> processes_;
  std::optional<postgres::Connection> source_;
};

}  // namespace tributary::cli::top
