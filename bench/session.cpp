#include "session.hpp"

#include <libpq-fe.h>

#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace tributary::bench {
namespace {

std::vector<const char*> pointers(std::span<const std::string> params) {
  std::vector<const char*> values;
  for (const auto& param : params) values.push_back(param.c_str());
  return values;
}

long long touched(const PGresult* result) {
  if (PQresultStatus(result) == PGRES_TUPLES_OK) return PQntuples(result);
  return std::atoll(PQcmdTuples(const_cast<PGresult*>(result)));
}

}  // namespace

void Session::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

Session::Session(const postgres::ConnectOptions& options) : connection_(PQconnectdb(options.to_string().c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
}

Session::ResultPointer Session::checked(pg_result* result, const std::string& sql) {
  ResultPointer owner(result, &PQclear);
  const auto status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error(std::string(PQerrorMessage(connection_.get())) + "in: " + sql.substr(0, 400));
  }
  return owner;
}

long long Session::run(const std::string& sql) { return touched(checked(PQexec(connection_.get(), sql.c_str()), sql).get()); }

long long Session::run(const std::string& sql, std::span<const std::string> params) {
  const auto values = pointers(params);
  return touched(checked(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                                      nullptr, nullptr, 0),
                         sql)
                     .get());
}

std::vector<Session::Row> Session::rows(const std::string& sql, std::initializer_list<std::string> params) {
  const auto values = pointers(std::span(params));
  const auto result = checked(
      PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0),
      sql);
  std::vector<Row> all(static_cast<std::size_t>(PQntuples(result.get())));
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    for (int column = 0; column < PQnfields(result.get()); ++column) {
      all[static_cast<std::size_t>(row)].emplace_back(PQgetvalue(result.get(), row, column));
    }
  }
  return all;
}

std::string Session::value(const std::string& sql, std::initializer_list<std::string> params) {
  const auto all = rows(sql, params);
  if (all.empty() || all[0].empty()) throw std::runtime_error("no row from: " + sql);
  return all[0][0];
}

long long Session::number(const std::string& sql, std::initializer_list<std::string> params) {
  return std::atoll(value(sql, params).c_str());
}

void Session::prepare(const std::string& name, const std::string& sql) {
  checked(PQprepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr), sql);
}

long long Session::execute(const std::string& name, std::initializer_list<std::string> params) {
  const auto values = pointers(std::span(params));
  return touched(checked(PQexecPrepared(connection_.get(), name.c_str(), static_cast<int>(values.size()), values.data(), nullptr,
                                        nullptr, 0),
                         name)
                     .get());
}

std::string Session::literal(const std::string& text) {
  const std::unique_ptr<char, decltype(&PQfreemem)> quoted(PQescapeLiteral(connection_.get(), text.data(), text.size()),
                                                           &PQfreemem);
  if (!quoted) throw std::runtime_error(PQerrorMessage(connection_.get()));
  return quoted.get();
}

void wait_until(const std::string& what, std::chrono::microseconds pause, const std::function<bool()>& done,
                std::chrono::seconds limit) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("waited in vain until " + what);
    std::this_thread::sleep_for(pause);
  }
}

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace tributary::bench
