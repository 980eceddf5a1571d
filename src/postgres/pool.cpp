#include "postgres/pool.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <utility>

#include "base/turnstile.hpp"
#include "postgres/detail/cancelled.hpp"
#include "postgres/detail/impl.hpp"

namespace tributary::postgres {

using Clock = std::chrono::steady_clock;

/// Shared by the pool and its loans. A loan holds one of the turnstile's places; idle connections hold none. Whoever has a place takes an
/// idle connection if there is one and opens another only if not, so idle and lent ones together never exceed the limit.
struct PooledConnection::State : std::enable_shared_from_this<State> {
  struct Idle {
    std::unique_ptr<Connection> connection;
    Clock::time_point opened;
    Clock::time_point since;
  };

  State(const asio::any_io_executor& executor, ConnectOptions connect_options, PoolSettings pool_settings)
      : options(std::move(connect_options)),
        settings(pool_settings),
        turnstile(executor, std::max<std::size_t>(settings.max_connections, 1)),
        expiry(executor) {}

  const ConnectOptions options;
  const PoolSettings settings;
  Turnstile turnstile;
  std::deque<Idle> idle;  ///< longest idle first; the back is lent first, so that what is not needed ages at the front
  asio::steady_timer expiry;
  bool closed = false;

  asio::awaitable<PooledConnection> lend(Deadline deadline);
  asio::awaitable<bool> is_alive(const Idle& candidate, Deadline deadline);
  void take_back(std::unique_ptr<Connection> connection, Clock::time_point opened);
  void watch_idle();
  void close();
};

asio::awaitable<PooledConnection> PooledConnection::State::lend(Deadline deadline) {
  auto place = co_await turnstile.enter(deadline);
  if (!place) throw Error(ErrorKind::deadline, "no connection became free in time");
  if (closed) throw Error(ErrorKind::usage, "the pool is closed");
  while (!idle.empty()) {
    auto candidate = std::move(idle.back());
    idle.pop_back();
    if (co_await is_alive(candidate, deadline)) {
      place->keep();
      co_return PooledConnection(shared_from_this(), std::move(candidate.connection), candidate.opened, false);
    }
  }
  auto connection = std::make_unique<Connection>(co_await Connection::open(options, deadline));
  place->keep();
  co_return PooledConnection(shared_from_this(), std::move(connection), Clock::now(), true);
}

asio::awaitable<bool> PooledConnection::State::is_alive(const Idle& candidate, Deadline deadline) {
  if (!candidate.connection->impl().peer_is_there()) co_return false;
  if (Clock::now() - candidate.since <= settings.check_after_idle) co_return true;
  std::optional<Error> failure;
  try {
    // A server that is gone without a word must not cost more than a new connection to it would.
    co_await candidate.connection->execute("SELECT 1", deadline.capped(options.connect_timeout));
  } catch (const Error& error) {
    failure = error;
  }
  if (!failure) co_return true;
  if (deadline.expired() || detail::is_cancelled(co_await asio::this_coro::cancellation_state)) throw *failure;
  co_return false;
}

void PooledConnection::State::take_back(std::unique_ptr<Connection> connection, Clock::time_point opened) {
  const auto now = Clock::now();
  const bool reusable = !closed && connection->usable() && connection->transaction_status() == TransactionStatus::idle &&
                        now - opened < settings.max_lifetime && settings.idle_timeout > Clock::duration::zero();
  if (reusable) {
    idle.push_back({std::move(connection), opened, now});
    if (idle.size() == 1) watch_idle();
  }
  connection.reset();
  turnstile.leave();
}

void PooledConnection::State::watch_idle() {
  const auto now = Clock::now();
  while (!idle.empty() && now - idle.front().since >= settings.idle_timeout) idle.pop_front();
  if (idle.empty()) return;
  expiry.expires_at(idle.front().since + settings.idle_timeout);
  expiry.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto state = weak.lock();
    if (!error && state) state->watch_idle();
  });
}

void PooledConnection::State::close() {
  closed = true;
  idle.clear();
  expiry.cancel();
  turnstile.open_for_all();
}

PooledConnection::PooledConnection(std::shared_ptr<State> state, std::unique_ptr<Connection> connection, Clock::time_point opened,
                                   bool fresh)
    : state_(std::move(state)), connection_(std::move(connection)), opened_(opened), fresh_(fresh) {}

PooledConnection::PooledConnection(PooledConnection&&) noexcept = default;

PooledConnection& PooledConnection::operator=(PooledConnection&& other) noexcept {
  if (this == &other) return *this;
  if (connection_) state_->take_back(std::move(connection_), opened_);
  state_ = std::move(other.state_);
  connection_ = std::move(other.connection_);
  opened_ = other.opened_;
  fresh_ = other.fresh_;
  return *this;
}

PooledConnection::~PooledConnection() {
  if (connection_) state_->take_back(std::move(connection_), opened_);
}

Pool::Pool(asio::any_io_executor executor, ConnectOptions options, PoolSettings settings)
    : state_(std::make_shared<PooledConnection::State>(executor, std::move(options), settings)) {}

Pool::~Pool() { close(); }

asio::awaitable<PooledConnection> Pool::acquire(Deadline deadline) {
  const auto state = state_;  // the pool may end while this waits
  co_return co_await state->lend(deadline);
}

void Pool::close() { state_->close(); }

Pool::Counts Pool::counts() const {
  const auto lent = state_->turnstile.inside();
  return {.open = lent + state_->idle.size(), .lent = lent, .waiting = state_->turnstile.waiting()};
}

const ConnectOptions& Pool::options() const { return state_->options; }

asio::any_io_executor Pool::executor() const { return state_->expiry.get_executor(); }

}  // namespace tributary::postgres
