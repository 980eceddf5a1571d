#include "clickhouse/embedded/detail/exchange.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/sql_text.hpp"
#include "base/uuid.hpp"
#include "clickhouse/embedded/descriptor.hpp"
#include "clickhouse/embedded/proof.hpp"
#include "clickhouse/tenant_statement.hpp"

namespace tributary::clickhouse::embedded {
namespace {

constexpr std::size_t kPiece = 256 * 1024;
constexpr std::size_t kMostText = 1024 * 1024;           ///< of a statement
constexpr std::size_t kHeld = 256 * 1024;  ///< of an answer, so that an early error still has a status of its own
constexpr std::size_t kHeldToTheEnd = 64 * 1024 * 1024;  ///< the same with wait_end_of_query
constexpr int kPipeSize = 1024 * 1024;
constexpr std::uint64_t kMostOfAStranger = 1024 * 1024;  ///< of a body that is thrown away

constexpr int kSyntaxError = 62;
/// GET /query_time?query_id=…: what a tenant's query took. A server has a query_log for that; the library has none.
constexpr std::string_view kTimePath = "/query_time";

Head head_of(const Parser& parser) {
  Head head;
  const auto& message = parser.get();
  head.method = std::string(message.method_string());
  head.target = std::string(message.target());
  for (const auto& field : message) {
    std::string name(field.name_string());
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    head.headers[name] = std::string(field.value());
  }
  return head;
}

Query query_of(const Parser& parser, std::optional<EngineFailure>& refusal) {
  try {
    return read_query(head_of(parser));
  } catch (const EngineFailure& failure) {
    refusal = failure;
    return {};
  }
}

std::string descriptor_path(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

/// A pipe between the engine and this loop. Larger than by default where the system allows it.
Pipe open_pipe() {
  auto pipe = Pipe::open();
  ::fcntl(pipe.write.get(), F_SETPIPE_SZ, kPipeSize);
  return pipe;
}

/// Always a SELECT.
std::string tenants_text(std::string_view text) {
  try {
    return tenant_statement(text);
  } catch (const StatementRefused& refused) {
    throw EngineFailure(refused.code(), refused.code() == kSyntaxError ? "SYNTAX_ERROR" : "READONLY", refused.what());
  }
}

}  // namespace

Exchange::Exchange(Server::State& server, Peer& peer, beast::flat_buffer& buffer, Parser& parser)
    : server_(server),
      peer_(peer),
      query_(query_of(parser, refusal_)),
      body_(peer, buffer, parser, query_.sent),
      reply_(peer, query_, parser.keep_alive()),
      read_only_(parser.get().method() == http::verb::get),
      statement_(server) {}

asio::awaitable<bool> Exchange::run() {
  std::exception_ptr failure;
  try {
    co_await answer();
  } catch (...) {
    failure = std::current_exception();
  }
  unwatch();
  // Its thread refers to this object.
  if (statement_.started() && !statement_.ended()) {
    statement_.kill();
    co_await statement_.finish();
  }
  if (failure) std::rethrow_exception(failure);
  co_return reply_.keeps_alive() && !server_.stopping;
}

asio::awaitable<void> Exchange::answer() {
  std::optional<EngineFailure> refused = refusal_;
  try {
    if (!refused) {
      if (query_.path == "/ping" || (query_.path == "/" && query_.sql.empty() && read_only_)) {
        co_await drain();
        co_return co_await reply_.send(200, "text/html; charset=UTF-8", "Ok.\n");
      }
      if (query_.path == kProofPath) {
        co_await drain();
        co_return co_await reply_.send(200, "text/plain; charset=UTF-8", proof(server_.params.credentials, query_.id));
      }
      if (query_.path == kTimePath) co_return co_await tell_time();
      if (query_.path != "/")
        co_return co_await reply_.send(404, "text/plain; charset=UTF-8", "There is no handle " + query_.path + "\n");
      co_await identify();
      co_await execute();
    }
  } catch (const EngineFailure& failure) {
    refused = failure;
  } catch (const CodecError& error) {
    refused = EngineFailure(354, "ZLIB_INFLATE_FAILED", error.what());
  }
  if (!refused) co_return;
  if (reply_.begun()) co_return co_await reply_.break_off(refused->error());
  co_await drain();
  co_await reply_.send(refused->error());
}

asio::awaitable<Role> Exchange::sign_in() {
  const auto role = authenticate(query_, server_.params.credentials);
  co_await peer_.sign_in(role);
  co_return role;
}

/// What is left of the body. A stranger's is not read without end: its connection is closed instead.
asio::awaitable<void> Exchange::drain() {
  if (!peer_.is_stranger())
    co_await body_.drain();
  else if (!co_await body_.drain(kMostOfAStranger))
    reply_.close_after();
}

/// Of a tenant's query by its id, to admin.
asio::awaitable<void> Exchange::tell_time() {
  if (co_await sign_in() != Role::admin) throw EngineFailure(497, "ACCESS_DENIED", "Times are told to admin only");
  co_await body_.drain();
  const auto time = server_.times.find(query_.id);
  if (!time) co_return co_await reply_.send(404, "text/plain; charset=UTF-8", "There is no time of this query\n");
  const boost::json::value object{{"cpu_time_us", time->cpu.count()}, {"wall_clock_time_us", time->wall.count()}};
  co_await reply_.send(200, content_type("JSON"), boost::json::serialize(object));
}

/// Who asks, and what the session is given for it.
asio::awaitable<void> Exchange::identify() {
  tenant_ = co_await sign_in() == Role::tenant;
  const auto tag = Uuid::random().to_string();
  if (!tenant_) {
    comment_ = boost::json::serialize(boost::json::value{{"query", tag}});
    settings_ = query_.settings;
  } else {
    if (!server_.rules) throw EngineFailure(497, "ACCESS_DENIED", "Tenants' queries are not served by this process");
    if (query_.project.empty() || query_.branch.empty())
      throw EngineFailure(36, "BAD_ARGUMENTS", "SQL_project_id and SQL_branch_id are required");
    if (!query_.database.empty() && query_.database != "default") throw EngineFailure(81, "UNKNOWN_DATABASE", "Unknown database");
    comment_ = tenant_comment(query_, tag);
    settings_ = tenant_settings(query_, server_.params.tenant_bounds);
  }
  settings_.emplace_back("log_comment", comment_);
}

/// Reads the statement, or an INSERT's beginning. False where it is the whole.
asio::awaitable<bool> Exchange::read_text() {
  text_ = query_.sql;
  while (!text_.empty() && std::isspace(static_cast<unsigned char>(text_.back())) != 0) text_.pop_back();
  if (!text_.empty()) text_ += '\n';
  std::string piece(kPiece, '\0');
  while (const auto size = co_await body_.read(piece)) {
    text_.append(piece, 0, size);
    if (look_at(text_, false).kind == Statement::Kind::insert && look_at(text_, false).data < text_.size()) co_return true;
    if (text_.size() > kMostText) throw EngineFailure(kSyntaxError, "SYNTAX_ERROR", "The query is larger than a megabyte");
  }
  co_return false;
}

/// How long it waits for a place. Its asker waits no longer than the query may take.
Deadline Exchange::patience() const {
  const auto patience = Deadline::after(server_.params.longest_wait);
  const auto time = std::ranges::find(settings_, std::string_view("max_execution_time"), &Assignments::value_type::first);
  if (!tenant_ || time == settings_.end()) return patience;
  return patience.capped(std::chrono::seconds(std::stoll(time->second)));
}

asio::awaitable<void> Exchange::execute() {
  const auto place = co_await server_.places(tenant_ ? Role::tenant : Role::admin).enter(query_.project, patience());
  if (!place) throw EngineFailure(202, "TOO_MANY_SIMULTANEOUS_QUERIES", "Too many simultaneous queries");
  const bool more = co_await read_text();
  if (tenant_) text_ = tenants_text(text_);
  const auto statement = look_at(text_, !more);
  switch (statement.kind) {
    case Statement::Kind::empty:
      throw EngineFailure(kSyntaxError, "SYNTAX_ERROR", "Empty query");
    case Statement::Kind::several:
      throw EngineFailure(kSyntaxError, "SYNTAX_ERROR", "Multi-statements are not allowed");
    case Statement::Kind::read:
      co_return co_await select(statement);
    case Statement::Kind::insert:
      co_return co_await insert(statement);
    case Statement::Kind::other:
      co_return co_await other(statement);
  }
}

// ---- in the engine ------------------------------------------------------------------------------------------------------------------

Outcome Exchange::prepare(Session& session) const {
  if (!query_.database.empty()) {
    if (auto outcome = session.run("USE " + quote_clickhouse_identifier(query_.database)); !outcome.ok()) return outcome;
  }
  // Which libchdb has on: "SELEC 1" would be the name of a column.
  if (auto outcome = session.set({{"implicit_select", "0"}}); !outcome.ok()) return outcome;
  if (auto outcome = session.set(settings_); !outcome.ok()) return outcome;
  if (auto outcome = session.set(query_.parameters); !outcome.ok()) return outcome;
  // Last, because it forbids every SET: 1 is for good, 2 still lets the statement have SETTINGS of its own.
  // Counts of rows that were read cover those of others that stand beside one's own.
  if (tenant_) return session.set({{"output_format_write_statistics", "0"}, {"readonly", "1"}});
  if (read_only_) return session.set({{"readonly", "2"}});
  return {};
}

/// The error as this client may see it.
std::optional<EngineError> Exchange::said(const Outcome& outcome) const {
  if (!outcome.error) return std::nullopt;
  return tenant_ ? safe_error(*outcome.error) : *outcome.error;
}

asio::awaitable<void> Exchange::select(const Statement& statement) {
  const std::string format(!statement.format.empty() ? statement.format
                           : !query_.format.empty()  ? query_.format
                                                     : "TabSeparated");
  reply_.format = format;
  auto pipe = open_pipe();
  asio::posix::stream_descriptor source(server_.acceptor.get_executor(), pipe.read.release());
  auto run = [this, body = std::string(statement.body), format,
              sql = fmt::format("{}\nINTO OUTFILE '{}' TRUNCATE FORMAT {} {}", statement.body, descriptor_path(pipe.write.get()),
                                format, statement.tail)](Session& session) -> Outcome {
    if (auto outcome = prepare(session); !outcome.ok()) return {.error = said(outcome)};
    if (tenant_) {
      if (auto error = server_.rules->check(session, body, format)) return {.error = std::move(error)};
    }
    auto outcome = session.run(sql);
    outcome.error = said(outcome);
    if (tenant_) outcome.counts = {};
    return outcome;
  };
  watch();
  const auto stop_reading = [&source] {
    boost::system::error_code closed_already;
    source.cancel(closed_already);
  };
  statement_.start(comment_, std::move(run), [&pipe] { pipe.write.reset(); }, stop_reading);
  std::exception_ptr failed;
  try {
    co_await pass_on(source);
  } catch (...) {
    failed = std::current_exception();
    statement_.kill();
  }
  // Should the engine still write, it gets an error.
  source.close();
  auto outcome = co_await statement_.finish();
  if (tenant_) server_.times.add(query_.id, statement_.time());
  if (failed) std::rethrow_exception(failed);
  co_await conclude(std::move(outcome));
}

/// From the engine to the client. The answer is begun only once it is clear that it is not a short one, or an error.
asio::awaitable<void> Exchange::pass_on(asio::posix::stream_descriptor& source) {
  std::string piece(kPiece, '\0');
  auto& held = text_;  // the statement is with the engine
  held.clear();
  const auto most_held = query_.wait_end ? kHeldToTheEnd : kHeld;
  while (true) {
    boost::system::error_code end;
    const auto size = co_await source.async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, end));
    if (end) co_return;
    if (statement_.killed()) throw boost::system::system_error(asio::error::connection_aborted);
    if (reply_.begun()) {
      co_await reply_.write(std::string_view(piece).substr(0, size));
      continue;
    }
    held.append(piece, 0, size);
    if (held.size() < most_held) continue;
    co_await reply_.begin(content_type(reply_.format), std::string(reply_.format));
    co_await reply_.write(held);
    held.clear();
  }
}

