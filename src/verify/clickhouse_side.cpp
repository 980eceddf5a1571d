#include "verify/clickhouse_side.hpp"

#include <fmt/format.h>

#include <chrono>

#include "clickhouse/row_reader.hpp"
#include "destination/clickhouse/watermarks.hpp"
#include "mapping/clickhouse_access.hpp"
#include "mapping/clickhouse_sql.hpp"
#include "mapping/compare_sql.hpp"

namespace tributary::verify {
namespace {

namespace ch = tributary::clickhouse;
namespace sql = mapping::clickhouse;
using namespace std::chrono_literals;

constexpr auto kStatementTime = 30min;
constexpr std::size_t kMostAnswerBytes = std::size_t{256} << 20U;

static_assert(sql::kMostBounds == Side::kMostBounds);

class ClickHouseSide final : public DestinationSide {
 public:
  ClickHouseSide(ClickHouseAccess access, const mapping::Mapping& mapping, destination::clickhouse_target::Tenant tenant)
      : access_(access), mapping_(mapping), tenant_(std::move(tenant)), key_columns_(mapping.target_key.size()) {}

  asio::awaitable<std::vector<Key>> boundaries(Interval interval, std::int64_t step, std::int64_t most) override {
    auto values = params(interval);
    values.add("step", step).add("most", most);
    const auto result = co_await run(sql::boundaries_sql(mapping_, shape_of(interval)), std::move(values));
    std::vector<Key> keys;
    for (ch::RowReader row(result.body); row.more();) keys.push_back(key(row));
    co_return keys;
  }
  asio::awaitable<std::vector<RangeSum>> checksums(Interval interval, std::span<const Key> bounds) override {
    auto values = params(interval);
    add(values, "bounds", bounds);
    const auto result = co_await run(sql::checksums_sql(mapping_, shape_of(interval)), std::move(values));
    std::vector<RangeSum> sums(bounds.size() + 1);
    for (ch::RowReader row(result.body); row.more();) {
      auto& sum = sums.at(static_cast<std::size_t>(row.int64()));
      sum.rows = row.int64();
      sum.sum = row.string();
    }
    co_return sums;
  }
  asio::awaitable<std::map<Key, std::string>> digests(Interval interval) override {
    const auto result = co_await run(sql::digests_sql(mapping_, shape_of(interval)), params(interval));
    std::map<Key, std::string> digests;
    for (ch::RowReader row(result.body); row.more();) {
      auto of = key(row);
      digests[std::move(of)] = row.string();
    }
    co_return digests;
  }
  asio::awaitable<std::int64_t> watermark(Deadline deadline) override {
    const auto positions =
        co_await destination::clickhouse_target::stored_positions_of(access_.writer, tenant_.tenancy, deadline);
    const auto position = positions.find(mapping_.name);
    co_return position == positions.end() ? -1 : position->second.watermark;
  }
  asio::awaitable<std::vector<Columns>> columns(std::span<const Key> keys) override {
    auto values = params({});
    add(values, "keys", keys);
    const auto result = co_await run(sql::column_digests_sql(mapping_), std::move(values));
    std::map<Key, std::string> found;
    for (ch::RowReader row(result.body); row.more();) {
      auto of = key(row);
      found[std::move(of)] = row.string();
    }
    std::vector<Columns> columns;
    for (const auto& wanted : keys) {
      const auto there = found.find(wanted);
      columns.push_back(there == found.end() ? Columns() : there->second);
    }
    co_return columns;
  }

 private:
  static mapping::Interval shape_of(const Interval& interval) { return {interval.low.has_value(), interval.high.has_value()}; }

  ch::Params params(const Interval& interval) const {
    ch::Params params;
    params.add("project", tenant_.project).add("branch", tenant_.branch);
    const auto bound = [&](std::string_view name, const std::optional<Key>& key) {
      for (std::size_t i = 0; key && i < key->size(); ++i) params.add(fmt::format("{}_{}", name, i), key->at(i));
    };
    bound("low", interval.low);
    bound("high", interval.high);
    return params;
  }
  void add(ch::Params& params, std::string_view name, std::span<const Key> keys) const {
    for (std::size_t i = 0; i < key_columns_; ++i) {
      std::vector<std::string> values;
      for (const auto& key : keys) values.push_back(key.at(i));
      params.add(fmt::format("{}_{}", name, i), std::span<const std::string>(values));
    }
  }
  Key key(ch::RowReader& row) const {
    Key key;
    for (std::size_t i = 0; i < key_columns_; ++i) key.emplace_back(row.string());
    return key;
  }
  asio::awaitable<ch::Result> run(std::string text, ch::Params params) {
    ch::Query query{.text = std::move(text) + "\nFORMAT RowBinary",
                    .params = std::move(params),
                    .retryable = true,
                    .max_answer_bytes = kMostAnswerBytes};
    if (access_.as_tenant) {
      query.settings = {{std::string(sql::kProjectSetting), tenant_.project},
                        {std::string(sql::kBranchSetting), tenant_.branch},
                        {"readonly", "1"}};
    }
    co_return co_await access_.reader.execute(std::move(query), Deadline::after(kStatementTime));
  }

  const ClickHouseAccess access_;
  const mapping::Mapping& mapping_;
  const destination::clickhouse_target::Tenant tenant_;
  const std::size_t key_columns_;
};

}  // namespace

std::unique_ptr<DestinationSide> make_clickhouse_side(ClickHouseAccess access, const mapping::Mapping& mapping,
                                                      destination::clickhouse_target::Tenant tenant) {
  return std::make_unique<ClickHouseSide>(access, mapping, std::move(tenant));
}

}  // namespace tributary::verify
