#include "postgres/copy.hpp"

#include <algorithm>
#include <utility>

#include "postgres/connection.hpp"
#include "postgres/detail/copy_stream.hpp"
#include "postgres/detail/impl.hpp"

namespace tributary::postgres {
namespace {

using Impl = Connection::Impl;

// Large enough that a call of libpq's and of the kernel's is nothing beside the copying, small enough to stay in a cache.
constexpr std::size_t kChunkSize = std::size_t{128} * 1024;

/// Sends `sql`, by the simple protocol: an error in the middle of an extended COPY FROM leaves libpq waiting for a Sync that it has
/// sent already and the server has thrown away.
asio::awaitable<void> start_copy(Impl& impl, std::string_view sql, Impl::Copy direction, Deadline deadline) {
  const std::string text(sql);
  const auto expected = direction == Impl::Copy::reading ? PGRES_COPY_OUT : PGRES_COPY_IN;
  Impl::Operation operation(impl, deadline);
  impl.send_script(text);
  co_await impl.flush();
  const auto result = co_await impl.next_result();
  const auto status = PQresultStatus(result.get());
  if (status == expected) {
    if (PQbinaryTuples(result.get()) != 1) throw Error(ErrorKind::usage, "COPY is not in binary format");
    impl.copy = direction;
    operation.done();
    co_return;
  }
  if (status != PGRES_FATAL_ERROR) throw Error(ErrorKind::usage, "not a COPY in this direction");
  const auto error = impl.server_error(result.get(), text);
  if (error.kind() == ErrorKind::server) co_await impl.collect(operation, text);
  throw error;
}

Impl& under_way(Connection* connection) {
  if (connection == nullptr) throw Error(ErrorKind::usage, "the COPY has ended already");
  return connection->impl();
}

void put(Impl& impl, std::span<const std::byte> bytes, const std::string& sql) {
  const detail::Metered metered(impl.meter);
  impl.require_sent(PQputCopyData(impl.connection, reinterpret_cast<const char*>(bytes.data()), static_cast<int>(bytes.size())),
                    sql);
}

/// Ends the stream, with success unless there is a reason.
void put_end(Impl& impl, const char* reason, const std::string& sql) {
  const detail::Metered metered(impl.meter);
  impl.require_sent(PQputCopyEnd(impl.connection, reason), sql);
}

/// The server has said its last word about the stream: what follows are the statement's results.
asio::awaitable<Result> end_copy(Connection*& connection, Impl::Operation& operation, const std::string& sql) {
  auto& impl = std::exchange(connection, nullptr)->impl();
  impl.copy = Impl::Copy::none;
  co_return co_await impl.collect(operation, sql);
}

}  // namespace

asio::awaitable<CopyReader> CopyReader::start(Connection& connection, std::string_view copy_statement, Deadline deadline) {
  co_await start_copy(connection.impl(), copy_statement, Impl::Copy::reading, deadline);
  co_return CopyReader(connection, copy_statement);
}

CopyReader::CopyReader(Connection& connection, std::string_view statement)
    : connection_(&connection), statement_(statement), stream_(std::make_unique<detail::CopyStream>()) {}

CopyReader::CopyReader(CopyReader&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)),
      statement_(std::move(other.statement_)),
      stream_(std::move(other.stream_)) {}

CopyReader::~CopyReader() {
  if (connection_ != nullptr) connection_->close();
}

