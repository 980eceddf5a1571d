#include "clickhouse/client.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/uuid.hpp"
#include "clickhouse/detail/compression.hpp"
#include "clickhouse/detail/exception_text.hpp"
#include "clickhouse/detail/pool.hpp"
#include "clickhouse/detail/request.hpp"

namespace tributary::clickhouse {
namespace {

using detail::Loan;
using detail::RequestHead;
using detail::ResponseHead;

constexpr std::size_t kUnpackedSize = 128 * 1024;
constexpr std::size_t kPackedSize = 64 * 1024;         // of a chunk that is sent, at least
constexpr std::size_t kLongestRefusal = 64 * 1024;
constexpr std::chrono::milliseconds kLastWords{2'000};  // for a server that refuses while it is still being sent to

Error server_error(const detail::ServerException& exception, int status) {
  return Error(Error::Details{.kind = ErrorKind::server,
                              .message = exception.message,
                              .code = exception.code,
                              .name = exception.name,
                              .http_status = status});
}

Error with_query_id(const Error& error, const std::string& query_id, bool in_doubt = false) {
  auto details = error.details();
  details.query_id = query_id;
  details.in_doubt = in_doubt && error.kind() != ErrorKind::server && error.kind() != ErrorKind::usage;
  return Error(std::move(details));
}

/// The data's bytes, packed where wanted, as the chunks of a request.
class ChunkWriter {
 public:
  ChunkWriter(Loan& loan, Compression method, Deadline deadline) : loan_(loan), deadline_(deadline) {
    if (method != Compression::none) packer_.emplace(method);
  }
  asio::awaitable<void> write(std::span<const std::byte> bytes) {
    if (!packer_) co_return co_await loan_->send_chunk(bytes, deadline_);
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min(bytes.size(), 4 * kPackedSize));
      bytes = bytes.subspan(piece.size());
      packer_->write(piece, packed_);
      if (packed_.size() >= kPackedSize) co_await flush();
    }
  }
  asio::awaitable<void> finish() {
    if (packer_) packer_->finish(packed_);
    co_await flush();
    co_await loan_->send_end(deadline_);
  }

 private:
  asio::awaitable<void> flush() {
    co_await loan_->send_chunk(packed_, deadline_);
    packed_.clear();
  }

  Loan& loan_;
  Deadline deadline_;
  std::optional<detail::Compressor> packer_;
  std::vector<std::byte> packed_;
};

asio::awaitable<void> send(Loan& loan, const RequestHead& head, const Query& query, Compression compression, Deadline deadline) {
  if (std::holds_alternative<std::monostate>(query.data)) {
    co_await loan->send(head, query.text, deadline);
    co_return;
  }
  co_await loan->send_head(head, deadline);
  ChunkWriter writer(loan, compression, deadline);
  if (const auto* bytes = std::get_if<std::span<const std::byte>>(&query.data)) {
    co_await writer.write(*bytes);
  } else {
    const auto& source = std::get<DataSource>(query.data);
    for (auto bytes = co_await source(); !bytes.empty(); bytes = co_await source()) co_await writer.write(bytes);
  }
  co_await writer.finish();
}

asio::awaitable<ResponseHead> exchange(Loan& loan, const RequestHead& head, const Query& query, Compression compression,
                                       Deadline deadline) {
  std::optional<Error> unsent;
  try {
    co_await send(loan, head, query, compression, deadline);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::connection) throw;
    unsent = error;
  }
  if (!unsent) co_return co_await loan->read_head(deadline);
  // A server that refuses a request need not read all of it: why it closed the connection may stand in what it sent before.
  try {
    co_return co_await loan->read_head(deadline.capped(kLastWords));
  } catch (const Error&) {
    throw *unsent;
  }
}

/// Allow-list: see Client.
bool may_send_again(const Query& query, const Loan& loan, bool unanswered, const Error& error) {
  return query.retryable && !std::holds_alternative<DataSource>(query.data) && !loan.fresh() && unanswered &&
         error.kind() == ErrorKind::connection;
}

}  // namespace

