#pragma once
#include <boost/asio/awaitable.hpp>

#include <span>
#include <stdexcept>

#include "base/deadline.hpp"
#include "mapping/mapping.hpp"
#include "postgres/connection.hpp"

namespace tributary::source {

namespace asio = boost::asio;

/// Version of what migrations/ makes: the number of its files, as none is ever changed after a release.
int schema_version();

/// Whether the schema is installed at all.
asio::awaitable<bool> is_installed(postgres::Connection& connection, Deadline deadline);
/// REQUIRES: is_installed().
asio::awaitable<int> installed_version(postgres::Connection& connection, Deadline deadline);

/// Throws std::runtime_error where the server (140005 is 14.5) is too old to be a source.
void check_server_version(int version);

/// Throws std::runtime_error that lists what the mappings name and the source lacks, or cannot capture (a partitioned table).
asio::awaitable<void> check_mappings(postgres::Connection& connection, std::span<const mapping::Mapping> mappings,
                                     Deadline deadline);

}  // namespace tributary::source
