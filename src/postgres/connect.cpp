#include <fmt/format.h>

#include "base/private_memory.hpp"
#include "postgres/detail/cancelled.hpp"
#include "postgres/detail/hmac_allowance.hpp"
#include "postgres/detail/impl.hpp"
#include "postgres/detail/resolve.hpp"

namespace tributary::postgres {
namespace {

using detail::Endpoint;

// Of a server that a stranger named. A chain of certificates is the largest thing in it.
constexpr std::uint64_t kHandshakeBytes = 256 * 1024;

Keywords keywords_for(const ConnectOptions& options, const Endpoint& endpoint) {
  auto keywords = options.keywords;
  for (const char* ours : {"host", "hostaddr", "port", "connect_timeout"}) keywords.erase(ours);
  if (!endpoint.host.empty()) keywords["host"] = endpoint.host;
  if (!endpoint.hostaddr.empty()) keywords["hostaddr"] = endpoint.hostaddr;
  if (!endpoint.port.empty()) keywords["port"] = endpoint.port;
  keywords["client_encoding"] = "UTF8";
  keywords.emplace("fallback_application_name", "tributary");
  keywords.emplace("gssencmode", "disable");  // libpq would talk to a Kerberos server on this thread
  // A peer that vanished without a word is noticed within a minute, also by a connection that only waits for notifications.
  keywords.emplace("keepalives_idle", "30");
  keywords.emplace("keepalives_interval", "10");
  keywords.emplace("keepalives_count", "3");
  return keywords;
}

PGconn* start(const Keywords& keywords) {
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  auto* connection = PQconnectStartParams(names.data(), values.data(), 0);
  if (connection == nullptr) throw std::bad_alloc();
  return connection;
}

/// Before there are results, libpq has the SQLSTATE only inside of its verbose text: `… FATAL:  28P01: password …\nLOCATION: …`.
Error refusal(PGconn* connection) {
  Error::Details details;
  std::string_view text = PQerrorMessage(connection);
  text = text.substr(0, text.find("\nLOCATION:"));
  constexpr std::string_view kSeverity = "FATAL:  ";
  const auto severity = text.find(kSeverity);
  const auto code = severity == std::string_view::npos ? text.size() : severity + kSeverity.size();
  if (code + 7 <= text.size() && text.substr(code + 5, 2) == ": ") {
    details.sqlstate = text.substr(code, 5);
    details.message = std::string(text.substr(0, code)) + std::string(text.substr(code + 7));
  } else {
    details.message = text;
  }
  return Error(std::move(details));
}

struct Attempt {
  std::optional<Error> failure;
  bool reached_server = false;  ///< the failure is that server's word, not the network's
};

PostgresPollingStatusType poll(Connection::Impl& impl, bool guarded) {
  if (!guarded) return PQconnectPoll(impl.connection);
  if (impl.meter.exhausted()) throw Error(ErrorKind::protocol, "the server says too much before it lets anybody in");
  const detail::Metered metered(impl.meter);
  const detail::HmacAllowance allowance;
  return PQconnectPoll(impl.connection);
}

/// Drives libpq to the end of its handshake with one endpoint.
asio::awaitable<Attempt> attempt(Connection::Impl& impl, Keywords keywords, bool guarded, Deadline deadline) {
  using Interest = detail::Readiness::Interest;
  Attempt attempt;
  impl.connection = start(keywords);
  if (const auto password = keywords.find("password"); password != keywords.end()) wipe(password->second);  // libpq has it now
  PQsetErrorVerbosity(impl.connection, PQERRORS_VERBOSE);
  // Nothing is to be written to stderr, and nothing is worth a line in the log that a stranger's server could fill.
  PQsetNoticeReceiver(impl.connection, [](void*, const PGresult*) {}, nullptr);
  impl.readiness.begin_operation(deadline);
  if (guarded) impl.meter.allow(kHandshakeBytes);
  auto state = PQstatus(impl.connection) == CONNECTION_BAD ? PGRES_POLLING_FAILED : PGRES_POLLING_WRITING;
  try {
    while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED) {
      impl.readiness.watch(PQsocket(impl.connection));
      co_await impl.readiness.wait(state == PGRES_POLLING_READING ? Interest::read : Interest::write);
      impl.readiness.release();  // libpq may close this socket in the next step, and open another
      state = poll(impl, guarded);
      const auto status = PQstatus(impl.connection);
      attempt.reached_server |= status == CONNECTION_AWAITING_RESPONSE || status == CONNECTION_AUTH_OK;
    }
    if (state == PGRES_POLLING_FAILED) attempt.failure = refusal(impl.connection);
  } catch (const Error& error) {
    attempt.failure = error;
    attempt.reached_server = false;  // it took our first packet and was silent: no word of its own
  }
  impl.readiness.end_operation();
  if (attempt.failure) {
    impl.close();
    co_return attempt;
  }
  PQsetErrorVerbosity(impl.connection, PQERRORS_DEFAULT);
  if (PQsetnonblocking(impl.connection, 1) != 0) throw impl.broken({});
  impl.readiness.watch(PQsocket(impl.connection));
  co_return attempt;
}

std::string shown(const Endpoint& endpoint) {
  auto text = endpoint.host.empty() ? endpoint.hostaddr : endpoint.host;
  if (!endpoint.hostaddr.empty() && endpoint.hostaddr != endpoint.host) text += " (" + endpoint.hostaddr + ")";
  return text + (endpoint.port.empty() ? "" : " port " + endpoint.port);
}

Error with_place(const Error& error, const Endpoint& endpoint) {
  auto details = error.details();
  if (error.kind() == ErrorKind::deadline)
    details.message = fmt::format("could not connect to {}: {}", shown(endpoint), details.message);
  return Error(std::move(details));
}

}  // namespace

asio::awaitable<Connection> Connection::open(ConnectOptions options, Deadline deadline) {
  deadline = deadline.capped(options.connect_timeout);
  const auto executor = co_await asio::this_coro::executor;
  const auto endpoints = co_await detail::resolve(options, deadline);
  const bool wants_certain_server = options.keywords.contains("target_session_attrs");
  std::optional<Error> failure;
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    auto impl = std::make_unique<Impl>(executor);
    impl->max_answer = options.max_answer;
    auto keywords = keywords_for(options, endpoints[i]);
    // An address that swallows packets must leave time for the next one.
    const auto share = deadline.remaining() / static_cast<int>(endpoints.size() - i);
    auto result = co_await attempt(*impl, std::move(keywords), options.addresses != nullptr, deadline.capped(share));
    if (!result.failure) co_return Connection(std::move(impl));
    failure = with_place(*result.failure, endpoints[i]);
    if (result.reached_server && !wants_certain_server) break;
    if (detail::is_cancelled(co_await asio::this_coro::cancellation_state)) break;
  }
  throw *failure;
}

}  // namespace tributary::postgres