asio::awaitable<void> Exchange::conclude(Outcome outcome) {
  if (outcome.error) {
    if (reply_.begun()) co_return co_await reply_.break_off(*outcome.error);
    co_return co_await reply_.send(*outcome.error);
  }
  if (reply_.begun()) co_return co_await reply_.end();
  co_await reply_.send(200, content_type(reply_.format), text_, outcome.counts);
}

asio::awaitable<void> Exchange::insert(const Statement& statement) {
  const std::string format(!statement.format.empty() ? statement.format : !query_.format.empty() ? query_.format : "Values");
  auto pipe = open_pipe();
  asio::posix::stream_descriptor sink(server_.acceptor.get_executor(), pipe.write.release());
  auto run = [this, sql = fmt::format("{}\nFROM INFILE '{}' {}\nFORMAT {}", statement.body, descriptor_path(pipe.read.get()),
                                      statement.tail, format)](Session& session) -> Outcome {
    if (auto outcome = prepare(session); !outcome.ok()) return outcome;
    return session.run(sql);
  };
  statement_.start(comment_, std::move(run), [&pipe] { pipe.read.reset(); }, [this] { peer_.stream().cancel(); });
  std::exception_ptr failed;
  bool engine_listens = true;
  try {
    engine_listens = co_await feed(sink, std::string_view(text_).substr(statement.data));
    if (!engine_listens) co_await body_.drain();
  } catch (...) {
    failed = std::current_exception();
  }
  if (failed) {
    // Before the engine sees an end that is none.
    statement_.kill();
    if (!statement_.ended()) co_await statement_.kill_now();
  } else {
    watch();
  }
  sink.close();
  auto outcome = co_await statement_.finish();
  if (failed) std::rethrow_exception(failed);
  text_.clear();
  co_await conclude(std::move(outcome));
}

