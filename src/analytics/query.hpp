#pragma once
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "base/deadline.hpp"
#include "clickhouse/client.hpp"
#include "telemetry/trace.hpp"

namespace tributary::analytics {

namespace asio = boost::asio;
namespace ch = tributary::clickhouse;

/// Whose rows a query sees.
struct Tenant {
  std::string project;
  std::string branch = "main";
};

/// A tenant's question, and how much of an answer it may have. Zero as a bound: none but the user's own (TenantUser, clickhouse-host).
struct TenantQuery {
  static constexpr std::chrono::milliseconds kShortestTimeout{1'000};
  static constexpr std::chrono::milliseconds kLongestTimeout{120'000};

  Tenant tenant;
  std::string statement;  ///< one SELECT
  ch::Params params;  ///< for the places {name:Type} of the statement
  /// ClickHouse's name of the answer's format: "JSONEachRow", "Parquet".
  std::string format = "JSONEachRow";
  /// The statement may name a format of its own. Where it may not, an answer that is in another one is refused.
  bool own_format = false;
  /// kShortestTimeout to kLongestTimeout. The server stops at the next full second, and the whole answer must be read until then.
  std::chrono::milliseconds timeout{10'000};
  std::uint64_t most_rows = 10'000;
  std::uint64_t most_bytes = std::uint64_t{10} << 20U;  ///< in the server's memory, and again of the answer as it comes
};

/// A query that cannot be answered. what() is what the tenant may be told (clickhouse::tenant_message).
class QueryError : public std::runtime_error {
 public:
  QueryError(const std::string& message, ch::Error::Details cause) : std::runtime_error(message), cause_(std::move(cause)) {}
  /// For operators and logs, never for tenants: it can show other tenants' values.
  const ch::Error::Details& cause() const { return cause_; }

 private:
  ch::Error::Details cause_;
};

/// ClickHouse has as many queries as it takes: this one was not begun, and may be asked again.
class Busy : public std::runtime_error {
 public:
  Busy() : std::runtime_error("ClickHouse has more queries than it can take; try again later") {}
};

/// The answer to a tenant's query, read piece by piece; it is never in memory as a whole.
///
/// Lifetime, threads and cancellation as those of clickhouse::Answer. One that is destroyed before its end ends the query on the server.
class TenantAnswer {
 public:
  /// The next bytes, valid until the next call; empty at the end. Throws as start() does, also after it gave bytes: these are incomplete then.
  asio::awaitable<std::span<const std::byte>> next();

  const std::string& query_id() const { return answer_.query_id(); }
  const std::string& format() const { return answer_.format(); }

 private:
  friend asio::awaitable<TenantAnswer> start(ch::Client& client, TenantQuery query, telemetry::Tracer* tracer);
  TenantAnswer(ch::Answer answer, Deadline deadline, std::uint64_t most_bytes, telemetry::Span span)
      : answer_(std::move(answer)), deadline_(deadline), most_bytes_(most_bytes), span_(std::move(span)) {}
  asio::awaitable<std::span<const std::byte>> read();

  ch::Answer answer_;
  Deadline deadline_;
  std::uint64_t most_bytes_;
  std::uint64_t bytes_ = 0;
  telemetry::Span span_;
};

/// Why a query cannot be asked at all, in a sentence; nullopt where it can.
std::optional<std::string> mistake(const TenantQuery& query);

/// Asks; returns when the answer begins. `client` speaks to a server or to the embedded engine, as limited_user: row policies do the rest.
/// The query's id is project:branch:uuid. `tracer`, null: nobody traces. The span "analytics.tenant-query" ends with the answer; what was asked is not in there.
/// Throws QueryError where the server refuses or fails; Busy where it has no place for it in time; clickhouse::Error where it is not there, or the coroutine is cancelled; std::invalid_argument with the mistake().
asio::awaitable<TenantAnswer> start(ch::Client& client, TenantQuery query, telemetry::Tracer* tracer = nullptr);

}  // namespace tributary::analytics
