#include "postgres/detail/impl.hpp"

namespace tributary::postgres {
namespace {

/// One message to the server that is answered by one result.
struct Step {
  std::size_t command;
  bool is_prepare;
};

/// Sends commands in pipeline mode and reads their results.
class Pipeline {
 public:
  Pipeline(Connection::Impl& impl, std::span<const Command> commands)
      : impl_(impl), commands_(commands), results_(commands.size()) {}

  void send() {
    const detail::Metered metered(impl_.meter);
    impl_.require_sent(PQenterPipelineMode(impl_.connection), {});
    for (std::size_t i = 0; i < commands_.size(); ++i) send(i);
    impl_.require_sent(PQpipelineSync(impl_.connection), {});
  }

  /// Everything up to the answer to the Sync, so that the connection is in a known state whatever happened.
  asio::awaitable<std::vector<Result>> receive(Connection::Impl::Operation& operation) {
    // Null stands between the results of two steps, and behind an error of the Sync's own: it commits, so a deferred constraint speaks there.
    for (std::size_t answered = 0; answered <= steps_.size() + 1;) {
      auto result = co_await impl_.next_result();
      if (!result) {
        if (PQstatus(impl_.connection) != CONNECTION_OK) throw impl_.broken({});
        ++answered;
        continue;
      }
      const auto status = PQresultStatus(result.get());
      if (status == PGRES_PIPELINE_SYNC) {
        if (PQexitPipelineMode(impl_.connection) != 1) break;
        operation.done();
        if (failure_) throw *failure_;
        co_return std::move(results_);
      }
      if (answered < steps_.size())
        take(steps_[answered], std::move(result));
      else if (status == PGRES_FATAL_ERROR)
        fail(impl_.server_error(result.get(), {}));
      else
        break;
    }
    throw Error(ErrorKind::protocol, "the answers to a pipeline do not match its statements");
  }

 private:
  void send(std::size_t index) {
    const auto& command = commands_[index];
    const std::string text(command.sql);
    const auto views = command.params.views();
    const auto count = static_cast<int>(command.params.size());
    const auto* name = statement_name(index, text);
    const auto sent = name != nullptr ? PQsendQueryPrepared(impl_.connection, name->c_str(), count, views.values.data(),
                                                            views.lengths.data(), views.formats.data(), 1)
                                      : PQsendQueryParams(impl_.connection, text.c_str(), count, views.types, views.values.data(),
                                                          views.lengths.data(), views.formats.data(), 1);
    impl_.require_sent(sent, text);
    steps_.push_back({index, false});
  }

  /// Null where the command goes unprepared.
  const std::string* statement_name(std::size_t index, const std::string& text) {
    const auto& command = commands_[index];
    if (!command.prepare) return nullptr;
    const auto key = detail::PreparedStatements::key(text, command.params);
    if (const auto* name = impl_.prepared.find(key)) return name;
    if (impl_.prepared.full()) return nullptr;
    const auto& name = impl_.prepared.insert(key);
    const auto sent = PQsendPrepare(impl_.connection, name.c_str(), text.c_str(), static_cast<int>(command.params.size()),
                                    command.params.views().types);
    impl_.require_sent(sent, text);
    steps_.push_back({index, true});
    return &name;
  }

  void take(Step step, ResultHandle result) {
    const auto& command = commands_[step.command];
    switch (PQresultStatus(result.get())) {
      case PGRES_COMMAND_OK:
      case PGRES_TUPLES_OK:
      case PGRES_EMPTY_QUERY:
        if (!step.is_prepare) results_[step.command] = Result(result.release());
        return;
      case PGRES_PIPELINE_ABORTED:
        if (step.is_prepare) forget(command);
        return;
      case PGRES_COPY_IN:
      case PGRES_COPY_OUT:
      case PGRES_COPY_BOTH:
        throw Error(ErrorKind::usage, "COPY is for CopyReader and CopyWriter");
      default: {
        const auto error = impl_.server_error(result.get(), command.sql);
        fail(error);
        // 26000: somebody did DISCARD ALL. 0A000: a table changed so that the result has other columns now.
        if (step.is_prepare || error.sqlstate() == "26000" || error.sqlstate() == "0A000") forget(command);
      }
    }
  }

  /// The first error tells what is wrong; after one that ends the connection there is nothing more to read.
  void fail(const Error& error) {
    if (error.kind() != ErrorKind::server) throw error;
    if (!failure_) failure_ = error;
  }

  void forget(const Command& command) { impl_.prepared.erase(detail::PreparedStatements::key(command.sql, command.params)); }

  Connection::Impl& impl_;
  std::span<const Command> commands_;
  std::vector<Step> steps_;
  std::vector<Result> results_;
  std::optional<Error> failure_;
};

}  // namespace

asio::awaitable<std::vector<Result>> Connection::Impl::run_pipeline(std::vector<Command> commands, Deadline deadline) {
  Operation operation(*this, deadline);
  if (commands.empty()) {
    operation.done();
    co_return std::vector<Result>();
  }
  Pipeline pipeline(*this, commands);
  pipeline.send();
  try {
    co_await flush();
    co_return co_await pipeline.receive(operation);
  } catch (const Error& error) {
    // The Sync commits, so once it is on its way nobody knows.
    if (error.kind() != ErrorKind::connection && error.kind() != ErrorKind::deadline) throw;
    throw error.in_doubt();
  }
}

}  // namespace tributary::postgres
