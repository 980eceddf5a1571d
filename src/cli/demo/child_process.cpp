#include "cli/demo/child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace tributary::cli::demo {
namespace {

[[noreturn]] void fail(const std::string& what, int error = errno) {
  throw std::system_error(error, std::generic_category(), what);
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

int open_pidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

bool poll_pidfd(int pidfd, std::chrono::milliseconds time) {
  pollfd entry{pidfd, POLLIN, 0};
  const auto until = std::chrono::steady_clock::now() + time;
  for (auto left = time; left.count() >= 0;
       left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now())) {
    const int ready = ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) fail("poll");
  }
  return false;
}

/// What exec needs, as it needs it. Between fork and exec nothing may be allocated: another thread may have held the allocator's lock.
class Pointers {
 public:
  explicit Pointers(std::vector<std::string> texts) : texts_(std::move(texts)) {
    for (auto& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
  }
  Pointers(const Pointers&) = delete;
  Pointers& operator=(const Pointers&) = delete;
  char* const* get() const { return pointers_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

Pointers argument_list(const ChildCommand& command) {
  std::vector<std::string> texts{command.program.string()};
  texts.insert(texts.end(), command.arguments.begin(), command.arguments.end());
  return Pointers(std::move(texts));
}

Pointers environment_list(const ChildCommand& command) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : command.environment) texts.push_back(name + "=" + value);
  return Pointers(std::move(texts));
}

bool become(const SystemUser& user) {
  return ::setgroups(user.groups.size(), user.groups.data()) == 0 && ::setgid(user.gid) == 0 && ::setuid(user.uid) == 0;
}

/// In the child. Only async-signal-safe calls; on failure errno goes up the pipe.
[[noreturn]] void run_child(const ChildCommand& command, const char* program, char* const* arguments, char* const* environment,
                            int input, int output, int failure, pid_t parent) {
  bool ready = ::setsid() >= 0 && ::dup2(input, 0) >= 0 && ::dup2(output, 1) >= 0 && ::dup2(output, 2) >= 0;
  ready = ready && (!command.user || become(*command.user)) && ::chdir("/") == 0;
  // After the change of user, which clears it.
  ready = ready && (command.death_signal == 0 || ::prctl(PR_SET_PDEATHSIG, command.death_signal) == 0);
  if (ready && ::getppid() == parent) ::execve(program, arguments, environment);
  const int error = errno;
  [[maybe_unused]] const auto written = ::write(failure, &error, sizeof error);
  ::_exit(127);
}

int exit_status(const siginfo_t& info) { return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status; }

}  // namespace

std::optional<SystemUser> SystemUser::named(const std::string& name) {
  const passwd* entry = ::getpwnam(name.c_str());
  if (entry == nullptr) return std::nullopt;
  SystemUser user{name, entry->pw_uid, entry->pw_gid, {}};
  int count = 0;
  ::getgrouplist(name.c_str(), user.gid, nullptr, &count);
  user.groups.resize(static_cast<std::size_t>(count));
  ::getgrouplist(name.c_str(), user.gid, user.groups.data(), &count);
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

ChildProcess ChildProcess::spawn(const ChildCommand& command) {
  const auto arguments = argument_list(command);
  const auto environment = environment_list(command);
  const Descriptor input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (input.get() < 0) fail("/dev/null");
  const Descriptor output(::open(command.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (output.get() < 0) fail(command.output.string());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("pipe");
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);

  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) fail("fork");
  if (pid == 0) {
    run_child(command, command.program.c_str(), arguments.get(), environment.get(), input.get(), output.get(), writing.get(),
              parent);
  }
  Descriptor pidfd(open_pidfd(pid));
  if (pidfd.get() < 0) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    fail("pidfd_open", error);
  }
  ChildProcess child(pid, pidfd.release());

  writing.reset();
  int error = 0;  // exec closes the pipe without a word; anything in it is why exec was not reached
  ssize_t got = 0;
  do got = ::read(reading.get(), &error, sizeof error);
  while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof error)) fail("cannot start " + command.program.string(), error);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::exchange(other.pidfd_, -1)), status_(other.status_) {}

ChildProcess::~ChildProcess() {
  if (pidfd_ < 0) return;
  if (!status_) {
    ::kill(-pid_, SIGKILL);  // its session: initdb has children
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  ::close(pidfd_);
}

std::optional<int> ChildProcess::wait(std::chrono::milliseconds time) {
  if (status_ || !poll_pidfd(pidfd_, time)) return status_;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0) fail("waitid");
  status_ = exit_status(info);
  return status_;
}

void ChildProcess::signal(int number) {
  if (!status_) ::kill(pid_, number);
}

bool wait_until_gone(pid_t pid, std::chrono::milliseconds time) {
  const Descriptor pidfd(open_pidfd(pid));
  if (pidfd.get() < 0) return errno == ESRCH;
  return poll_pidfd(pidfd.get(), time);
}

}  // namespace tributary::cli::demo