struct Answer::Impl {
  Impl(Loan taken, const ResponseHead& head, std::string id)
      : loan(std::move(taken)),
        status(head.status),
        query_id(head.query_id.empty() ? std::move(id) : head.query_id),
        format(head.format),
        summary(detail::parse_summary(head.summary)),
        scanner(head.exception_tag) {
    const auto method = detail::encoding_named(head.content_encoding);
    if (method != Compression::none) unpacker.emplace(method);
  }

  asio::awaitable<std::span<const std::byte>> next_unpacked(Deadline deadline);
  asio::awaitable<std::span<const std::byte>> next(Deadline deadline);
  asio::awaitable<Error> refusal(int exception_code, Deadline deadline);

  std::optional<Loan> loan;  ///< until the end
  const int status;
  const std::string query_id;
  const std::string format;
  const Summary summary;
  std::optional<detail::Decompressor> unpacker;
  detail::ExceptionScanner scanner;
  std::span<const std::byte> packed;  ///< in the connection's memory
  std::vector<std::byte> unpacked;
};

asio::awaitable<std::span<const std::byte>> Answer::Impl::next_unpacked(Deadline deadline) {
  unpacked.resize(unpacker ? kUnpackedSize : 0);
  while (true) {
    if (unpacker) {
      const auto size = unpacker->read(packed, unpacked);
      if (size > 0) co_return std::span<const std::byte>(unpacked).first(size);
    }
    const auto bytes = co_await (*loan)->read_body(deadline);
    if (bytes.empty() && unpacker && !unpacker->complete()) {
      throw Error(ErrorKind::connection, "the server's answer ends in the middle");
    }
    if (bytes.empty() || !unpacker) co_return bytes;
    packed = bytes;
  }
}

asio::awaitable<std::span<const std::byte>> Answer::Impl::next(Deadline deadline) {
  std::optional<Error> failure;
  while (loan && !failure) {
    std::span<const std::byte> bytes;
    try {
      bytes = co_await next_unpacked(deadline);
    } catch (const Error& error) {
      failure = error;
    }
    if (bytes.empty()) break;
    const auto data = scanner.data(bytes);
    if (!data.empty()) co_return data;
  }
  if (!loan) co_return std::span<const std::byte>{};
  loan.reset();
  if (failure && failure->kind() != ErrorKind::connection) throw with_query_id(*failure, query_id);
  if (const auto exception = scanner.exception()) throw with_query_id(server_error(*exception, status), query_id);
  if (failure) throw with_query_id(*failure, query_id, true);
  co_return scanner.rest();
}

