#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/deadline.hpp"
#include "clickhouse/embedded/engine.hpp"
#include "clickhouse/embedded/request.hpp"
#include "clickhouse/embedded/tenant_rules.hpp"

namespace tributary::clickhouse::embedded {

namespace asio = boost::asio;

struct ServerParams {
  Credentials credentials;
  /// Statements at once; more wait. Tenants have places of their own, so that they cannot keep the writer waiting. At least 1 each.
  std::size_t admin_queries = 32;  ///< a load holds its place as long as its rows come
  std::size_t tenant_queries = 4;
  /// So that one project, with all its branches, does not keep the others waiting.
  std::size_t queries_of_project() const { return std::max<std::size_t>(1, tenant_queries / 2); }
  /// For a place, and of a tenant no longer than its query may take; then code 202.
  std::chrono::milliseconds longest_wait{10'000};
  std::size_t most_connections =
      256;  ///< of each role, of those who have said its password; more wait for their answer. Of admin twice its queries at least
  std::size_t most_strangers = 128;  ///< of the others; one more puts the oldest out
  std::chrono::milliseconds stranger_time{10'000};  ///< to say a password, from when it was accepted
  /// Bounds of a tenant's query (setting → bound), in force where the request names no lower one.
  std::map<std::string, std::uint64_t> tenant_bounds;
};

/// ClickHouse's HTTP interface in front of the engine: enough of it for the official clients.
///
/// The answer of a SELECT and the data of an INSERT go through a pipe between the engine and the socket: of any size, in constant memory, and whoever is
/// slower is waited for. Statements run on threads of their own, for the engine blocks. A client that goes away ends its statement.
///
/// Lifetime: the engine outlives it; the io_context runs until stop() has returned. Threads: one loop, that of the acceptor.
class Server {
 public:
  /// `acceptor` listens already. Without `rules` there are no tenants: limited_user is refused.
  Server(asio::ip::tcp::acceptor acceptor, Engine& engine, std::optional<TenantRules> rules, ServerParams params);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes connections until stop().
  asio::awaitable<void> run();
  /// Takes no more connections and requests, lets what runs finish until `deadline`, then kills it. False where something had to be killed.
  asio::awaitable<bool> stop(Deadline deadline);

  struct State;  ///< detail/server_state.hpp

 private:
  std::unique_ptr<State> state_;
};

}  // namespace tributary::clickhouse::embedded
