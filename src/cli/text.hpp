#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// How things are shown to people. Pure.
namespace tributary::cli {

/// Aligned columns under headings; a column of which every cell begins with a digit is aligned to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : rows_{std::move(headings)} {}
  /// REQUIRES: as many cells as headings. A cell is shown as one_line() of it: strangers choose names and errors.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.size() == 1; }
  std::string to_string() const;  ///< lines, each with its line break, none with blanks at its end

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// Columns that UTF-8 text takes on a terminal, one for each code point.
std::size_t display_width(std::string_view text);
/// 1,234,567
std::string grouped(std::int64_t number);
/// 340 ms, 2.1 s, 4 min, 3 h, 2 d: two digits tell enough.
std::string rough_duration(std::chrono::milliseconds duration);
/// [#########-----------]  45 %; `fraction` is clamped to 0…1, and only 1 itself is shown as 100 %.
std::string progress_bar(double fraction, int width);
/// "1 destination", "3 destinations"
std::string counted(std::int64_t number, std::string_view noun);

}  // namespace tributary::cli