/// From the client to the engine. False where the engine has ended before the data did.
asio::awaitable<bool> Exchange::feed(asio::posix::stream_descriptor& sink, std::string_view first) {
  boost::system::error_code error;
  const auto write = [&](std::string_view data) {
    return asio::async_write(sink, asio::buffer(data), asio::redirect_error(asio::use_awaitable, error));
  };
  if (!first.empty()) co_await write(first);
  std::string piece(kPiece, '\0');
  while (!error && !statement_.killed()) {
    const auto size = co_await body_.read(piece);
    if (size == 0) co_return true;
    co_await write(std::string_view(piece).substr(0, size));
  }
  co_return false;
}

asio::awaitable<void> Exchange::other(const Statement& statement) {
  reply_.format = !query_.format.empty() ? query_.format : "TabSeparated";
  auto run = [this, sql = std::string(statement.body)](Session& session) -> Outcome {
    if (auto outcome = prepare(session); !outcome.ok()) return outcome;
    return session.run(sql, reply_.format);
  };
  watch();
  statement_.start(comment_, std::move(run), [] {}, [] {});
  auto outcome = co_await statement_.finish();
  text_ = std::move(outcome.output);
  co_await conclude(std::move(outcome));
}

// ---- a client that goes away --------------------------------------------------------------------------------------------------------

void Exchange::watch() {
  unwatch();
  watched_ = std::make_shared<bool>(true);
  peer_.stream().socket().async_wait(asio::socket_base::wait_read, [this, watched = watched_](boost::system::error_code error) {
    if (!*watched || error) return;
    char byte = 0;
    const auto size = ::recv(peer_.stream().socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    // Otherwise it is its next request, early.
    if (size == 0 || (size < 0 && errno != EAGAIN)) statement_.kill();
  });
}

void Exchange::unwatch() {
  if (watched_) *watched_ = false;
  watched_.reset();
}

}  // namespace tributary::clickhouse::embedded
