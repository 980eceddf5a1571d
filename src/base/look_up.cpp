#include "base/look_up.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/admission.hpp"
#include "base/event.hpp"

namespace tributary {
namespace {

LookedUp ask_system(const std::string& host) {
  asio::io_context context;
  asio::ip::tcp::resolver resolver(context);
  LookedUp result;
  for (const auto& each : resolver.resolve(host, "", result.error)) result.addresses.push_back(each.endpoint().address());
  return result;
}

struct Question {
  const std::string host;
  LookedUp answer{.error = asio::error::timed_out};
  Event* asker = nullptr;  ///< null: given up, and its event loop may be gone
};

using Line = Admission<std::shared_ptr<Question>>;

}  // namespace

struct Resolver::State {
  State(Limits limits, Function with) : function(std::move(with)), line(limits.each, limits.all) {}

  /// The next that somebody still wants to know. With the mutex held.
  std::optional<Line::Admitted> next() {
    while (auto admitted = line.next()) {
      if (admitted->item->asker != nullptr) return admitted;
      line.leave(admitted->key);
    }
    return std::nullopt;
  }

  /// With the mutex held.
  void leave(const Line::Admitted& admitted, LookedUp answer) {
    line.leave(admitted.key);
    admitted.item->answer = std::move(answer);
    if (admitted.item->asker != nullptr) admitted.item->asker->notify();
  }

  /// What a thread does: whoever waits goes on where another ended.
  static void work(const std::shared_ptr<State>& state, std::optional<Line::Admitted> admitted) {
    while (admitted) {
      auto answer = state->function(admitted->item->host);
      const std::lock_guard lock(state->mutex);
      state->leave(*admitted, std::move(answer));
      admitted = state->next();
    }
  }

  static asio::awaitable<LookedUp> look_up(std::shared_ptr<State> state, std::string host, std::string owner, Deadline deadline,
                                           std::stop_token stop);

  static void ask(const std::shared_ptr<State>& state, const std::string& owner, std::shared_ptr<Question> question) {
    const std::lock_guard lock(state->mutex);
    state->line.wait(owner, std::move(question));
    const auto admitted = state->next();
    if (!admitted) return;
    try {
      std::thread(work, state, admitted).detach();
    } catch (const std::system_error& error) {
      state->leave(*admitted, {.error = error.code(), .addresses = {}});
    }
  }

  const Function function;
  std::mutex mutex;
  Line line;  // GUARDED_BY(mutex), as are the questions
};

Resolver::Resolver() : Resolver(Limits(), ask_system) {}

Resolver::Resolver(Limits limits, Function function) : state_(std::make_shared<State>(limits, std::move(function))) {}

asio::awaitable<LookedUp> Resolver::look_up(std::string host, std::string owner, Deadline deadline, std::stop_token stop) {
  return State::look_up(state_, std::move(host), std::move(owner), deadline, std::move(stop));
}

asio::awaitable<LookedUp> Resolver::State::look_up(std::shared_ptr<State> state, std::string host, std::string owner,
                                                   Deadline deadline, std::stop_token stop) {
  boost::system::error_code not_numeric;
  const auto address = asio::ip::make_address(host, not_numeric);
  if (!not_numeric) co_return LookedUp{.addresses = {address}};
  if (deadline.expired() || stop.stop_requested()) co_return LookedUp{.error = asio::error::timed_out};

  Event answered(co_await asio::this_coro::executor);
  const auto question = std::make_shared<Question>(Question{.host = std::move(host), .asker = &answered});
  const auto give_up = [&state](Question* asked) {
    const std::lock_guard lock(state->mutex);
    asked->asker = nullptr;
  };
  const std::unique_ptr<Question, decltype(give_up)> asking(question.get(), give_up);
  ask(state, owner, question);
  try {
    co_await answered.wait(deadline, stop);
  } catch (const boost::system::system_error&) {
    // Cancelled: the next that is awaited says so.
  }
  const std::lock_guard lock(state->mutex);
  co_return question->answer;
}

asio::awaitable<LookedUp> look_up(std::string host, Deadline deadline, std::stop_token stop) {
  constexpr Resolver::Limits kOne{.each = 1, .all = 1};
  return Resolver(kOne, ask_system).look_up(std::move(host), "", deadline, std::move(stop));
}

}  // namespace tributary
