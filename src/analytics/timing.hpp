#pragma once
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>

#include "analytics/query.hpp"
#include "mapping/clickhouse_sql.hpp"

namespace tributary::analytics {

/// What a query took.
struct Timing {
  std::chrono::milliseconds cpu_time{
      0};  ///< of all its threads; in the embedded engine shared out among those that ran at the same time
  std::chrono::milliseconds wall_clock_time{0};
};

/// Of a query of this tenant that has ended, well or not. nullopt where there is none of this id, or it is another project's or branch's, or too old: the
/// embedded engine knows the last 10,000 since its start, a server those of its query_log, written after some seconds at the latest.
/// `admin` may read system.query_log and, to see what was just asked, SYSTEM FLUSH LOGS. Throws clickhouse::Error.
asio::awaitable<std::optional<Timing>> read_timing(ch::Client& admin, Tenant tenant, std::string query_id,
                                                   mapping::clickhouse::Options target, Deadline deadline);

}  // namespace tributary::analytics
