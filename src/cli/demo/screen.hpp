#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tributary::cli::demo {

/// What the demo shows, once a second.
struct Snapshot {
  using Lag = std::optional<std::chrono::nanoseconds>;
  struct Place {
    std::string database;
    std::int64_t users = 0;
    std::int64_t backlog = 0;  ///< -1: it cannot be asked
    Lag lag;
  };
  /// As the service itself measures it, from the commit of the sequence ids.
  struct ClickHouse {
    double rows_per_second = 0;
    std::uint64_t rows = 0;  ///< since the start
    Lag p50;
    Lag p99;
    std::int64_t waiting = 0;  ///< tenants whose rows are on their way
  };
  std::chrono::seconds elapsed{0};
  std::size_t tenants = 0;
  std::vector<double> changes_per_second;  ///< the last seconds, the latest at the end; never empty
  std::vector<double> rows_per_second;
  std::uint64_t changes = 0;               ///< since the start
  std::uint64_t rows = 0;
  Lag p50;
  Lag p99;
  std::int64_t backlog = 0;
  std::size_t behind = 0;
  std::optional<ClickHouse> clickhouse;    ///< nullopt: there is none
  std::vector<Place> places;
  std::int64_t largest_backlog = 0;        ///< of any place since the start: the length of a bar
  std::string dashboard;  ///< its address, which signs in; empty: there is none
  std::string source_psql;
  std::string customer_psql;
};

/// The screen: at most `height` lines of text, each with its line break; colours by ANSI sequences where wanted. Pure.
std::string draw_screen(const Snapshot& snapshot, int height, bool colours);
/// One line, for a log file or a pipe. Pure.
std::string draw_line(const Snapshot& snapshot);
/// 840 µs, 4.1 ms, 2.3 s; "-" for none. Pure.
std::string lag_text(Snapshot::Lag lag);

/// stdout as a terminal on which each screen takes the place of the one before. Where it is none, nothing is ever redrawn.
class Terminal {
 public:
  Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal();  ///< the last screen stays, the cursor is back

  bool redraws() const { return redraws_; }
  bool colours() const { return colours_; }
  int height() const;
  void show(const std::string& screen);

 private:
  bool redraws_;
  bool colours_;
  int lines_ = 0;  // of the last screen
};

}  // namespace tributary::cli::demo
