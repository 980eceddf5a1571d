#include "base/shared_reading.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

namespace tributary {

using Clock = std::chrono::steady_clock;

struct SharedReading::State {
  asio::steady_timer ended;  ///< never expires; cancelled when a reading is over
  bool is_read = false;      ///< by somebody, now
  std::optional<Clock::time_point> last;
};

/// That of whoever reads.
class SharedReading::Turn {
 public:
  explicit Turn(State& state) : state_(state) { state_.is_read = true; }
  ~Turn() {
    state_.is_read = false;
    state_.ended.cancel();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  State& state_;
};

SharedReading::SharedReading(asio::any_io_executor executor, Read read, std::chrono::milliseconds kept)
    : read_(std::move(read)),
      kept_(kept),
      state_(std::make_shared<State>(State{.ended = asio::steady_timer(std::move(executor), Clock::time_point::max())})) {}

asio::awaitable<void> SharedReading::get() {
  const auto state = state_;
  while (!state->last || Clock::now() - *state->last >= kept_) {
    if (state->is_read) {
      boost::system::error_code ignored;
      co_await state->ended.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
      continue;
    }
    const Turn turn(*state);
    co_await read_();
    state->last = Clock::now();
  }
}

}  // namespace tributary
