#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

/// libchdb, the ClickHouse engine as a library, through its C interface. Only the host process loads it: it brings its own allocator and
/// half a gigabyte of code, and a fault in it ends the process.
namespace tributary::clickhouse::embedded {

/// The library is not there or is not the one we know; says what to do.
class LibraryError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Where libchdb.so is: `configured` where not empty, else beside `program`, else in the node_modules/ of a folder above it (a build tree).
/// Throws LibraryError where it is in none of these.
std::filesystem::path find_library(const std::string& configured, const std::filesystem::path& program);

/// The C interface, as far as it is used. A connection is a session of the engine: one call at a time, from any thread.
struct Library {
  using Connection = void*;
  using Result = void*;

  /// Throws LibraryError. Never unloaded: the engine's threads run in it. Starts no thread.
  static Library load(const std::filesystem::path& file);

  void (*enable_signal_handlers)(int enabled) = nullptr;  ///< before the first connection
  Connection* (*connect)(int argc, char** argv) = nullptr;  ///< nullptr on failure; the reason is printed on stderr
  void (*close)(Connection* connection) = nullptr;
  Result (*query)(Connection connection, const char* sql, std::size_t size, const char* format,
                  std::size_t format_size) = nullptr;
  void (*destroy)(Result result) = nullptr;
  const char* (*buffer)(Result result) = nullptr;
  std::size_t (*length)(Result result) = nullptr;
  const char* (*error)(Result result) = nullptr;  ///< nullptr: succeeded. The numbers below are not set on a failure
  std::uint64_t (*result_rows)(Result result) = nullptr;
  std::uint64_t (*result_bytes)(Result result) = nullptr;
  std::uint64_t (*read_rows)(Result result) = nullptr;
  std::uint64_t (*read_bytes)(Result result) = nullptr;
  std::uint64_t (*written_rows)(Result result) = nullptr;
  std::uint64_t (*written_bytes)(Result result) = nullptr;
};

}  // namespace tributary::clickhouse::embedded
