#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <termios.h>

#include <array>
#include <functional>
#include <optional>
#include <string_view>

#include "cli/top/sample.hpp"

namespace tributary::cli::top {

namespace asio = boost::asio;

/// A terminal that is drawn over again and again: on its alternate screen, without cursor, keys read as they are pressed. As it was before once
/// restore() was called, or it is destroyed. Threads: one loop, that of `executor`. REQUIRES: standard output is a terminal.
class Terminal {
 public:
  /// `pressed`: called with each key, where standard input is a terminal, too.
  Terminal(asio::any_io_executor executor, std::function<void(char)> pressed);
  ~Terminal() { restore(); }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Size size() const;
  /// Lines, in place of those before.
  void draw(std::string_view lines);
  void restore();

 private:
  void read();

  asio::posix::stream_descriptor keys_;
  std::function<void(char)> pressed_;
  std::array<char, 64> read_{};
  std::optional<termios> before_;  ///< of standard input
  bool is_ours_ = true;
};

}  // namespace tributary::cli::top
