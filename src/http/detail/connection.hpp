#pragma once
#include <boost/asio/cancellation_signal.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <list>
#include <memory>
#include <optional>
#include <stop_token>

#include "http/detail/server_state.hpp"

namespace tributary::http::detail {

namespace beast = boost::beast;
namespace wire = boost::beast::http;

/// One client: reads its requests one after the other, and answers each before it reads the next.
class Connection {
 public:
  Connection(std::shared_ptr<Server::State> server, asio::ip::tcp::socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Until the client or the server has had enough. Throws nothing but what is a defect.
  asio::awaitable<void> run();
  /// Takes no more requests; what runs may finish.
  void wind_up();
  /// Ends whatever it does.
  void cut_off();

 private:
  using Parser = wire::request_parser<wire::string_body>;

  /// What is told of a request in log and metrics.
  struct Told {
    Deadline::Clock::time_point begun;
    std::string route;
    std::string project;
    unsigned status = 0;
    std::size_t bytes = 0;  ///< of the answer, not compressed
    bool client_left = false;
  };

  asio::awaitable<bool> wait_for_request();
  asio::awaitable<bool> exchange();
  asio::awaitable<std::optional<Error>> read(Parser& parser, std::optional<Turnstile::Place>& place);
  asio::awaitable<Response> handle(const RawRequest& request, bool ends_with_client);
  asio::awaitable<void> write(const RawRequest& request, Response response, unsigned version, bool keep_alive);
  asio::awaitable<std::size_t> write_stream(const RawRequest& request, const Response& response, unsigned version, bool& open);
  std::shared_ptr<void> watch_client();
  asio::awaitable<void> linger();
  void leave_idle();
  void tell(const RawRequest& request, const Told& told);

  const std::shared_ptr<Server::State> server_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;  ///< what was read and not parsed: a pipelined request
  std::string client_;         ///< address, for the log
  std::list<Connection*>::iterator in_open_;
  std::optional<std::list<Connection*>::iterator> in_idle_;
  bool is_cut_off_ = false;
  std::stop_source stop_;  ///< of a stream
  std::shared_ptr<asio::cancellation_signal> cancel_ = std::make_shared<asio::cancellation_signal>();  ///< of a handler
};

}  // namespace tributary::http::detail
