#include "destination/clickhouse/insertion.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <utility>
#include <vector>

#include "base/event.hpp"
#include "destination/clickhouse/failure.hpp"

namespace tributary::destination::clickhouse_target {

namespace ch = tributary::clickhouse;

struct Insertion::State {
  State(std::shared_ptr<ch::Client> client, std::chrono::milliseconds longest,
        std::function<void(const std::optional<Failure>&)> told)
      : to(std::move(client)), timeout(longest), noted(std::move(told)), offered(to->executor()), taken(to->executor()) {}

  asio::awaitable<std::span<const std::byte>> next();
  asio::awaitable<void> wait(Deadline deadline);
  void conclude(std::optional<Failure> with);

  const std::shared_ptr<ch::Client> to;
  const std::chrono::milliseconds timeout;
  const std::function<void(const std::optional<Failure>&)> noted;
  asio::cancellation_signal break_off;
  Event offered;  ///< for the statement: there are bytes, or there will be no more
  Event taken;    ///< for the caller: there are none left, or the statement is over
  std::vector<std::byte> bytes;
  bool sending = false;   ///< them
  bool complete = false;  ///< no more will come
  bool running = true;    ///< the statement is
  bool over = false;      ///< for the caller
  std::optional<Failure> failure;
};

/// The next bytes of the statement's data, which it asks for when those before are sent.
asio::awaitable<std::span<const std::byte>> Insertion::State::next() {
  if (std::exchange(sending, false)) {
    bytes.clear();
    taken.set();
  }
  while (bytes.empty() && !complete) co_await offered.wait(Deadline::never());
  sending = !bytes.empty();
  co_return bytes;
}

/// Until something is taken, or it is over.
asio::awaitable<void> Insertion::State::wait(Deadline deadline) {
  if (!co_await taken.wait(deadline)) conclude(timed_out());
}

void Insertion::State::conclude(std::optional<Failure> with) {
  if (std::exchange(over, true)) return;
  failure = std::move(with);
  noted(failure);
  taken.set();
}

Insertion::Insertion(std::shared_ptr<ch::Client> to, Params params, std::function<void(const std::optional<Failure>&)> noted)
    : state_(std::make_shared<State>(std::move(to), params.timeout, std::move(noted))) {
  ch::Query query{.text = std::move(params.text),
                  .settings = {{"async_insert", "0"},  // acknowledged means on the disk, whatever the server's default is
                               {"optimize_on_insert", "0"},  // few rows of a load supersede each other: merges find them
                               {"min_insert_block_size_rows", "0"},
                               {"min_insert_block_size_bytes", std::to_string(params.part_bytes)}},
                  .data = [state = state_.get()] { return state->next(); }};
  asio::co_spawn(state_->to->executor(), state_->to->execute(std::move(query), Deadline::never()),
                 asio::bind_cancellation_slot(state_->break_off.slot(), [state = state_](std::exception_ptr error, const auto&) {
                   state->running = false;
                   state->conclude(error ? std::optional(to_failure(error)) : std::nullopt);
                 }));
}

Insertion::~Insertion() {
  state_->over = true;  // whatever becomes of it now says nothing of the server
  if (!state_->running) return;
  state_->break_off.emit(asio::cancellation_type::terminal);
  asio::post(state_->to->executor(), [state = state_] {});  // Asio emits it from the loop, and does not keep what it emits
}

asio::awaitable<std::optional<Failure>> Insertion::add(ch::Block& block, Deadline deadline) {
  const auto state = state_;
  deadline = deadline.capped(state->timeout);
  while (!state->over && !state->bytes.empty()) co_await state->wait(deadline);
  if (state->over) co_return state->failure;
  block.serialise(state->bytes);
  block.clear();
  state->offered.set();
  co_return std::nullopt;
}

asio::awaitable<std::optional<Failure>> Insertion::finish(Deadline deadline) {
  const auto state = state_;
  deadline = deadline.capped(state->timeout);
  state->complete = true;
  state->offered.set();
  while (!state->over) co_await state->wait(deadline);
  co_return state->failure;
}

}  // namespace tributary::destination::clickhouse_target
