#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>

#include "clickhouse/embedded/configuration.hpp"
#include "clickhouse/embedded/engine.hpp"

// tributary_bench_engine LIBRARY FOLDER STATEMENT…: runs statements in an embedded ClickHouse engine that is configured as ours is, but not confined, so
// that it can connect to PostgreSQL. Prints how many rows the last one wrote, and how many seconds it took.
namespace {

namespace embedded = tributary::clickhouse::embedded;
namespace fs = std::filesystem;

constexpr std::uint64_t kMemory = std::uint64_t{2} << 30U;

fs::path write(const fs::path& file, const std::string& text) {
  std::ofstream(file) << text;
  return file;
}

void run(const fs::path& library, const fs::path& folder, std::span<char*> statements) {
  const auto users = write(folder / "users.xml", embedded::open_users());
  const auto data = folder / "data";
  fs::create_directories(data);
  const auto config =
      write(folder / "config.xml", embedded::engine_configuration({.users = users, .data = data, .memory_bytes = kMemory}));
  const embedded::Engine engine(embedded::Library::load(library), {.data = data, .config = config});
  auto session = engine.open();
  std::string report;
  for (const char* statement : statements) {
    const auto begin = std::chrono::steady_clock::now();
    const auto outcome = session.run(statement);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    if (outcome.error) throw std::runtime_error(outcome.error->message);
    report = fmt::format("{} {}", outcome.counts.written_rows, seconds.count());
  }
  fmt::print("{}\n", report);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: tributary_bench_engine LIBRARY FOLDER STATEMENT…\n");
    return 2;
  }
  int status = 0;
  try {
    run(argv[1], argv[2], std::span(argv, static_cast<std::size_t>(argc)).subspan(3));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    status = 1;
  }
  std::fflush(nullptr);
  ::_exit(status);  // a process that has used the engine does not always end by itself
}
