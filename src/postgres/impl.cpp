#include "postgres/detail/impl.hpp"

#include <fmt/format.h>
#include <openssl/ssl.h>

namespace tributary::postgres {
namespace {

std::string text_field(const PGresult* result, int field) {
  const char* text = PQresultErrorField(result, field);
  return text == nullptr ? "" : text;
}

bool is_error(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_FATAL_ERROR || status == PGRES_NONFATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

bool is_copy(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

}  // namespace

Connection::Impl::Impl(asio::any_io_executor executor_of_loop)
    : executor(executor_of_loop),
      cancel_service(detail::cancel_service(executor_of_loop)),
      readiness(std::move(executor_of_loop)) {}

Connection::Impl::~Impl() { abandon(); }

asio::awaitable<void> Connection::Impl::flush() {
  while (true) {
    const int left = [&] {
      const detail::Metered metered(meter);
      return PQflush(connection);  // it reads where it cannot write
    }();
    if (left < 0 || PQstatus(connection) != CONNECTION_OK) throw broken({});
    if (left == 0) co_return;
    // The server may be waiting for us to read before it reads on: whoever only writes here can wait for ever.
    if (!tls_holds_input()) co_await readiness.wait(Interest::both);
    if (!take_input()) throw broken({});
  }
}

bool Connection::Impl::tls_holds_input() const {
  auto* tls = static_cast<SSL*>(PQsslStruct(connection, "OpenSSL"));
  return tls != nullptr && SSL_pending(tls) > 0;
}

asio::awaitable<bool> Connection::Impl::wait_for_input() {
  // OpenSSL may have taken a record off the socket that libpq had no room for: nothing more need come for there to be input.
  if (!tls_holds_input()) co_await readiness.wait(Interest::read);
  co_return take_input();
}

bool Connection::Impl::take_input() {
  if (meter.exhausted())
    throw Error(ErrorKind::protocol, fmt::format("the server sent more than {} bytes for one statement", max_answer));
  const detail::Metered metered(meter);
  return PQconsumeInput(connection) == 1;
}

asio::awaitable<ResultHandle> Connection::Impl::next_result() {
  while (PQisBusy(connection) != 0) {
    if (co_await wait_for_input()) continue;
    // On a broken connection PQgetResult does not block: it has the server's last words, or says that there were none.
    if (PQstatus(connection) == CONNECTION_OK) throw broken({});
    break;
  }
  co_return ResultHandle(PQgetResult(connection));
}

asio::awaitable<Result> Connection::Impl::collect(Operation& operation, std::string_view sql) {
  Result last;
  std::optional<Error> failure;
  while (auto result = co_await next_result()) {
    if (is_copy(result.get())) throw Error(ErrorKind::usage, "COPY is for CopyReader and CopyWriter");
    if (!is_error(result.get())) {
      last = Result(result.release());
      continue;
    }
    if (!failure) failure = server_error(result.get(), sql);
    if (failure->kind() != ErrorKind::server) throw *failure;
  }
  if (PQstatus(connection) != CONNECTION_OK) throw broken(sql);
  operation.done();
  if (failure) throw *failure;
  co_return last;
}

asio::awaitable<Result> Connection::Impl::run_script(std::string_view sql, Deadline deadline) {
  const std::string text(sql);
  Operation operation(*this, deadline);
  send_script(text);
  co_await flush();
  co_return co_await collect(operation, text);
}

void Connection::Impl::send_script(const std::string& text) {
  const detail::Metered metered(meter);
  require_sent(PQsendQuery(connection, text.c_str()), text);
}

void Connection::Impl::require_sent(int sent, std::string_view sql) {
  if (sent == 1) return;
  auto error = broken(sql);
  if (PQstatus(connection) == CONNECTION_OK) error = Error(ErrorKind::usage, error.what());
  throw error;
}

Error Connection::Impl::broken(std::string_view sql) const {
  Error::Details details;
  details.message = connection == nullptr ? "the connection is closed" : PQerrorMessage(connection);
  if (details.message.empty()) details.message = "the connection broke";
  details.statement = sql;
  return Error(std::move(details));
}

Error Connection::Impl::server_error(const PGresult* result, std::string_view sql) const {
  Error::Details details;
  const auto severity = text_field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  const bool is_final = severity == "FATAL" || severity == "PANIC" || PQstatus(connection) != CONNECTION_OK;
  details.kind = is_final ? ErrorKind::connection : ErrorKind::server;
  details.message = text_field(result, PG_DIAG_MESSAGE_PRIMARY);
  if (details.message.empty()) details.message = PQresultErrorMessage(result);
  details.sqlstate = text_field(result, PG_DIAG_SQLSTATE);
  details.detail = text_field(result, PG_DIAG_MESSAGE_DETAIL);
  details.hint = text_field(result, PG_DIAG_MESSAGE_HINT);
  details.table = text_field(result, PG_DIAG_TABLE_NAME);
  details.column = text_field(result, PG_DIAG_COLUMN_NAME);
  details.constraint = text_field(result, PG_DIAG_CONSTRAINT_NAME);
  details.statement = sql;
  return Error(std::move(details));
}

detail::CancelHandle Connection::Impl::cancel_handle() const { return detail::CancelHandle(PQgetCancel(connection)); }

bool Connection::Impl::peer_is_there() {
  // What came unasked stays in libpq's memory (parameters, notifications): after too much of it another connection is cheaper.
  constexpr std::uint64_t kAnswers = 16;
  if (!usable() || (max_answer > 0 && meter.total > kAnswers * max_answer)) return false;
  const detail::Metered metered(meter);
  // Twice: the first call may read the server's farewell, the second then meets the end behind it.
  return PQconsumeInput(connection) == 1 && PQconsumeInput(connection) == 1;
}

void Connection::Impl::abandon() noexcept {
  if (connection != nullptr && PQtransactionStatus(connection) == PQTRANS_ACTIVE) {
    cancel_service.send(cancel_handle());
  }
  close();
}

void Connection::Impl::close() noexcept {
  if (connection == nullptr) return;
  readiness.release();
  PQfinish(std::exchange(connection, nullptr));
  copy = Copy::none;
}

Connection::Impl::Operation::Operation(Impl& impl, Deadline deadline, Copy expected) : impl_(impl) {
  if (impl.busy) throw Error(ErrorKind::usage, "another operation is under way on this connection");
  if (impl.connection == nullptr) throw Error(ErrorKind::connection, "the connection is closed");
  if (impl.copy != expected) throw Error(ErrorKind::usage, "a COPY is under way on this connection");
  if (deadline.expired()) {
    impl.abandon();
    throw Error(ErrorKind::deadline, "the deadline passed");
  }
  impl.busy = true;
  if (impl.max_answer > 0) impl.meter.allow(impl.max_answer);
  impl.readiness.begin_operation(deadline);
}

Connection::Impl::Operation::~Operation() {
  impl_.readiness.end_operation();
  impl_.busy = false;
  if (!done_) impl_.abandon();
}

}  // namespace tributary::postgres
