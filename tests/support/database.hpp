#pragma once
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/options.hpp"

struct pg_conn;

namespace tributary::test {

/// A blocking session in text, on purpose not the code under test: plain libpq as psql would use it. Failures throw std::runtime_error.
class Session {
 public:
  explicit Session(const std::string& uri);
  using Row = std::vector<std::optional<std::string>>;
  void run(const std::string& sql);  ///< any script
  std::vector<Row> rows(const std::string& sql);
  std::string value(const std::string& sql);  ///< first field; "" for NULL; throws where there is no row
  long long number(const std::string& sql);
  /// Error message of a statement that must fail; throws where it succeeds.
  std::string failure(const std::string& sql);
  /// SQLSTATE of a statement that may fail; "" where it succeeds. Throws where the connection is lost.
  std::string attempt(const std::string& sql);
  int backend_pid() const;
  long long waiting_for_locks();  ///< how many sessions of its database do; other tests' have databases of their own

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Close> connection_;
};

/// The address in TRIBUTARY_TEST_POSTGRES, which tests/with-postgres puts there.
std::string cluster_of_tests();

/// A database of this test's own, dropped (with its sessions) at the end: in the cluster of TRIBUTARY_TEST_POSTGRES, or in the one whose database `postgres` has
/// this address. It is a copy of the database with the name `copy_of`, to which nobody is connected.
class Database {
 public:
  explicit Database(std::string_view prefix = "test");
  Database(std::string_view prefix, std::string cluster_uri, std::string_view copy_of = "template1");
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& name() const { return name_; }
  std::string uri() const;
  postgres::ConnectOptions options() const;
  Session session() const { return Session(uri()); }

 private:
  std::string cluster_uri_;
  std::string name_;
};

/// Runs one coroutine on an event loop of its own to its end and rethrows what it throws. Fails after a minute rather than hanging.
void run(std::function<boost::asio::awaitable<void>()> coroutine);

}  // namespace tributary::test
