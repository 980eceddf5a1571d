#include "cli/demo/compare.hpp"

#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace tributary::cli::demo {
namespace {

using Tuple = std::span<const std::byte>;

std::string_view as_text(Tuple bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

std::string show(std::optional<Tuple> field) { return field ? std::string(as_text(*field)) : "NULL"; }

/// One row after the other.
class Rows {
 public:
  static asio::awaitable<Rows> start(RowSource source) {
    Rows rows(std::move(source));
    co_await rows.advance();
    co_return rows;
  }

  bool at_end() const { return at_end_; }
  Tuple tuple() const { return batch_.row(row_); }
  std::string_view key() const { return as_text(postgres::TupleView(tuple()).next().value()); }

  asio::awaitable<void> advance() {
    if (++row_ < batch_.rows()) co_return;
    row_ = 0;
    at_end_ = !co_await source_(batch_);
  }

 private:
  explicit Rows(RowSource source) : source_(std::move(source)) {}
  RowSource source_;
  postgres::CopyBatch batch_;
  std::size_t row_ = 0;
  bool at_end_ = false;
};

bool equal(Tuple a, Tuple b) { return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0; }

/// Collects what differs in one table.
class Report {
 public:
  Report(Verification& result, TablePlace place) : result_(result), place_(std::move(place)) {}

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
    return &result_.first.emplace_back(Difference{.database = place_.database,
                                                  .table = place_.table,
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
      difference.column = place_.columns.at(i);
      difference.expected = show(left.next());
      difference.actual = show(right.next());
      if (difference.expected != difference.actual) return;
    }
  }

  Verification& result_;
  const TablePlace place_;
};

}  // namespace

asio::awaitable<void> compare(RowSource expected_rows, RowSource actual_rows, TablePlace place, Verification& result) {
  Report report(result, std::move(place));
  auto expected = co_await Rows::start(std::move(expected_rows));
  auto actual = co_await Rows::start(std::move(actual_rows));

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
