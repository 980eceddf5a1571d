#include "binary.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace tributary::test {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::system_category(), "pipe2");
  return ends;
}

std::chrono::milliseconds left(Clock::time_point end) {
  return std::max(0ms, std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now()));
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

Binary::Binary(std::vector<std::string> arguments, const Environment& environment) {
  arguments.insert(arguments.begin(), TRIBUTARY_BINARY);
  std::vector<std::string> variables{std::string("PATH=") + std::getenv("PATH")};
  for (const char* name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) variables.push_back(std::string(name) + '=' + value);
  }
  auto settings = environment;
  settings.emplace("TRIBUTARY_DESTINATIONS_ALLOW_NETWORKS", "127.0.0.0/8");  // where the tests' destinations are
  for (const auto& [name, value] : settings) variables.push_back(name + '=' + value);

  const auto out = make_pipe();
  const auto err = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, err[1], 2);
  const int error =
      posix_spawn(&pid_, TRIBUTARY_BINARY, &actions, nullptr, pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  close(err[1]);
  out_.fd = out[0];
  err_.fd = err[0];
  if (error != 0) throw std::system_error(error, std::system_category(), TRIBUTARY_BINARY);
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
}

Binary::~Binary() {
  if (!ended()) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  for (const int fd : {pidfd_, out_.fd, err_.fd}) {
    if (fd >= 0) close(fd);
  }
}

void Binary::signal(int number) { kill(pid_, number); }

void Binary::Pipe::read_some() {
  std::array<char, 65536> buffer;
  const auto size = read(fd, buffer.data(), buffer.size());
  if (size > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(size));
  } else {
    close(fd);
    fd = -1;
  }
}

bool Binary::ended() {
  if (status_ >= 0) return true;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return false;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return true;
}

void Binary::turn(std::chrono::milliseconds time) {
  std::array<pollfd, 3> waits{{{out_.fd, POLLIN, 0}, {err_.fd, POLLIN, 0}, {status_ >= 0 ? -1 : pidfd_, POLLIN, 0}}};
  poll(waits.data(), waits.size(), static_cast<int>(time.count()));
  if (waits[0].revents != 0) out_.read_some();
  if (waits[1].revents != 0) err_.read_some();
}

int Binary::wait(std::chrono::milliseconds time) {
  const auto end = Clock::now() + time;
  while (!ended() || out_.fd >= 0 || err_.fd >= 0) {
    if (Clock::now() >= end) throw std::runtime_error("tributary still runs; stderr: " + err_.text);
    turn(left(end));
  }
  return status_;
}

void Binary::wait_for(const std::string& text, std::chrono::milliseconds time) {
  const auto end = Clock::now() + time;
  while (err_.text.find(text) == std::string::npos) {
    if (Clock::now() >= end || (ended() && err_.fd < 0))
      throw std::runtime_error("tributary did not say \"" + text + "\" but: " + err_.text);
    turn(left(end));
  }
}

void Binary::wait_until(const std::function<bool()>& condition, std::chrono::milliseconds time) {
  const auto end = Clock::now() + time;
  while (!condition()) {
    if (Clock::now() >= end || ended()) throw std::runtime_error("the condition did not come true; stderr: " + err_.text);
    turn(20ms);
  }
}

Finished run_binary(std::vector<std::string> arguments, const Environment& environment) {
  Binary binary(std::move(arguments), environment);
  const int status = binary.wait();
  return {status, binary.out(), binary.err()};
}

}  // namespace tributary::test
