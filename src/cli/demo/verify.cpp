#include "cli/demo/verify.hpp"

#include <cstring>
#include <optional>

#include "cli/demo/sql.hpp"
#include "postgres/copy.hpp"

namespace tributary::cli::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kChunkBytes = 256 * 1024;
constexpr auto kTableTime = 30min;

using Tuple = std::span<const std::byte>;

std::string_view as_text(Tuple bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string show(std::optional<Tuple> field) { return field ? std::string(as_text(*field)) : "NULL"; }

/// The rows of a query in the order of its first column, `key`, one after the other.
class Rows {
 public:
  static asio::awaitable<Rows> start(postgres::Connection& connection, std::string query) {
    const auto copy = "COPY (SELECT * FROM (" + query + ") AS rows ORDER BY rows.key COLLATE \"C\") TO STDOUT (FORMAT binary)";
    auto reader = co_await postgres::CopyReader::start(connection, copy, Deadline::after(kTableTime));
    Rows rows(std::move(reader));
    co_await rows.advance();
    co_return rows;
  }

  bool at_end() const { return at_end_; }
  Tuple tuple() const { return batch_.row(row_); }
  std::string_view key() const { return as_text(postgres::TupleView(tuple()).next().value()); }

  asio::awaitable<void> advance() {
    if (++row_ < batch_.rows()) co_return;
    row_ = 0;
    at_end_ = !co_await reader_.read(batch_, kChunkBytes, Deadline::after(kTableTime));
  }

 private:
  explicit Rows(postgres::CopyReader reader) : reader_(std::move(reader)) {}
  postgres::CopyReader reader_;
  postgres::CopyBatch batch_;
  std::size_t row_ = 0;
  bool at_end_ = false;
};

bool equal(Tuple a, Tuple b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0; }

std::string with_tenancy(std::string sql, const Uuid& tenancy) {
  const auto at = sql.rfind("$1");
  return sql.replace(at, 2, postgres::literal(tenancy));
}

/// Collects what differs in one table.
class Report {
 public:
  Report(Verification& result, std::string database, std::string table, std::vector<std::string> columns)
      : result_(result), database_(std::move(database)), table_(std::move(table)), columns_(std::move(columns)) {}

  void count_equal() { ++result_.rows; }
  void missing(const Rows& expected) { add(expected, Difference::Kind::missing); }
  void unexpected(const Rows& actual) { add(actual, Difference::Kind::unexpected); }
  void different(const Rows& expected, const Rows& actual) {
    if (auto* difference = add(expected, Difference::Kind::different)) find_column(*difference, expected.tuple(), actual.tuple());
  }

 private:
  Difference* add(const Rows& row, Difference::Kind kind) {
    ++result_.differences;
    if (result_.first.size() == Verification::kShown) return nullptr;
    return &result_.first.emplace_back(Difference{.database = database_,
                                                  .table = table_,
                                                  .key = std::string(row.key()),
                                                  .kind = kind,
                                                  .column = {},
                                                  .expected = {},
                                                  .actual = {}});
  }

  void find_column(Difference& difference, Tuple expected, Tuple actual) const {
    postgres::TupleView left(expected);
    postgres::TupleView right(actual);
    for (std::size_t i = 0; i < left.fields() && i < right.fields(); ++i) {
      difference.column = columns_.at(i);
      difference.expected = show(left.next());
      difference.actual = show(right.next());
      if (difference.expected != difference.actual) return;
    }
  }

  Verification& result_;
  const std::string database_;
  const std::string table_;
  const std::vector<std::string> columns_;
};

asio::awaitable<std::vector<std::string>> column_names(postgres::Connection& connection, std::string query) {
  const auto none = "SELECT * FROM (" + query + ") AS rows LIMIT 0";
  const auto described = co_await connection.execute(none, Deadline::after(1min));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < described.columns(); ++i) names.emplace_back(described.name(i));
  co_return names;
}

asio::awaitable<void> compare(Rows& expected, Rows& actual, Report& report) {
  while (!expected.at_end() || !actual.at_end()) {
    const int order = expected.at_end() ? 1 : actual.at_end() ? -1 : expected.key().compare(actual.key());
    if (order < 0)
      report.missing(expected);
    else if (order > 0)
      report.unexpected(actual);
    else if (equal(expected.tuple(), actual.tuple()))
      report.count_equal();
    else
      report.different(expected, actual);
    if (order <= 0) co_await expected.advance();
    if (order >= 0) co_await actual.advance();
  }
}

}  // namespace

asio::awaitable<void> verify(VerifyParams params, std::span<const mapping::Mapping> mappings, Verification& result) {
  // Whatever depends on settings is written the same on both sides. Tables this young have no statistics: a join is not to loop over them.
  for (auto* connection : {&params.source, &params.customer}) {
    co_await connection->execute_script("SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET enable_nestloop = off",
                                        Deadline::after(1min));
  }
  for (const auto& mapping : mappings) {
    const auto actual_sql = sql_section("actual.sql", mapping.target_table);
    const auto expected_sql = with_tenancy(sql_section("expected.sql", mapping.target_table), params.tenancy);
    auto columns = co_await column_names(params.customer, actual_sql);
    Report report(result, params.database, mapping.target_table, std::move(columns));
    auto expected = co_await Rows::start(params.source, expected_sql);
    auto actual = co_await Rows::start(params.customer, actual_sql);
    co_await compare(expected, actual, report);
  }
}

void Verification::add_unreadable(std::string database, std::string error) {
  ++differences;
  if (first.size() == kShown) return;
  first.push_back({.database = std::move(database),
                   .table = {},
                   .key = {},
                   .kind = Difference::Kind::unreadable,
                   .column = {},
                   .expected = {},
                   .actual = std::move(error)});
}

std::string Difference::to_string() const {
  const auto place = database + ": " + table + " " + key;
  switch (kind) {
    case Kind::missing:
      return place + " is missing";
    case Kind::unexpected:
      return place + " should not be there";
    case Kind::unreadable:
      return database + " cannot be compared: " + actual;
    case Kind::different:
      return place + ": " + column + " is " + actual + ", should be " + expected;
  }
  return place;
}

}  // namespace tributary::cli::demo
