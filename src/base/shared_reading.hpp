#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>

namespace tributary {

namespace asio = boost::asio;

/// Lets many have what one of them reads: whoever asks while somebody reads waits for that, and what was read a moment ago is good enough.
///
/// Lifetime: must outlive each get(). Threads: one loop. Cancellation: of whoever reads ends the reading; one of those who wait begins another.
class SharedReading {
 public:
  using Read = std::function<asio::awaitable<void>()>;

  /// `read` puts what it reads where those who ask look. It is good for `kept` after its end.
  SharedReading(asio::any_io_executor executor, Read read, std::chrono::milliseconds kept);

  /// Returns when a reading is there that is good. Throws what `read` throws where it was this caller who read; others then try for themselves.
  asio::awaitable<void> get();

 private:
  struct State;
  class Turn;

  const Read read_;
  const std::chrono::milliseconds kept_;
  const std::shared_ptr<State> state_;
};

}  // namespace tributary
