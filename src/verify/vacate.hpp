#pragma once
#include <boost/asio/awaitable.hpp>

#include <span>
#include <stop_token>
#include <string>

#include "clickhouse/client.hpp"
#include "mapping/mapping.hpp"

namespace tributary::verify {

namespace asio = boost::asio;

/// All that stands in the shared ClickHouse under this project and branch goes, whoever's it is. True when it is gone; false where that was not seen before the deadline
/// or `stop`: then it is to be called again, and what is on its way is not begun twice. Throws clickhouse::Error.
asio::awaitable<bool> vacate(clickhouse::Client& writer, std::span<const mapping::Mapping> mappings, std::string project,
                             std::string branch, Deadline deadline, std::stop_token stop);

}  // namespace tributary::verify
