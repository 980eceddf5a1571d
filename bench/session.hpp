#pragma once
#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "postgres/options.hpp"

struct pg_conn;
struct pg_result;

namespace tributary::bench {

/// A blocking session in text: plain libpq, as the programs we are compared with use it. Throws std::runtime_error.
class Session {
 public:
  explicit Session(const postgres::ConnectOptions& options);

  using Row = std::vector<std::string>;  ///< NULL is ""
  /// Any script by the simple protocol; the number of rows that its last statement touched.
  long long run(const std::string& sql);
  /// One statement with parameters, parsed and planned for this call; the number of rows that it touched.
  long long run(const std::string& sql, std::span<const std::string> params);
  std::vector<Row> rows(const std::string& sql, std::initializer_list<std::string> params = {});
  std::string value(const std::string& sql, std::initializer_list<std::string> params = {});
  long long number(const std::string& sql, std::initializer_list<std::string> params = {});

  void prepare(const std::string& name, const std::string& sql);
  /// The number of rows it returned or touched.
  long long execute(const std::string& name, std::initializer_list<std::string> params);
  /// 'quoted' for a simple-protocol statement.
  std::string literal(const std::string& text);

 private:
  using ResultPointer = std::unique_ptr<pg_result, void (*)(pg_result*)>;
  ResultPointer checked(pg_result* result, const std::string& sql);
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  std::unique_ptr<pg_conn, Close> connection_;
};

/// Looks every `pause` until `done` says so. Throws after `limit`, saying what it waited for.
void wait_until(const std::string& what, std::chrono::microseconds pause, const std::function<bool()>& done,
                std::chrono::seconds limit = std::chrono::seconds(180));

/// Wall-clock seconds of `work`.
double seconds_of(const std::function<void()>& work);

}  // namespace tributary::bench
