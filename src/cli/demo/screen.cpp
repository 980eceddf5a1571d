#include "cli/demo/screen.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <tuple>

#include "cli/text.hpp"

namespace tributary::cli::demo {
namespace {

constexpr int kDefaultHeight = 24;
constexpr int kFixedLines = 15;  // of a screen, without the places, with the cursor's
constexpr int kMostPlaces = 20;
constexpr int kBarWidth = 24;

/// Colours text, or not.
class Paint {
 public:
  explicit Paint(bool colours) : colours_(colours) {}
  std::string bold(const std::string& text) const { return in("1", text); }
  std::string dim(const std::string& text) const { return in("2", text); }
  std::string green(const std::string& text) const { return in("32", text); }
  std::string yellow(const std::string& text) const { return in("33", text); }
  std::string cyan(const std::string& text) const { return in("36", text); }

 private:
  std::string in(const char* code, const std::string& text) const {
    return colours_ ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  }
  bool colours_;
};

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, display_width(text)), ' ');
}

std::string padded_left(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, display_width(text)), ' ') + text;
}

/// ▁▂▅▇: each value against the largest.
std::string sparkline(const std::vector<double>& values) {
  static constexpr std::array kSteps{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const double most = std::max(1.0, values.empty() ? 0 : *std::ranges::max_element(values));
  std::string line;
  for (const double value : values)
    line += kSteps[static_cast<std::size_t>(std::clamp(value / most, 0.0, 1.0) * (kSteps.size() - 1))];
  return line;
}

std::string per_second(double value) { return grouped(std::llround(value)) + "/s"; }

std::string bar(std::int64_t backlog, std::int64_t largest) {
  const double share = largest > 0 ? static_cast<double>(backlog) / static_cast<double>(largest) : 0;
  std::string text;
  for (int i = 0; i < static_cast<int>(std::lround(share * kBarWidth)); ++i) text += "█";
  return text;
}

std::string clock_text(std::chrono::seconds elapsed) {
  return fmt::format("{:02}:{:02}", elapsed.count() / 60, elapsed.count() % 60);
}

std::string place_line(const Snapshot::Place& place, std::int64_t largest, const Paint& paint) {
  const auto line = fmt::format("  {} {}  {}  ", padded(place.database, 22), padded_left(grouped(place.users), 10),
                                padded_left(lag_text(place.lag), 9));
  if (place.backlog < 0) return line + paint.yellow(padded_left("unreachable", 11));
  if (place.backlog == 0) return line + padded_left("0", 11) + "  " + paint.green("✓");
  return line + padded_left(grouped(place.backlog), 11) + "  " + paint.yellow(bar(place.backlog, largest));
}

std::string clickhouse_line(const Snapshot::ClickHouse& now, const Paint& paint) {
  return fmt::format("  ClickHouse {}  {} rows applied, lag p50 {} p99 {}, rows of {} on their way",
                     paint.bold(padded_left(per_second(now.rows_per_second), 8)), grouped(static_cast<std::int64_t>(now.rows)),
                     lag_text(now.p50), lag_text(now.p99), counted(now.waiting, "tenant"));
}

std::string clickhouse_text(const Snapshot::ClickHouse& now) {
  return fmt::format("  ClickHouse {}, lag p50 {} p99 {}, {} on their way", per_second(now.rows_per_second), lag_text(now.p50),
                     lag_text(now.p99), counted(now.waiting, "tenant"));
}

/// Those furthest behind first, then the largest.
std::vector<Snapshot::Place> top_places(std::vector<Snapshot::Place> places, std::size_t most) {
  std::ranges::sort(places, [](const auto& a, const auto& b) {
    const auto rank = [](const auto& place) {
      return std::tuple(place.backlog < 0 ? INT64_MIN : -place.backlog, -place.users, std::string_view(place.database));
    };
    return rank(a) < rank(b);
  });
  places.resize(std::min(places.size(), most));
  return places;
}

}  // namespace

