#include "support/database.hpp"

#include <libpq-fe.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <stdexcept>

#include "base/uuid.hpp"

namespace tributary::test {
namespace {

using ResultPointer = std::unique_ptr<PGresult, decltype(&PQclear)>;

bool succeeded(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

ResultPointer query(PGconn* connection, const std::string& sql) {
  ResultPointer result(PQexec(connection, sql.c_str()), &PQclear);
  if (!succeeded(result.get())) throw std::runtime_error(std::string(PQerrorMessage(connection)) + "in: " + sql);
  return result;
}

}  // namespace

std::string cluster_of_tests() {
  const char* uri = std::getenv("TRIBUTARY_TEST_POSTGRES");
  if (uri == nullptr) throw std::runtime_error("TRIBUTARY_TEST_POSTGRES is not set: run this through tests/with-postgres");
  return uri;
}

void Session::Close::operator()(PGconn* connection) const { PQfinish(connection); }

Session::Session(const std::string& uri) : connection_(PQconnectdb(uri.c_str())) {
  if (PQstatus(connection_.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
}

void Session::run(const std::string& sql) { query(connection_.get(), sql); }

std::vector<Session::Row> Session::rows(const std::string& sql) {
  const auto result = query(connection_.get(), sql);
  std::vector<Row> rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (int r = 0; r < PQntuples(result.get()); ++r) {
    for (int c = 0; c < PQnfields(result.get()); ++c) {
      auto& row = rows[static_cast<std::size_t>(r)];
      if (PQgetisnull(result.get(), r, c) != 0)
        row.emplace_back();
      else
        row.emplace_back(PQgetvalue(result.get(), r, c));
    }
  }
  return rows;
}

std::string Session::value(const std::string& sql) {
  const auto all = rows(sql);
  if (all.empty() || all[0].empty()) throw std::runtime_error("no row from: " + sql);
  return all[0][0].value_or("");
}

long long Session::number(const std::string& sql) { return std::stoll(value(sql)); }

std::string Session::failure(const std::string& sql) {
  ResultPointer result(PQexec(connection_.get(), sql.c_str()), &PQclear);
  if (succeeded(result.get())) throw std::runtime_error("did not fail: " + sql);
  return PQerrorMessage(connection_.get());
}

std::string Session::attempt(const std::string& sql) {
  ResultPointer result(PQexec(connection_.get(), sql.c_str()), &PQclear);
  if (succeeded(result.get())) return "";
  const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
  if (state == nullptr) throw std::runtime_error(std::string(PQerrorMessage(connection_.get())) + "in: " + sql);
  return state;
}

long long Session::waiting_for_locks() {
  return number("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
}

int Session::backend_pid() const { return PQbackendPID(connection_.get()); }

Database::Database(std::string_view prefix) : Database(prefix, cluster_of_tests()) {}

Database::Database(std::string_view prefix, std::string cluster_uri, std::string_view copy_of)
    : cluster_uri_(std::move(cluster_uri)), name_(std::string(prefix) + "_" + Uuid::random().to_string().substr(0, 13)) {
  Session(cluster_uri_).run("CREATE DATABASE \"" + name_ + "\" TEMPLATE " + std::string(copy_of));
}

Database::~Database() {
  try {
    Session(cluster_uri_).run("DROP DATABASE IF EXISTS \"" + name_ + "\" WITH (FORCE)");
  } catch (const std::exception&) {
    // The whole cluster is thrown away after the run.
  }
}

std::string Database::uri() const { return cluster_uri_.substr(0, cluster_uri_.rfind('/') + 1) + name_ + "?sslmode=disable"; }

postgres::ConnectOptions Database::options() const { return postgres::ConnectOptions::parse(uri()); }

void run(std::function<boost::asio::awaitable<void>()> coroutine) {
  boost::asio::io_context loop(1);
  std::exception_ptr failure;
  bool done = false;
  boost::asio::co_spawn(loop, coroutine(), [&](std::exception_ptr error) {
    failure = error;
    done = true;
    loop.stop();
  });
  loop.run_for(std::chrono::minutes(1));
  if (failure) std::rethrow_exception(failure);
  if (!done) throw std::runtime_error("the coroutine did not end within a minute");
}

}  // namespace tributary::test
