#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/deadline.hpp"

namespace tributary::clickhouse::embedded {

namespace asio = boost::asio;

/// A child process that says one line when it is ready and ends when its stdin is closed. Its stderr is ours.
///
/// Lifetime: the destructor kills and reaps what still runs. Threads: the executor's loop.
class Child {
 public:
  /// Throws std::system_error.
  Child(const asio::any_io_executor& executor, const std::filesystem::path& program, std::vector<std::string> arguments);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const;
  /// Its first line; nullopt where it ended without, or at the deadline or `stop`.
  asio::awaitable<std::optional<std::string>> first_line(Deadline deadline, std::stop_token stop);
  /// Its status as a shell has it (128 + signal); nullopt where it still runs at the deadline or at `stop`.
  asio::awaitable<std::optional<int>> wait(Deadline deadline, std::stop_token stop);
  /// What it sees when we die.
  void close_input();
  /// Closes its stdin, sends SIGTERM (it may not be ready yet) and waits; kills it at the deadline.
  asio::awaitable<void> end(Deadline deadline);
  /// At once; returns when it is gone.
  asio::awaitable<void> kill();

 private:
  struct State;
  static asio::awaitable<void> watch(std::shared_ptr<State> state);
  static asio::awaitable<void> read_line(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace tributary::clickhouse::embedded
