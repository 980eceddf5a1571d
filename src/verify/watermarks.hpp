#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "verify/mender.hpp"

namespace tributary::verify {

/// Where a destination stands with each mapping of a tenancy, by the mapping's name, asked on a connection of its own. nullopt: it cannot be asked now, which is
/// no error here. `connection_string` as it is stored.
asio::awaitable<std::optional<std::map<std::string, std::int64_t>>> read_watermarks(const MenderParams& params, Uuid tenancy,
                                                                                    std::string destination,
                                                                                    std::string connection_string);

/// The same of the shared ClickHouse by a client that there is. Throws clickhouse::Error.
asio::awaitable<std::map<std::string, std::int64_t>> read_clickhouse_watermarks(clickhouse::Client& client, Uuid tenancy,
                                                                                Deadline deadline);

}  // namespace tributary::verify