asio::awaitable<Error> Answer::Impl::refusal(int exception_code, Deadline deadline) {
  std::string text;
  for (auto bytes = co_await next_unpacked(deadline); !bytes.empty(); bytes = co_await next_unpacked(deadline)) {
    if (text.size() > kLongestRefusal) break;
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  loan.reset();
  auto exception = detail::parse_exception(text);
  if (!exception) {
    const auto what = status == 200 ? "" : fmt::format("HTTP status {}: ", status);
    exception = detail::ServerException{.code = exception_code, .message = what + text};
  }
  co_return server_error(*exception, status);
}

struct Client::State {
  State(const asio::any_io_executor& executor_of_loop, ConnectOptions connect_options, ClientSettings settings)
      : executor(executor_of_loop),
        options(std::move(connect_options)),
        pool(std::make_shared<detail::Pool>(executor, options, settings.max_connections, settings.idle_timeout)) {}

  asio::awaitable<std::unique_ptr<Answer::Impl>> run(RequestHead head, const Query& query, std::string query_id,
                                                     Deadline deadline);

  const asio::any_io_executor executor;
  const ConnectOptions options;
  const std::shared_ptr<detail::Pool> pool;
};

asio::awaitable<std::unique_ptr<Answer::Impl>> Client::State::run(RequestHead head, const Query& query, std::string query_id,
                                                                  Deadline deadline) {
  while (true) {
    bool sent = false;
    std::optional<Error> failure;
    try {
      auto loan = co_await pool->lend(deadline);
      sent = true;
      std::optional<ResponseHead> response;
      try {
        response = co_await exchange(loan, head, query, options.compression, deadline);
      } catch (const Error& error) {
        if (!may_send_again(query, loan, loan->unanswered(), error)) throw;
      }
      if (!response) {
        pool->drop_idle();
        continue;
      }
      if (response->keep_alive) loan.set_keep_alive(*response->keep_alive);
      auto answer = std::make_unique<Answer::Impl>(std::move(loan), *response, query_id);
      if (response->status == 200 && response->exception_code == 0) co_return answer;
      failure = co_await answer->refusal(response->exception_code, deadline);
    } catch (const Error& error) {
      failure = error;
    }
    throw with_query_id(*failure, query_id, sent);
  }
}

Answer::Answer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Answer::Answer(Answer&&) noexcept = default;
Answer& Answer::operator=(Answer&&) noexcept = default;
Answer::~Answer() = default;

asio::awaitable<std::span<const std::byte>> Answer::next(Deadline deadline) { return impl_->next(deadline); }

const std::string& Answer::query_id() const { return impl_->query_id; }

const std::string& Answer::format() const { return impl_->format; }

const Summary& Answer::summary() const { return impl_->summary; }

Client::Client(asio::any_io_executor executor, ConnectOptions options, ClientSettings settings)
    : state_(std::make_shared<State>(executor, std::move(options), settings)) {}

Client::~Client() { close(); }

asio::awaitable<Answer> Client::start(Query query, Deadline deadline) {
  const auto state = state_;  // the client may end while this waits
  const auto query_id = query.query_id.empty() ? Uuid::random().to_string() : query.query_id;
  auto head = detail::make_request(state->options, query, query_id);
  co_return Answer(co_await state->run(std::move(head), query, query_id, deadline));
}

namespace {

asio::awaitable<Result> read_whole(Answer answer, std::size_t most, Deadline deadline) {
  Result result{.query_id = answer.query_id(), .summary = answer.summary()};
  for (auto bytes = co_await answer.next(deadline); !bytes.empty(); bytes = co_await answer.next(deadline)) {
    if (bytes.size() > most - result.body.size()) {
      throw with_query_id(Error(ErrorKind::protocol, fmt::format("the answer is longer than {} bytes", most)), result.query_id);
    }
    result.body.insert(result.body.end(), bytes.begin(), bytes.end());
  }
  co_return result;
}

}  // namespace

asio::awaitable<Result> Client::execute(Query query, Deadline deadline) {
  const auto most = query.max_answer_bytes;
  co_return co_await read_whole(co_await start(std::move(query), deadline), most, deadline);
}

asio::awaitable<Result> Client::get(std::string path, std::string query_id, Deadline deadline) {
  const auto state = state_;
  const Query nothing{.retryable = true};
  auto head = detail::make_request(state->options, nothing, query_id);
  head.method = "GET";
  head.target.replace(0, 1, path);
  co_return co_await read_whole(Answer(co_await state->run(std::move(head), nothing, query_id, deadline)),
                                nothing.max_answer_bytes, deadline);
}

asio::awaitable<void> Client::ping(Deadline deadline) {
  const auto state = state_;
  const Query nothing{.retryable = true};
  auto answer = co_await state->run({.method = "GET", .target = "/ping"}, nothing, {}, deadline);
  while (!(co_await answer->next(deadline)).empty()) {
  }
}

void Client::close() { state_->pool->close(); }

Client::Counts Client::counts() const {
  return {.idle = state_->pool->idle(), .lent = state_->pool->lent(), .waiting = state_->pool->waiting()};
}

const ConnectOptions& Client::options() const { return state_->options; }

asio::any_io_executor Client::executor() const { return state_->executor; }

}  // namespace tributary::clickhouse
