#pragma once
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clickhouse/embedded/library.hpp"

namespace tributary::clickhouse::embedded {

/// The engine refused or failed: ClickHouse's code, and its message ("Code: 60. DB::Exception: … (UNKNOWN_TABLE)").
struct EngineError {
  static EngineError from(std::string message);
  int code = 0;  ///< 0: none was found in the message
  std::string message;
};

struct Counts {
  std::uint64_t read_rows = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t written_rows = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t result_rows = 0;
  std::uint64_t result_bytes = 0;
};

/// What a statement came to. `output` is empty where the statement wrote it elsewhere.
struct Outcome {
  std::optional<EngineError> error;
  std::string output;
  Counts counts;
  bool ok() const { return !error; }
};

using Assignments = std::vector<std::pair<std::string, std::string>>;

/// A session of the engine with its own settings. Opening one takes less than a millisecond.
///
/// Lifetime: the Engine outlives it. Threads: any, one call at a time. Every call blocks.
class Session {
 public:
  Session(Session&& other) noexcept;
  Session& operator=(Session&&) = delete;
  ~Session();

  /// `format`: of the answer, where the statement names none.
  Outcome run(std::string_view sql, std::string_view format = "TabSeparated");
  /// SET each, in one statement.
  Outcome set(const Assignments& settings);

 private:
  friend class Engine;
  Session(const Library& library, Library::Connection* connection) : library_(&library), connection_(connection) {}
  const Library* library_;
  Library::Connection* connection_;
};

struct EngineParams {
  std::filesystem::path data;    ///< the engine's own folder
  std::filesystem::path config;  ///< its config.xml
};

/// The engine, started. One in a process.
/// Lifetime: the destructor closes it, which writes what is still in memory and can take a while. Threads: open() from any.
class Engine {
 public:
  /// Throws std::runtime_error where it does not start (a damaged folder, no space); it has said why on stderr.
  Engine(Library library, EngineParams params);

  Session open() const;

 private:
  Library library_;
  EngineParams params_;
  Session keeper_;  ///< the engine ends with its last session
};

}  // namespace tributary::clickhouse::embedded
