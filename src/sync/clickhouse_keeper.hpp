#pragma once
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>

#include "destination/clickhouse/writer.hpp"
#include "postgres/pool.hpp"

namespace tributary::sync {

namespace asio = boost::asio;

/// Sees to it that nothing waits for the shared ClickHouse longer than it must, until `stop`: looks at it whenever something failed or it is elsewhere, again
/// and again until it answers; then makes everything due that had failed for it, and, where it is a store that is not known yet (empty, or with a table that
/// was lost), enqueues every tenancy. Otherwise it sleeps.
///
/// `known`: called once whatever ClickHouse lacks is in the queue, at first and after each time that it was away. Lifetime: all of them outlive it; writer and pool
/// belong to its loop. Errors: the server's and the source's are logged, and it goes on.
asio::awaitable<void> keep_clickhouse(destination::clickhouse_target::Writer& writer, postgres::Pool& source,
                                      std::function<void()> known, std::stop_token stop);

/// Takes what was deleted in the shared ClickHouse off its disk (destination::clickhouse_target::clean_up) again and again, until `stop`; the first time
/// within an hour. What goes wrong is logged, and done the next time. Of several processes each does it.
asio::awaitable<void> clean_clickhouse(std::shared_ptr<destination::clickhouse_target::Writer> writer,
                                       std::chrono::milliseconds every, std::chrono::milliseconds kept, std::stop_token stop);

}  // namespace tributary::sync