std::string lag_text(Snapshot::Lag lag) {
  if (!lag) return "-";
  const double ms = std::chrono::duration<double, std::milli>(*lag).count();
  if (ms < 1) return fmt::format("{:.0f} µs", ms * 1'000);
  if (ms < 1'000) return fmt::format("{:.1f} ms", ms);
  return fmt::format("{:.1f} s", ms / 1'000);
}

std::string draw_screen(const Snapshot& now, int height, bool colours) {
  const Paint paint(colours);
  std::string text = "\n";
  text += fmt::format(
      "  {}  {}, {}, {}   {}\n\n", paint.bold("tributary demo"), counted(static_cast<std::int64_t>(now.tenants), "tenant"),
      counted(static_cast<std::int64_t>(now.places.size()), "database"), clock_text(now.elapsed), paint.dim("Ctrl-C stops it"));
  text += fmt::format("  changes  {}  {}  {} in the source, by plain SQL\n",
                      paint.bold(padded_left(per_second(now.changes_per_second.back()), 10)),
                      paint.cyan(padded(sparkline(now.changes_per_second), 20)), grouped(static_cast<std::int64_t>(now.changes)));
  text += fmt::format("  rows     {}  {}  {} applied to customers' databases\n",
                      paint.bold(padded_left(per_second(now.rows_per_second.back()), 10)),
                      paint.cyan(padded(sparkline(now.rows_per_second), 20)), grouped(static_cast<std::int64_t>(now.rows)));
  text += fmt::format("  lag      {}  p50   {} p99   committed in the source to visible at the customer\n",
                      paint.bold(padded_left(lag_text(now.p50), 10)), paint.bold(padded_left(lag_text(now.p99), 9)));
  text += fmt::format("  backlog  {}  rows  in {} of {} databases\n", paint.bold(padded_left(grouped(now.backlog), 10)),
                      now.behind, now.places.size());
  if (now.clickhouse) text += clickhouse_line(*now.clickhouse, paint) + "\n";
  text += "\n";
  text += paint.dim(fmt::format("  {} {}  {}  {}", padded("customer's database", 22), padded_left("users", 10),
                                padded_left("lag", 9), padded_left("backlog", 11))) +
          "\n";
  const auto shown = top_places(now.places, static_cast<std::size_t>(std::clamp(height - kFixedLines, 1, kMostPlaces)));
  for (const auto& place : shown) text += place_line(place, now.largest_backlog, paint) + "\n";
  text += "\n";
  if (!now.dashboard.empty()) text += "  " + paint.bold(now.dashboard) + "\n";
  text += paint.dim("  " + now.source_psql) + "\n";
  text += paint.dim("  " + now.customer_psql + " -c 'SELECT * FROM users LIMIT 5'") + "\n";
  return text;
}

std::string draw_line(const Snapshot& now) {
  return fmt::format("{}  changes {}  rows {}  lag p50 {} p99 {}  backlog {} rows in {} of {} databases{}\n",
                     clock_text(now.elapsed), per_second(now.changes_per_second.back()), per_second(now.rows_per_second.back()),
                     lag_text(now.p50), lag_text(now.p99), grouped(now.backlog), now.behind, now.places.size(),
                     now.clickhouse ? clickhouse_text(*now.clickhouse) : "");
}

Terminal::Terminal() {
  const char* kind = std::getenv("TERM");
  redraws_ = ::isatty(STDOUT_FILENO) != 0 && kind != nullptr && std::string_view(kind) != "dumb";
  colours_ = redraws_ && std::getenv("NO_COLOR") == nullptr;
}

Terminal::~Terminal() {
  if (lines_ == 0) return;
  std::fputs("\x1b[?25h", stdout);
  std::fflush(stdout);
}

int Terminal::height() const {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : kDefaultHeight;
}

void Terminal::show(const std::string& screen) {
  // Back over the last screen; no cursor, no wrapping of long lines; each line is cleared where the new one is shorter.
  std::string frame = "\x1b[?25l\x1b[?7l\r";
  if (lines_ > 0) frame += fmt::format("\x1b[{}A", lines_);
  for (const char c : screen) {
    if (c == '\n') frame += "\x1b[K";
    frame += c;
  }
  frame += "\x1b[J\x1b[?7h";
  lines_ = static_cast<int>(std::ranges::count(screen, '\n'));
  std::fwrite(frame.data(), 1, frame.size(), stdout);
  std::fflush(stdout);
}

}  // namespace tributary::cli::demo
