#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "clickhouse/options.hpp"
#include "fixture.hpp"

namespace tributary::clickhouse {

/// A server that does what real ones do in bad moments only: it takes connections one after another, and does with each what its script says.
/// Belongs to one event loop.
class Endpoint {
 public:
  /// One connection of a client, as the script sees it.
  class Visitor {
   public:
    virtual ~Visitor() = default;
    /// The next request up to its end (Content-Length or chunks); empty where the client closed the connection.
    virtual asio::awaitable<std::string> request() = 0;
    virtual asio::awaitable<void> say(std::string text) = 0;
  };
  /// `number`: of the connection, from 0. At its end the connection is closed.
  using Script = std::function<asio::awaitable<void>(Visitor& visitor, int number)>;

  Endpoint(const asio::any_io_executor& executor, Script script, std::shared_ptr<asio::ssl::context> tls = nullptr);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  ConnectOptions options() const;
  int connections() const;

 private:
  struct State;
  static asio::awaitable<void> accept(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

/// "HTTP/1.1 200 OK" with that body.
std::string answer(std::string_view body, std::string_view fields = {}, std::string_view status = "200 OK");

}  // namespace tributary::clickhouse
