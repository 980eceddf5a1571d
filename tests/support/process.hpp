#pragma once
#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace tributary::test {

/// A child process that is killed rather than listened to: its output goes to this one's stderr, and of this environment it sees PATH and the
/// sanitizers' options only. A `tributary` may write to destinations on this machine.
/// Lifetime: the destructor kills it (SIGKILL) and waits.
class Process {
 public:
  using Environment = std::map<std::string, std::string>;
  Process(const std::string& program, std::vector<std::string> arguments, const Environment& environment);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  struct End {
    int status = 0;  ///< as a shell has it: 128 + signal
    long largest_resident_kib = 0;
  };
  /// Blocks until it has ended.
  End wait();
  /// SIGKILL, and waits.
  End kill();
  pid_t pid() const { return pid_; }  ///< -1 once waited for

 private:
  pid_t pid_ = -1;
};

}  // namespace tributary::test
