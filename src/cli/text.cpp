#include "cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/one_line.hpp"

namespace tributary::cli {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

void Table::add(std::vector<std::string> cells) {
  for (auto& cell : cells) cell = one_line(cell, std::string::npos);
  rows_.push_back(std::move(cells));
}

std::string Table::to_string() const {
  const auto columns = rows_.front().size();
  std::vector<std::size_t> widths(columns, 0);
  std::vector<bool> right(columns, !empty());
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      const auto& cell = rows_[row][column];
      widths[column] = std::max(widths[column], display_width(cell));
      if (row > 0 && (cell.empty() || !is_digit(cell.front()))) right[column] = false;
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t column = 0; column < columns; ++column) {
      const std::string padding(widths[column] - display_width(row[column]), ' ');
      line += (column > 0 ? "  " : "") + (right[column] ? padding + row[column] : row[column] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0U) != 0x80U; }));
}

std::string grouped(std::int64_t number) {
  auto digits = std::to_string(number);
  for (auto i = static_cast<std::ptrdiff_t>(digits.size()) - 3; i > (number < 0 ? 1 : 0); i -= 3) {
    digits.insert(static_cast<std::size_t>(i), 1, ',');
  }
  return digits;
}

std::string rough_duration(std::chrono::milliseconds duration) {
  const auto ms = std::max<std::int64_t>(0, duration.count());
  if (ms < 1'000) return fmt::format("{} ms", ms);
  if (ms < 9'950) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1'000);
  if (ms < 120'000) return fmt::format("{} s", ms / 1'000);
  if (ms < 2 * 3'600'000) return fmt::format("{} min", ms / 60'000);
  if (ms < 2 * 86'400'000) return fmt::format("{} h", ms / 3'600'000);
  return fmt::format("{} d", ms / 86'400'000);
}

std::string progress_bar(double fraction, int width) {
  fraction = std::clamp(fraction, 0.0, 1.0);
  const auto filled = static_cast<int>(std::floor(fraction * width));
  return fmt::format("[{:#<{}}{:-<{}}] {:>3} %", "", filled, "", width - filled, static_cast<int>(std::floor(fraction * 100)));
}

std::string counted(std::int64_t number, std::string_view noun) {
  return grouped(number) + ' ' + std::string(noun) + (number == 1 ? "" : "s");
}

}  // namespace tributary::cli
