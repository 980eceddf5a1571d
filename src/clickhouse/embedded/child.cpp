#include "clickhouse/embedded/detail/child.hpp"

#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <csignal>
#include <cstdlib>
#include <system_error>

#include "base/event.hpp"
#include "clickhouse/embedded/descriptor.hpp"

namespace tributary::clickhouse::embedded {
namespace {

constexpr std::size_t kLongestLine = 64 * 1024;

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// Nothing of ours but what sanitizers and logs are told: ours can hold connection strings.
std::vector<std::string> environment() {
  std::vector<std::string> result{"TZ=UTC"};
  for (const char* name : {"ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "TRIBUTARY_LOG_LEVEL", "TRIBUTARY_LOG_FORMAT"}) {
    if (const char* value = std::getenv(name)) result.push_back(std::string(name) + '=' + value);
  }
  return result;
}

/// In a session of its own, so that a terminal's Ctrl-C reaches only us.
pid_t spawn(const std::filesystem::path& program, std::vector<std::string> arguments, int input, int output) {
  arguments.insert(arguments.begin(), "tributary");
  auto variables = environment();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t pid = -1;
  const int error =
      ::posix_spawn(&pid, program.c_str(), &actions, &attributes, pointers(arguments).data(), pointers(variables).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start " + program.string());
  return pid;
}

}  // namespace

struct Child::State {
  explicit State(const asio::any_io_executor& executor) : changed(executor), process(executor), output(executor) {}

  pid_t pid = -1;
  Event changed;
  asio::posix::stream_descriptor process;  ///< a pidfd
  asio::posix::stream_descriptor output;
  Descriptor input;
  std::string line;
  bool has_line = false;
  bool silent = false;  ///< its stdout is closed
  std::optional<int> status;

  void reap(int options) {
    int raw = 0;
    if (::waitpid(pid, &raw, options) == pid) status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
  }
};

Child::Child(const asio::any_io_executor& executor, const std::filesystem::path& program, std::vector<std::string> arguments)
    : state_(std::make_shared<State>(executor)) {
  auto input = Pipe::open();
  auto output = Pipe::open();
  state_->pid = spawn(program, std::move(arguments), input.read.get(), output.write.get());
  state_->process.assign(static_cast<int>(::syscall(SYS_pidfd_open, state_->pid, 0)));
  state_->output.assign(output.read.release());
  state_->input = std::move(input.write);
  asio::co_spawn(executor, watch(state_), asio::detached);
  asio::co_spawn(executor, read_line(state_), asio::detached);
}

pid_t Child::pid() const { return state_->pid; }

Child::~Child() {
  if (!state_->status) {
    ::kill(state_->pid, SIGKILL);
    state_->reap(0);
  }
  boost::system::error_code ignored;
  state_->process.close(ignored);
  state_->output.close(ignored);
}

asio::awaitable<void> Child::watch(std::shared_ptr<State> state) {
  boost::system::error_code closed;
  co_await state->process.async_wait(asio::posix::stream_descriptor::wait_read,
                                     asio::redirect_error(asio::use_awaitable, closed));
  if (!state->status) state->reap(WNOHANG);
  state->changed.set();
}

asio::awaitable<void> Child::read_line(std::shared_ptr<State> state) {
  std::array<char, 4096> piece{};
  boost::system::error_code end;
  while (!state->has_line && state->line.size() < kLongestLine) {
    const auto size = co_await state->output.async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, end));
    if (end) break;
    state->line.append(piece.data(), size);
    const auto line_end = state->line.find('\n');
    if (line_end == std::string::npos) continue;
    state->line.resize(line_end);
    state->has_line = true;
  }
  state->silent = !state->has_line;
  state->changed.set();
}

asio::awaitable<std::optional<std::string>> Child::first_line(Deadline deadline, std::stop_token stop) {
  const auto state = state_;
  while (!state->has_line && !state->silent && !state->status) {
    if (!co_await state->changed.wait(deadline, stop)) break;
  }
  co_return state->has_line ? std::optional(state->line) : std::nullopt;
}

asio::awaitable<std::optional<int>> Child::wait(Deadline deadline, std::stop_token stop) {
  const auto state = state_;
  while (!state->status) {
    if (!co_await state->changed.wait(deadline, stop)) break;
  }
  co_return state->status;
}

void Child::close_input() { state_->input.reset(); }

asio::awaitable<void> Child::end(Deadline deadline) {
  const auto state = state_;
  close_input();
  if (!state->status) ::kill(state->pid, SIGTERM);
  if (!co_await wait(deadline, {})) co_await kill();
}

asio::awaitable<void> Child::kill() {
  const auto state = state_;
  if (!state->status) ::kill(state->pid, SIGKILL);
  co_await wait(Deadline::never(), {});
}

}  // namespace tributary::clickhouse::embedded
