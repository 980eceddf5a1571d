#pragma once
#include <boost/asio/any_io_executor.hpp>

#include <memory>

#include "postgres/options.hpp"

namespace tributary::test {

/// Stands before a PostgreSQL server and counts what is asked of it: each request (a simple query, or a pipeline up to its Sync) is one round trip.
/// Without TLS. Lives on the event loop of whoever uses it; the destructor lets connections that are open go on uncounted.
class CountingProxy {
 public:
  CountingProxy(const boost::asio::any_io_executor& executor, postgres::ConnectOptions server);
  ~CountingProxy();
  CountingProxy(const CountingProxy&) = delete;
  CountingProxy& operator=(const CountingProxy&) = delete;

  /// The server's, by way of here.
  postgres::ConnectOptions options() const;
  int requests() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace tributary::test
