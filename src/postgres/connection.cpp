#include "postgres/connection.hpp"

#include "postgres/detail/impl.hpp"

namespace tributary::postgres {

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

asio::awaitable<Result> Connection::execute(std::string_view sql, Params params, Deadline deadline) {
  const std::string text(sql);
  const auto views = params.views();
  Impl::Operation operation(*impl_, deadline);
  {
    const detail::Metered metered(impl_->meter);
    impl_->require_sent(PQsendQueryParams(impl_->connection, text.c_str(), static_cast<int>(params.size()), views.types,
                                          views.values.data(), views.lengths.data(), views.formats.data(), 1),
                        text);
  }
  co_await impl_->flush();
  co_return co_await impl_->collect(operation, text);
}

asio::awaitable<Result> Connection::execute(std::string_view sql, Deadline deadline) {
  co_return co_await execute(sql, Params(), deadline);
}

asio::awaitable<Result> Connection::execute_prepared(std::string_view sql, Params params, Deadline deadline) {
  std::vector<Command> commands;
  commands.push_back({sql, std::move(params), true});
  auto results = co_await impl_->run_pipeline(std::move(commands), deadline);
  co_return std::move(results.front());
}

asio::awaitable<std::vector<Result>> Connection::execute_pipeline(std::vector<Command> commands, Deadline deadline) {
  co_return co_await impl_->run_pipeline(std::move(commands), deadline);
}

asio::awaitable<void> Connection::execute_script(std::string_view sql, Deadline deadline) {
  co_await impl_->run_script(sql, deadline);
}

asio::awaitable<Notification> Connection::wait_notification(Deadline deadline) {
  Impl::Operation operation(*impl_, deadline);
  while (true) {
    const std::unique_ptr<PGnotify, decltype(&PQfreemem)> notify(PQnotifies(impl_->connection), &PQfreemem);
    if (notify) {
      operation.done();
      co_return Notification{notify->relname, notify->extra};
    }
    if (!co_await impl_->wait_for_input()) throw impl_->broken({});
  }
}

TransactionStatus Connection::transaction_status() const {
  switch (PQtransactionStatus(impl_->connection)) {
    case PQTRANS_IDLE:
      return TransactionStatus::idle;
    case PQTRANS_ACTIVE:
      return TransactionStatus::active;
    case PQTRANS_INTRANS:
      return TransactionStatus::in_transaction;
    case PQTRANS_INERROR:
      return TransactionStatus::in_failed_transaction;
    case PQTRANS_UNKNOWN:
      return TransactionStatus::unknown;
  }
  return TransactionStatus::unknown;
}

bool Connection::usable() const { return impl_ && impl_->usable(); }

void Connection::close() {
  if (impl_) impl_->abandon();
}

int Connection::server_version() const { return PQserverVersion(impl_->connection); }
int Connection::backend_pid() const { return PQbackendPID(impl_->connection); }
asio::any_io_executor Connection::executor() const { return impl_->executor; }

}  // namespace tributary::postgres
