#include "support/chaos_proxy.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <atomic>
#include <optional>
#include <random>
#include <thread>
#include <utility>

namespace tributary::test {
namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;
using Socket = std::shared_ptr<tcp::socket>;

/// Of a slow connection: about 400 KiB/s.
constexpr std::size_t kSlowPiece = 2'048;
constexpr std::chrono::milliseconds kSlowPause{5};

struct Plan {
  enum class Fault { none, cut, half_close, silence, drip, throttle };
  Fault fault = Fault::none;
  std::size_t after = 0;  ///< bytes of this direction
  std::chrono::milliseconds time{0};
};

/// `sizes`: powers of two, of bytes, each as likely as the others.
struct Sizes {
  unsigned smallest;
  unsigned count;
};
constexpr Sizes kFirst{0, 17};  ///< early faults as often as late ones: most connections carry little
constexpr Sizes kLater{10, 8};  ///< what got so far may get something done

Plan make_plan(std::mt19937_64& random, Sizes sizes) {
  using Fault = Plan::Fault;
  constexpr std::array kFaults{Fault::none,       Fault::none,    Fault::cut,  Fault::cut,
                               Fault::half_close, Fault::silence, Fault::drip, Fault::throttle};
  const auto fault = kFaults[random() % kFaults.size()];
  const auto after = random() % (std::size_t{1} << (sizes.smallest + random() % sizes.count));
  return {.fault = fault, .after = after, .time = std::chrono::milliseconds(random() % 400)};
}

tcp::endpoint endpoint_of(const postgres::ConnectOptions& options) {
  return {asio::ip::make_address(options.keywords.at("host")),
          static_cast<asio::ip::port_type>(std::stoi(options.keywords.at("port")))};
}

void cut(tcp::socket& socket) {
  boost::system::error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);  // with a reset, not in order
  socket.close(ignored);
}

}  // namespace

struct ChaosProxy::State {
  State(tcp::endpoint endpoint, std::uint64_t seed)
      : server(std::move(endpoint)), acceptor(loop, {asio::ip::address_v4::loopback(), 0}), random(seed) {}

  asio::awaitable<void> wait(std::chrono::milliseconds time) {
    asio::steady_timer timer(loop, time);
    co_await timer.async_wait(use_awaitable);
  }

  /// False: nothing more is passed on.
  asio::awaitable<bool> strike(const Plan& plan, Socket from, Socket to, std::string_view rest) {
    using Fault = Plan::Fault;
    if (plan.fault != Fault::none) ++faults;
    switch (plan.fault) {
      case Fault::none:
        break;
      case Fault::cut:
        cut(*from);
        cut(*to);
        co_return false;
      case Fault::half_close:
        to->shutdown(tcp::socket::shutdown_send);
        co_return false;
      case Fault::silence:
        co_await wait(plan.time);
        break;
      case Fault::drip:
        for (std::size_t i = 0; i < rest.size() && i < 64; ++i) {
          co_await wait(std::chrono::milliseconds(plan.time.count() / 64));
          co_await asio::async_write(*to, asio::buffer(rest.substr(i, 1)), use_awaitable);
        }
        rest.remove_prefix(std::min<std::size_t>(rest.size(), 64));
        break;
      case Fault::throttle:
        for (; rest.size() > kSlowPiece; rest.remove_prefix(kSlowPiece)) {
          co_await asio::async_write(*to, asio::buffer(rest.substr(0, kSlowPiece)), use_awaitable);
          co_await wait(kSlowPause);
        }
        break;
    }
    co_await asio::async_write(*to, asio::buffer(rest), use_awaitable);
    co_return true;
  }

  asio::awaitable<void> forward(Socket from, Socket to) {
    std::array<char, 16'384> buffer;
    std::optional<Plan> plan;
    auto sizes = kFirst;
    try {
      for (;;) {
        const std::string_view bytes(buffer.data(), co_await from->async_read_some(asio::buffer(buffer), use_awaitable));
        if (!fails)
          plan.reset();
        else if (!plan)
          plan = make_plan(random, std::exchange(sizes, kLater));
        const auto sound = plan ? bytes.substr(0, std::min(plan->after, bytes.size())) : bytes;
        co_await asio::async_write(*to, asio::buffer(sound), use_awaitable);
        if (plan) plan->after -= sound.size();
        if (sound.size() == bytes.size()) continue;
        if (!co_await strike(*plan, from, to, bytes.substr(sound.size()))) co_return;
        plan.reset();
      }
    } catch (const boost::system::system_error&) {
      boost::system::error_code ignored;
      to->shutdown(tcp::socket::shutdown_send, ignored);
    }
  }

  asio::awaitable<void> accept() {
    for (;;) {
      const auto client = std::make_shared<tcp::socket>(co_await acceptor.async_accept(use_awaitable));
      const auto upstream = std::make_shared<tcp::socket>(loop);
      boost::system::error_code error;
      co_await upstream->async_connect(server, asio::redirect_error(use_awaitable, error));
      if (error) continue;
      asio::co_spawn(loop, forward(client, upstream), asio::detached);
      asio::co_spawn(loop, forward(upstream, client), asio::detached);
    }
  }

  tcp::endpoint server;  ///< owned by the loop
  asio::io_context loop{1};
  tcp::acceptor acceptor;
  std::mt19937_64 random;
  std::atomic<bool> fails{false};
  std::atomic<int> faults{0};
  std::thread thread;
};

ChaosProxy::ChaosProxy(const postgres::ConnectOptions& server, std::uint64_t seed)
    : ChaosProxy(endpoint_of(server).port(), seed) {}

ChaosProxy::ChaosProxy(std::uint16_t server_port, std::uint64_t seed)
    : state_(std::make_unique<State>(tcp::endpoint(asio::ip::address_v4::loopback(), server_port), seed)) {
  asio::co_spawn(state_->loop, state_->accept(), asio::detached);
  state_->thread = std::thread([this] { state_->loop.run(); });
}

ChaosProxy::~ChaosProxy() {
  state_->loop.stop();
  state_->thread.join();
}

std::string ChaosProxy::port() const { return std::to_string(state_->acceptor.local_endpoint().port()); }
void ChaosProxy::lead_to(const postgres::ConnectOptions& server) {
  asio::post(state_->loop, [state = state_.get(), endpoint = endpoint_of(server)] { state->server = endpoint; });
}
void ChaosProxy::fail(bool fails) { state_->fails = fails; }
int ChaosProxy::faults() const { return state_->faults; }

std::string with_port(std::string uri, const std::string& port) {
  const auto begin = uri.rfind(':') + 1;
  return uri.replace(begin, std::min(uri.find('/', begin), uri.size()) - begin, port);
}

}  // namespace tributary::test
