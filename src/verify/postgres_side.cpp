#include "verify/postgres_side.hpp"

#include <fmt/format.h>

#include <chrono>

#include "postgres/params.hpp"

namespace tributary::verify {
namespace {

using namespace std::chrono_literals;
using mapping::CompareOptions;
using mapping::Digest;

/// A table may be large, and its server busy; who does not want to wait interrupts.
constexpr auto kStatementTime = 30min;

/// Of many rows. Without statistics the planner thinks of few, and looks up what each depends on.
constexpr std::string_view kNoLoops = "SET LOCAL enable_nestloop = off";

constexpr std::string_view kWatermark =
    "SELECT last_synced_sequence_id FROM public._stack_sync_metadata WHERE mapping_name = $1 AND tenancy_id = $2";

void add(postgres::Params& params, const std::optional<Key>& key) {
  if (!key) return;
  for (const auto& column : *key) params.add(column);
}

/// An array for each key column.
void add(postgres::Params& params, std::span<const Key> keys, std::size_t columns) {
  for (std::size_t i = 0; i < columns; ++i) {
    std::vector<std::string> values;
    for (const auto& key : keys) values.push_back(key.at(i));
    params.add_array(std::span<const std::string>(values));
  }
}

/// Statements of one side. Planned anew each time: an interval may hold ten rows or all of them.
class Rows {
 public:
  Rows(PostgresSideParams params, mapping::Side side)
      : connection_(params.connection),
        mapping_(params.mapping),
        tenancy_(params.tenancy),
        options_{.side = side, .kind = params.kind, .digest = params.digest, .interval = {}},
        key_columns_(params.mapping.target_key.size()) {}

  postgres::Connection& connection() { return connection_; }
  const mapping::Mapping& mapping() const { return mapping_; }
  Uuid tenancy() const { return tenancy_; }
  std::size_t key_columns() const { return key_columns_; }
  const CompareOptions& options() const { return options_; }

  postgres::Params params(const Interval& interval = {}) const {
    postgres::Params params;
    if (options_.side == mapping::Side::source) params.add(tenancy_);
    add(params, interval.low);
    add(params, interval.high);
    return params;
  }
  CompareOptions options(const Interval& interval) const {
    auto options = options_;
    options.interval = {interval.low.has_value(), interval.high.has_value()};
    return options;
  }
  Key key(const postgres::Result& result, std::size_t row) const {
    Key key;
    for (std::size_t i = 0; i < key_columns_; ++i) key.push_back(result.get<std::string>(row, i));
    return key;
  }
  asio::awaitable<postgres::Result> run(std::string sql, postgres::Params params) {
    co_return co_await connection_.execute(sql, std::move(params), Deadline::after(kStatementTime));
  }

  asio::awaitable<std::vector<Key>> boundaries(Interval interval, std::int64_t step, std::int64_t most) {
    auto values = params(interval);
    values.add(step).add(most);
    const auto result = co_await run(mapping::boundaries_sql(mapping_, options(interval)), std::move(values));
    std::vector<Key> keys;
    for (std::size_t row = 0; row < result.rows(); ++row) keys.push_back(key(result, row));
    co_return keys;
  }
  asio::awaitable<std::vector<RangeSum>> checksums(Interval interval, std::span<const Key> bounds) {
    auto values = params(interval);
    add(values, bounds, key_columns_);
    const auto sql = mapping::checksums_sql(mapping_, options(interval));
    std::vector<postgres::Command> commands;
    commands.push_back({.sql = kNoLoops, .params = {}, .prepare = false});
    commands.push_back({.sql = sql, .params = std::move(values), .prepare = false});
    const auto results = co_await connection_.execute_pipeline(std::move(commands), Deadline::after(kStatementTime));
    const auto& result = results.at(1);
    std::vector<RangeSum> sums(bounds.size() + 1);
    for (std::size_t row = 0; row < result.rows(); ++row) {
      sums.at(static_cast<std::size_t>(result.get<std::int32_t>(row, 0))) = {result.get<std::int64_t>(row, 1),
                                                                             result.get<std::string>(row, 2)};
    }
    co_return sums;
  }
  asio::awaitable<std::map<Key, std::string>> digests(Interval interval) {
    const auto result = co_await run(mapping::digests_sql(mapping_, options(interval)), params(interval));
    std::map<Key, std::string> digests;
    for (std::size_t row = 0; row < result.rows(); ++row) digests[key(result, row)] = result.get<std::string>(row, key_columns_);
    co_return digests;
  }

