#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "postgres/pool.hpp"

namespace tributary::sync {

namespace asio = boost::asio;

/// What was written to a destination that fences nobody, the shared ClickHouse, until it is known that the source had not jumped meanwhile. Where it had, the rows are of a
/// server that is gone, and may have come after the place was compared with the present one: it is compared once more. So it is also where they came behind a watermark that
/// has passed the jump, which nothing else would find.
///
/// Looks at the source about once a second while there is anything. Lifetime: shared, pool outlives its loop's run. Threads: one loop. Errors: the source's are logged, and it
/// looks again.
class LateWrites : public std::enable_shared_from_this<LateWrites> {
 public:
  struct Write {
    std::string project;
    std::string branch;
    std::string destination;
    std::string mapping;
    std::string table;  ///< of the source
    std::int64_t through = -1;  ///< the highest sequence id of it, as far as that is known
    std::int64_t jump = -1;  ///< the source's last one when the rows were read
    std::chrono::steady_clock::time_point ended;  ///< from then on the destination has it or will never have it
  };

  LateWrites(asio::any_io_executor executor, postgres::Pool& source) : executor_(std::move(executor)), source_(source) {}

  void add(std::vector<Write> writes);
  /// Looks now, whatever the time, once there is a connection to the source. Throws postgres::Error.
  asio::awaitable<void> settle(Deadline until);

 private:
  static asio::awaitable<void> keep_settling(std::shared_ptr<LateWrites> self);

  const asio::any_io_executor executor_;
  postgres::Pool& source_;
  std::vector<Write> writes_;
  bool settling_ = false;  ///< keep_settling runs
};

}  // namespace tributary::sync
