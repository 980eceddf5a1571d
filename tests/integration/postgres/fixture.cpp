#include "fixture.hpp"

#include <boost/asio/ip/tcp.hpp>

namespace tributary::postgres {

using asio::ip::tcp;

struct SilentPort::State {
  explicit State(const asio::any_io_executor& executor) : acceptor(executor, tcp::v4()) {}
  tcp::acceptor acceptor;
};

SilentPort::SilentPort(const asio::any_io_executor& executor, bool listen) : state_(std::make_shared<State>(executor)) {
  state_->acceptor.bind({asio::ip::address_v4::loopback(), 0});
  if (listen) state_->acceptor.listen();
}

std::string SilentPort::number() const { return std::to_string(state_->acceptor.local_endpoint().port()); }

}  // namespace tributary::postgres
