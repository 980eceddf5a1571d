#pragma once
#include <string>

#include "base/uuid.hpp"
#include "clickhouse/client.hpp"
#include "postgres/connection.hpp"

/// Takes a destination's watermark of one mapping back to the beginning, under a new generation: workers that read before are fenced, and everything is read again.
/// Rows stay. Twice does no harm. A destination that never had a watermark is left as it is: there it is read from the beginning anyway.
namespace tributary::verify {

namespace asio = boost::asio;

/// Throws postgres::Error.
asio::awaitable<void> start_over(postgres::Connection& destination, Uuid installation, Uuid tenancy, std::string mapping,
                                 Deadline deadline);
/// In the shared ClickHouse. Throws clickhouse::Error.
asio::awaitable<void> start_over(clickhouse::Client& writer, Uuid tenancy, std::string mapping, Deadline deadline);

}  // namespace tributary::verify
