#pragma once
#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace tributary::test {

using Environment = std::map<std::string, std::string>;

/// The real `tributary` binary as a child process, with nothing of this process's environment but PATH.
/// Lifetime: the destructor kills what still runs, and reaps it.
class Binary {
 public:
  explicit Binary(std::vector<std::string> arguments, const Environment& environment = {});
  ~Binary();
  Binary(const Binary&) = delete;
  Binary& operator=(const Binary&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number);
  /// Collects output until the process has ended. Its status as a shell has it (128 + signal). Throws where that takes longer.
  int wait(std::chrono::milliseconds time = std::chrono::minutes(1));
  /// Collects output until stderr contains `text`. Throws at the process's end or after `time`.
  void wait_for(const std::string& text, std::chrono::milliseconds time = std::chrono::seconds(30));
  /// Until `condition` holds, looked at again and again. Throws at the process's end or after `time`.
  void wait_until(const std::function<bool()>& condition, std::chrono::milliseconds time = std::chrono::seconds(30));

  const std::string& out() const { return out_.text; }  ///< so far
  const std::string& err() const { return err_.text; }

 private:
  struct Pipe {
    int fd = -1;
    std::string text;
    void read_some();
  };
  bool ended();
  /// Waits at most `time` for output or the end.
  void turn(std::chrono::milliseconds time);

  pid_t pid_ = -1;
  int pidfd_ = -1;
  int status_ = -1;
  Pipe out_;
  Pipe err_;
};

/// A run to the end.
struct Finished {
  int status;
  std::string out;
  std::string err;
};
Finished run_binary(std::vector<std::string> arguments, const Environment& environment = {});

}  // namespace tributary::test
