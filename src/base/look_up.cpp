#include "base/look_up.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>

namespace tributary {
namespace {

struct Pending {
  Pending(const asio::any_io_executor& executor, Deadline deadline) : resolver(executor), timer(executor, deadline.when()) {}
  asio::ip::tcp::resolver resolver;
  asio::steady_timer timer;
  LookedUp result{.error = asio::error::timed_out};
};

}  // namespace

asio::awaitable<LookedUp> look_up(std::string host, Deadline deadline, std::stop_token stop) {
  const auto executor = co_await asio::this_coro::executor;
  boost::system::error_code not_numeric;
  const auto address = asio::ip::make_address(host, not_numeric);
  if (!not_numeric) co_return LookedUp{.addresses = {address}};
  if (deadline.expired() || stop.stop_requested()) co_return LookedUp{.error = asio::error::timed_out};

  const auto pending = std::make_shared<Pending>(executor, deadline);
  pending->resolver.async_resolve(host, "", [pending](boost::system::error_code error, const auto& found) {
    pending->result.error = error;
    for (const auto& each : found) pending->result.addresses.push_back(each.endpoint().address());
    pending->timer.cancel();
  });
  const std::stop_callback wake_at_stop(stop, [&] { asio::post(executor, [pending] { pending->timer.cancel(); }); });
  boost::system::error_code woken;
  co_await pending->timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  co_return pending->result;
}

}  // namespace tributary
