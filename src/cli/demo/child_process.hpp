#pragma once
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tributary::cli::demo {

/// Whom a child process runs as.
struct SystemUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;

  /// nullopt where the system knows no such user.
  static std::optional<SystemUser> named(const std::string& name);
};

struct ChildCommand {
  std::filesystem::path program;
  std::vector<std::string> arguments;              ///< without the program's own name
  std::map<std::string, std::string> environment;  ///< the whole of it: nothing is inherited
  std::filesystem::path output;                    ///< stdout and stderr are appended to this file
  std::optional<SystemUser> user;                  ///< runs as this user; only root can ask for one
  int death_signal = 0;                            ///< what the child gets should this thread or process die first
};

/// A running child process, in a session of its own, so that a terminal's Ctrl-C reaches only its parent.
///
/// Lifetime: the destructor kills (SIGKILL) and reaps what still runs. The thread that spawns must live at least as long: Linux ties the
/// death signal to it. Threads: one at a time. Errors: std::system_error where the child cannot be started, including a failed exec.
class ChildProcess {
 public:
  static ChildProcess spawn(const ChildCommand& command);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  pid_t pid() const { return pid_; }
  /// Its exit status as a shell would say it (128 + signal), or nullopt if it is still running after `time`.
  std::optional<int> wait(std::chrono::milliseconds time);
  void signal(int number);

 private:
  ChildProcess(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}
  pid_t pid_;
  int pidfd_;
  std::optional<int> status_;
};

/// Waits until a process (not necessarily a child) is gone. False when it is still there after `time`.
bool wait_until_gone(pid_t pid, std::chrono::milliseconds time);

}  // namespace tributary::cli::demo
