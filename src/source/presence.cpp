#include "source/presence.hpp"

#include <fmt/format.h>

namespace tributary::source {
namespace {

// The locks of migrations, of shards and of the mender have classes of their own, numbered before this.
constexpr int kLockClass = 1414678852;

// objsubid 2: a lock of two numbers.
constexpr std::string_view kPresence = R"sql(
SELECT count(*) FILTER (WHERE l.objid = $2), count(*) FILTER (WHERE l.objid = $3)
FROM pg_locks AS l
WHERE l.locktype = 'advisory' AND l.classid = $1 AND l.objsubid = 2 AND l.granted
  AND l.database = (SELECT d.oid FROM pg_database AS d WHERE d.datname = current_database()))sql";

std::string number(Role role) { return std::to_string(static_cast<int>(role)); }

}  // namespace

std::string presence_sql(Role role) { return fmt::format("SELECT pg_advisory_lock_shared({}, {})", kLockClass, number(role)); }

asio::awaitable<Presence> read_presence(postgres::Connection& source, Deadline deadline) {
  postgres::Params params;
  params.add(std::int64_t{kLockClass}).add(std::int64_t{static_cast<int>(Role::sequencer)});
  params.add(std::int64_t{static_cast<int>(Role::sync)});
  const auto result = co_await source.execute_prepared(kPresence, std::move(params), deadline);
  co_return Presence{.sequencer = result.get<std::int64_t>(0, 0), .sync = result.get<std::int64_t>(0, 1)};
}

}  // namespace tributary::source
