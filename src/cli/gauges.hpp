#pragma once
#include <boost/asio/awaitable.hpp>

#include <span>

#include "mapping/mapping.hpp"
#include "postgres/connection.hpp"
#include "telemetry/metrics.hpp"

namespace tributary::cli {

namespace asio = boost::asio;

/// Sets the gauges that only the source can tell, as it stands now and for all processes: queue, failures, pauses, quarantine, flagged rows, processes, fusebox. Its cost does
/// not grow with the number of tenancies that are up to date. Throws postgres::Error; the gauges then stay as they were.
asio::awaitable<void> read_gauges(postgres::Connection& source, std::span<const mapping::Mapping> mappings,
                                  telemetry::Metrics& metrics, Deadline deadline);

}  // namespace tributary::cli
