#pragma once
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "binary.hpp"

namespace tributary::test {

/// The binary on a terminal of 12 lines, so wide.
class OnTerminal {
 public:
  OnTerminal(std::vector<std::string> arguments, const Environment& environment, unsigned short columns = 60) {
    arguments.insert(arguments.begin(), TRIBUTARY_BINARY);
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) variables.push_back(name + '=' + value);
    std::vector<char*> envp;
    for (auto& variable : variables) envp.push_back(variable.data());
    envp.push_back(nullptr);
    const winsize size{.ws_row = 12, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    pid_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
    if (pid_ == 0) {
      ::execve(TRIBUTARY_BINARY, argv.data(), envp.data());
      ::_exit(127);
    }
  }
  ~OnTerminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(terminal_);
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;

  void wait_for(const std::string& text) {
    while (out_.find(text, seen_) == std::string::npos) {
      if (!read()) throw std::runtime_error("it does not show \"" + text + "\": " + out_);
    }
    seen_ = out_.find(text, seen_) + text.size();
  }
  void press(char key) { ASSERT_EQ(::write(terminal_, &key, 1), 1); }
  void signal(int number) const { ::kill(pid_, number); }
  bool reads_lines() const {
    termios modes{};
    ::tcgetattr(terminal_, &modes);
    return (modes.c_lflag & (ICANON | ECHO)) == (ICANON | ECHO);
  }
  /// Exit status.
  int wait() {
    while (read()) {
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  const std::string& out() const { return out_; }

 private:
  /// False at the end, or where nothing comes.
  bool read() {
    pollfd ready{.fd = terminal_, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, 30'000) <= 0) return false;
    std::array<char, 4096> piece{};
    const auto size = ::read(terminal_, piece.data(), piece.size());
    if (size <= 0) return false;
    out_.append(piece.data(), static_cast<std::size_t>(size));
    return true;
  }

  pid_t pid_ = -1;
  int terminal_ = -1;
  std::string out_;
  std::size_t seen_ = 0;
};

}  // namespace tributary::test
