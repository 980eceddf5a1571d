#pragma once
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clickhouse/embedded/detail/child.hpp"
#include "clickhouse/embedded/host.hpp"

namespace tributary::clickhouse::embedded::test {

/// A folder that goes away with this object, open for the user that the engine runs as.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct Answer {
  unsigned status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  bool cut_off = false;  ///< before its end
  std::string exception_code() const;
};

struct Request {
  std::string target = "/";
  std::string body;
  std::string method = "POST";
  std::map<std::string, std::string> headers;
  std::string user = "admin";
  std::string password;  ///< empty: the right one
};

/// `tributary clickhouse-host` as a child process. Killed at the end, unless it was stopped.
class Host {
 public:
  /// Throws where it does not become ready.
  explicit Host(const std::filesystem::path& folder, std::vector<std::string> flags = {"--unrestricted"});
  ~Host();

  const ReadyLine& ready() const { return ready_; }
  pid_t pid() const;
  void kill(int signal);
  /// Its status, once it has ended; nullopt where it still runs after `time`.
  std::optional<int> wait(std::chrono::milliseconds time = std::chrono::seconds(20));
  /// What it sees when its parent is gone.
  void close_input();
  /// In order, and waits.
  void end();

  /// In a connection of its own.
  Answer ask(Request request) const;
  /// The same, but its answer is not read. The connection is open as long as what is returned.
  std::shared_ptr<void> send(Request request) const;
  /// A statement of admin: its answer, or its error, which no test expects.
  std::string run(const std::string& sql, const std::string& parameters = "") const;
  /// A tenant's.
  static Request as(const std::string& project, const std::string& sql, const std::string& parameters = "");
  Answer ask_as(const std::string& project, const std::string& sql, const std::string& parameters = "") const;

 private:
  struct Connection;
  std::shared_ptr<Connection> begin(Request request) const;

  boost::asio::io_context loop_;
  std::unique_ptr<Child> child_;
  ReadyLine ready_;
};

std::string url_encoded(const std::string& text);

/// What a shell's command says, on either output.
std::string output_of(const std::string& command);

}  // namespace tributary::clickhouse::embedded::test