 private:
  postgres::Connection& connection_;
  const mapping::Mapping& mapping_;
  const Uuid tenancy_;
  const CompareOptions options_;
  const std::size_t key_columns_;
};

/// What both have of Side.
template <class Base>
class PostgresSide : public Base {
 public:
  explicit PostgresSide(Rows rows) : rows_(std::move(rows)) {}
  asio::awaitable<std::vector<Key>> boundaries(Interval interval, std::int64_t step, std::int64_t most) override {
    return rows_.boundaries(std::move(interval), step, most);
  }
  asio::awaitable<std::vector<RangeSum>> checksums(Interval interval, std::span<const Key> bounds) override {
    return rows_.checksums(std::move(interval), bounds);
  }
  asio::awaitable<std::map<Key, std::string>> digests(Interval interval) override { return rows_.digests(std::move(interval)); }

 protected:
  Rows rows_;
};

class Destination final : public PostgresSide<DestinationSide> {
 public:
  using PostgresSide::PostgresSide;

  asio::awaitable<std::int64_t> watermark(Deadline deadline) override {
    postgres::Params params;
    params.add(rows_.mapping().name).add(rows_.tenancy());
    const auto result = co_await rows_.connection().execute(kWatermark, std::move(params), deadline);
    co_return result.empty() ? -1 : result.get<std::int64_t>(0, 0);
  }
  asio::awaitable<std::vector<Columns>> columns(std::span<const Key> keys) override {
    auto values = rows_.params();
    add(values, keys, rows_.key_columns());
    const auto result = co_await rows_.run(mapping::column_digests_sql(rows_.mapping(), rows_.options()), std::move(values));
    std::vector<Columns> found(keys.size());
    for (std::size_t row = 0; row < result.rows(); ++row)
      found.at(static_cast<std::size_t>(result.get<std::int64_t>(row, 0) - 1)) = result.get<std::string>(row, 1);
    co_return found;
  }
};

class Source final : public PostgresSide<SourceSide> {
 public:
  using PostgresSide::PostgresSide;

  asio::awaitable<std::vector<Found>> look(std::span<const Key> keys, std::int64_t watermark) override {
    auto values = rows_.params();
    add(values, keys, rows_.key_columns());
    values.add(watermark);
    const auto result = co_await rows_.run(mapping::column_digests_sql(rows_.mapping(), rows_.options()), std::move(values));
    std::vector<Found> found(keys.size());
    for (std::size_t row = 0; row < result.rows(); ++row) {
      found.at(static_cast<std::size_t>(result.get<std::int64_t>(row, 0) - 1)) = {result.get<std::optional<std::string>>(row, 1),
                                                                                  result.get<bool>(row, 2)};
    }
    co_return found;
  }
  asio::awaitable<void> mend(std::span<const Key> rows, std::span<const Key> ghosts) override {
    const auto flag = mapping::flag_rows_sql(rows_.mapping());
    const auto bury = mapping::insert_tombstones_sql(rows_.mapping());
    std::vector<postgres::Command> commands;
    commands.push_back({.sql = "SET TRANSACTION READ WRITE", .params = {}, .prepare = false});
    const auto change = [&](const std::string& sql, std::span<const Key> keys) {
      if (keys.empty()) return;
      auto values = rows_.params();
      add(values, keys, rows_.key_columns());
      commands.push_back({.sql = sql, .params = std::move(values), .prepare = false});
    };
    change(flag, rows);
    change(bury, ghosts);
    commands.push_back({.sql = "SELECT tributary.notify_change()::text", .params = {}, .prepare = false});
    co_await rows_.connection().execute_pipeline(std::move(commands), Deadline::after(kStatementTime));
  }
};

}  // namespace

asio::awaitable<bool> prepare_session(postgres::Connection& connection, Deadline deadline) {
  std::string script;
  for (const auto& [name, value] : mapping::compare_settings()) script += fmt::format("SET {} = '{}';", name, value);
  co_await connection.execute_script(script, deadline);
  const auto result = co_await connection.execute("SELECT current_setting('server_encoding') IN ('UTF8', 'SQL_ASCII')", deadline);
  co_return result.get<bool>(0, 0);
}

Digest digest_for(mapping::DestinationKind kind, bool own_is_utf8, bool other_is_utf8) {
  if (!own_is_utf8) return Digest::md5_converted;
  return kind == mapping::DestinationKind::postgres && other_is_utf8 ? Digest::hash : Digest::md5;
}

std::unique_ptr<SourceSide> make_source_side(PostgresSideParams params) {
  return std::make_unique<Source>(Rows(params, mapping::Side::source));
}

std::unique_ptr<DestinationSide> make_postgres_side(PostgresSideParams params) {
  return std::make_unique<Destination>(Rows(params, mapping::Side::destination));
}

}  // namespace tributary::verify
