#include "clickhouse/detail/pool.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "clickhouse/error.hpp"

namespace tributary::clickhouse::detail {
namespace {

std::string host_field(const ConnectOptions& options) {
  const bool is_ipv6 = options.host.find(':') != std::string::npos;
  return fmt::format("{}:{}", is_ipv6 ? '[' + options.host + ']' : options.host, options.port);
}

}  // namespace

Loan::Loan(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection, bool fresh)
    : pool_(std::move(pool)), connection_(std::move(connection)), fresh_(fresh) {}

Loan::~Loan() {
  if (pool_) pool_->take_back(std::move(connection_), keep_alive_);
}

Pool::Pool(const asio::any_io_executor& executor, ConnectOptions options, std::size_t limit, std::chrono::milliseconds idle_time)
    : options_(std::move(options)),
      idle_time_(idle_time),
      tls_(options_.tls ? make_tls_context(options_) : nullptr),
      turnstile_(executor, std::max<std::size_t>(limit, 1)),
      expiry_(executor) {}

asio::awaitable<Loan> Pool::lend(Deadline deadline) {
  auto place = co_await turnstile_.enter(deadline);
  if (closing_.stop_requested()) throw Error(ErrorKind::connection, "the client was closed");
  if (!place) throw Error(ErrorKind::deadline, "no connection to ClickHouse became free in time");
  while (!idle_.empty()) {
    auto candidate = std::move(idle_.back());
    idle_.pop_back();
    if (Clock::now() >= candidate.until || !candidate.connection->is_quiet()) continue;
    place->keep();
    co_return Loan(shared_from_this(), std::move(candidate.connection), false);
  }
  auto transport = co_await Transport::open(options_, tls_, closing_.get_token(), deadline);
  place->keep();
  co_return Loan(shared_from_this(), std::make_unique<Connection>(std::move(transport), host_field(options_)), true);
}

void Pool::take_back(std::unique_ptr<Connection> connection, std::chrono::milliseconds keep_alive) {
  // Before the server's own time is up, or a request could cross the server's farewell on its way.
  const auto time = std::min(idle_time_, keep_alive / 4 * 3);
  if (!closing_.stop_requested() && connection->reusable() && time > std::chrono::milliseconds::zero()) {
    idle_.push_back({std::move(connection), Clock::now() + time});
    if (idle_.size() == 1) watch_idle();
  }
  connection.reset();
  turnstile_.leave();
}

void Pool::watch_idle() {
  const auto now = Clock::now();
  std::erase_if(idle_, [now](const Idle& each) { return each.until <= now; });
  if (idle_.empty()) return;
  expiry_.expires_at(std::ranges::min_element(idle_, {}, &Idle::until)->until);
  expiry_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto pool = weak.lock();
    if (!error && pool) pool->watch_idle();
  });
}

void Pool::close() {
  closing_.request_stop();
  idle_.clear();
  expiry_.cancel();
  turnstile_.open_for_all();
}

}  // namespace tributary::clickhouse::detail
