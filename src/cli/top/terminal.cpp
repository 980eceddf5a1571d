#include "cli/top/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>
#include <boost/asio/buffer.hpp>

#include <cstdio>
#include <string>

namespace tributary::cli::top {
namespace {

constexpr auto kEnter = "\033[?1049h\033[?25l";  // alternate screen, no cursor
constexpr auto kLeave = "\033[?25h\033[?1049l";
constexpr auto kHome = "\033[H";
constexpr auto kEraseLine = "\033[K";
constexpr auto kEraseBelow = "\033[J";

void write_out(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

Terminal::Terminal(asio::any_io_executor executor, std::function<void(char)> pressed)
    : keys_(std::move(executor)), pressed_(std::move(pressed)) {
  termios modes{};
  if (::isatty(STDIN_FILENO) != 0 && ::tcgetattr(STDIN_FILENO, &modes) == 0) {
    before_ = modes;
    modes.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);  // signals stay: Ctrl-C is one
    ::tcsetattr(STDIN_FILENO, TCSANOW, &modes);
    keys_.assign(::dup(STDIN_FILENO));
    read();
  }
  write_out(kEnter);
}

Size Terminal::size() const {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0) return {};
  return {.columns = window.ws_col, .lines = window.ws_row};
}

void Terminal::draw(std::string_view lines) {
  if (!is_ours_) return;
  std::string text(kHome);
  while (!lines.empty()) {
    const auto line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
    text += std::string(line) + kEraseLine;
    if (!lines.empty()) text += "\r\n";  // not behind the last one: it would scroll
  }
  write_out(text + kEraseBelow);
}

void Terminal::restore() {
  if (!std::exchange(is_ours_, false)) return;
  write_out(kLeave);
  if (before_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*before_);
  boost::system::error_code ignored;
  keys_.close(ignored);
}

void Terminal::read() {
  keys_.async_read_some(asio::buffer(read_), [this](boost::system::error_code error, std::size_t size) {
    if (error) return;  // closed, or this object is gone
    for (std::size_t i = 0; i < size; ++i) pressed_(read_[i]);
    if (is_ours_) read();
  });
}

}  // namespace tributary::cli::top
