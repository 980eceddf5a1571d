#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>

#include "base/deadline.hpp"

namespace tributary::postgres::detail {

namespace asio = boost::asio;

/// Waits for the readiness of a socket that libpq owns: Asio polls it, but never reads, writes or closes it.
///
/// One operation at a time, of any number of waits, shares one timer, which is set at the first wait only: an operation
/// whose answer is there already costs no timer at all.
/// Lifetime: must outlive a wait. Threads: one loop.
class Readiness {
 public:
  enum class Interest { read, write, both };

  explicit Readiness(asio::any_io_executor executor);
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  /// Registers `socket` with the loop, in place of a former one.
  void watch(int socket);
  /// Takes the socket off the loop. To be called before libpq may close it, or, where it has just met the socket's end and closed it, before anything else of this loop
  /// runs: its number can come back as another socket's. A wait under way ends as cancelled.
  void release();

  void begin_operation(Deadline deadline);
  void end_operation();
  /// Returns when the socket is ready for `interest` or failed (reading or writing then tells).
  /// Throws Error{deadline} when the operation's deadline passes or the coroutine is cancelled.
  asio::awaitable<void> wait(Interest interest);

 private:
  struct State;
  std::shared_ptr<State> state_;  ///< shared with the timer's handler, which may run after this object's end
};

}  // namespace tributary::postgres::detail
