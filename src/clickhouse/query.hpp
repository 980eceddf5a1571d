#pragma once
#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "clickhouse/params.hpp"

namespace tributary::clickhouse {

namespace asio = boost::asio;

/// Data that is made while it is sent: each call gives the next bytes, valid until the next call, and empty ones at the end. What it throws ends the
/// request and comes out of it.
using DataSource = std::function<asio::awaitable<std::span<const std::byte>>()>;

/// One statement for a server, and how to run it.
struct Query {
  std::string text;  ///< ends in FORMAT Native, or whatever its data or answer are in
  Params params;  ///< for the places {name:Type} of the text
  std::map<std::string, std::string> settings;  ///< of the server, for this statement: {"max_execution_time", "10"}
  std::string query_id;  ///< empty: a random UUID
  std::optional<std::string> database;  ///< nullopt: the one of ConnectOptions
  /// What an INSERT inserts. Bytes must live until the answer is there. The text then goes into the URL, which servers limit to 1 MiB.
  std::variant<std::monostate, std::span<const std::byte>, DataSource> data;
  /// The statement may run twice: it is sent again where a kept connection turns out to have died, which cannot be told from an answer that got lost. A
  /// DataSource is never asked twice.
  bool retryable = false;
  std::size_t max_answer_bytes = 16 * 1024 * 1024;  ///< of Client::execute(); more is Error{protocol}
};

/// What the server counted (X-ClickHouse-Summary). Zero where it did not say: old servers say nothing.
struct Summary {
  std::uint64_t read_rows = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t written_rows = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t result_rows = 0;
  std::uint64_t result_bytes = 0;
  std::uint64_t elapsed_ns = 0;
};

/// An answer as a whole.
struct Result {
  std::string query_id;
  Summary summary;
  std::vector<std::byte> body;

  std::string_view text() const { return {reinterpret_cast<const char*>(body.data()), body.size()}; }
};

}  // namespace tributary::clickhouse
