#include "support/process.hpp"

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <system_error>

namespace tributary::test {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

Process::Process(const std::string& program, std::vector<std::string> arguments, const Environment& environment) {
  arguments.insert(arguments.begin(), program);
  std::vector<std::string> variables;
  for (const char* name : {"PATH", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) variables.push_back(std::string(name) + '=' + value);
  }
  auto settings = environment;
  settings.emplace("TRIBUTARY_DESTINATIONS_ALLOW_NETWORKS", "127.0.0.0/8");  // where the tests' destinations are
  for (const auto& [name, value] : settings) variables.push_back(name + '=' + value);
  const int error = posix_spawn(&pid_, program.c_str(), nullptr, nullptr, pointers(arguments).data(), pointers(variables).data());
  if (error != 0) throw std::system_error(error, std::system_category(), program);
}

Process::~Process() {
  if (pid_ > 0) kill();
}

Process::End Process::wait() {
  int status = 0;
  rusage usage{};
  while (wait4(pid_, &status, 0, &usage) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::system_category(), "wait4");
  }
  pid_ = -1;
  return {.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), .largest_resident_kib = usage.ru_maxrss};
}

Process::End Process::kill() {
  ::kill(pid_, SIGKILL);
  return wait();
}

}  // namespace tributary::test