asio::awaitable<bool> CopyReader::read(CopyBatch& batch, std::size_t max_bytes, Deadline deadline) {
  batch.clear();
  if (connection_ == nullptr) co_return false;
  auto& impl = connection_->impl();
  Impl::Operation operation(impl, deadline, Impl::Copy::reading);
  bool looked_again = false;
  while (true) {
    char* message = nullptr;
    const int size = PQgetCopyData(impl.connection, &message, 1);
    const std::unique_ptr<char, decltype(&PQfreemem)> owner(message, &PQfreemem);
    if (size > 0) {
      stream_->take(std::as_bytes(std::span(message, static_cast<std::size_t>(size))), batch);
      looked_again = false;
      if (batch.size_bytes() < max_bytes) continue;
      operation.done();
      co_return true;
    }
    if (size == 0) {
      if (!looked_again) {  // the kernel may hold more, which costs less to ask than to wait for
        looked_again = true;
        if (PQconsumeInput(impl.connection) == 0) throw impl.broken(statement_);
      } else if (!batch.empty()) {
        operation.done();
        co_return true;
      } else if (!co_await impl.wait_for_input()) {
        throw impl.broken(statement_);
      }
      continue;
    }
    if (size == -2) throw impl.broken(statement_);
    co_await end_copy(connection_, operation, statement_);
    if (stream_->complete()) co_return !batch.empty();
    impl.abandon();
    throw Error(ErrorKind::protocol, "COPY: the stream ended without its trailer");
  }
}

asio::awaitable<void> CopyReader::stop(Deadline deadline) {
  if (connection_ == nullptr) co_return;
  auto& impl = connection_->impl();
  Impl::Operation operation(impl, deadline, Impl::Copy::reading);
  // Waits for the request to arrive: one under way could hit the connection's next statement.
  if (!co_await impl.cancel_service.send_and_wait(impl.cancel_handle(), deadline)) {
    throw Error(deadline.expired() ? ErrorKind::deadline : ErrorKind::connection, "COPY could not be cancelled");
  }
  while (true) {
    char* message = nullptr;
    const int size = PQgetCopyData(impl.connection, &message, 1);
    PQfreemem(message);
    if (size == -2) throw impl.broken(statement_);
    if (size == -1) break;
    if (size == 0 && !co_await impl.wait_for_input()) throw impl.broken(statement_);
  }
  try {
    co_await end_copy(connection_, operation, statement_);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::server) throw;  // that it was cancelled is what we asked for
  }
}

asio::awaitable<CopyWriter> CopyWriter::start(Connection& connection, std::string_view copy_statement, Deadline deadline) {
  co_await start_copy(connection.impl(), copy_statement, Impl::Copy::writing, deadline);
  CopyWriter writer(connection, copy_statement);
  co_await writer.write(std::as_bytes(std::span(detail::kCopyHeader)), deadline);
  co_return writer;
}

CopyWriter::CopyWriter(Connection& connection, std::string_view statement) : connection_(&connection), statement_(statement) {}

CopyWriter::CopyWriter(CopyWriter&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)), statement_(std::move(other.statement_)) {}

CopyWriter::~CopyWriter() {
  if (connection_ != nullptr) connection_->close();
}

asio::awaitable<void> CopyWriter::write(std::span<const std::byte> tuples, Deadline deadline) {
  auto& impl = under_way(connection_);
  Impl::Operation operation(impl, deadline, Impl::Copy::writing);
  while (!tuples.empty()) {
    const auto chunk = tuples.first(std::min(tuples.size(), kChunkSize));
    put(impl, chunk, statement_);
    co_await impl.flush();
    tuples = tuples.subspan(chunk.size());
  }
  operation.done();
}

asio::awaitable<std::uint64_t> CopyWriter::finish(Deadline deadline) {
  auto& impl = under_way(connection_);
  Impl::Operation operation(impl, deadline, Impl::Copy::writing);
  put(impl, std::as_bytes(std::span(detail::kCopyTrailer)), statement_);
  put_end(impl, nullptr, statement_);
  co_await impl.flush();
  const auto result = co_await end_copy(connection_, operation, statement_);
  co_return result.affected_rows();
}

asio::awaitable<void> CopyWriter::abort(Deadline deadline) {
  auto& impl = under_way(connection_);
  Impl::Operation operation(impl, deadline, Impl::Copy::writing);
  put_end(impl, "aborted by the client", statement_);
  co_await impl.flush();
  try {
    co_await end_copy(connection_, operation, statement_);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::server) throw;  // that it failed is what we asked for
  }
}

}  // namespace tributary::postgres
