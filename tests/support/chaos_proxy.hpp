#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "postgres/options.hpp"

namespace tributary::test {

/// Stands before a server of this machine, PostgreSQL's or ClickHouse's, with a thread of its own, and can fail as networks do. While it fails, each direction of
/// each connection has a plan, which a seed decides: after some bytes, in the middle of whatever they are, it is cut off, ended as if in order, silent for a while,
/// passed on in small late pieces, or slow for a while. Where it goes on, it has another plan then.
/// Without TLS, so that a cut meets every kind of message.
class ChaosProxy {
 public:
  ChaosProxy(const postgres::ConnectOptions& server, std::uint64_t seed);
  ChaosProxy(std::uint16_t server_port, std::uint64_t seed);
  ~ChaosProxy();
  ChaosProxy(const ChaosProxy&) = delete;
  ChaosProxy& operator=(const ChaosProxy&) = delete;

  std::string port() const;
  /// Connections that come from now on go to this server. Any thread.
  void lead_to(const postgres::ConnectOptions& server);
  /// Connections of before, too. Any thread.
  void fail(bool fails);
  int faults() const;  ///< so far. Any thread

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A connection string of the form of Database::uri(), or ClickHouse::uri(), with another port.
std::string with_port(std::string uri, const std::string& port);

}  // namespace tributary::test
