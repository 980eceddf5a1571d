#include "postgres/result.hpp"

#include <libpq-fe.h>

#include <charconv>

#include "postgres/error.hpp"

namespace tributary::postgres {

void Result::Clear::operator()(pg_result* result) const { PQclear(result); }

Result::Result(pg_result* result) : result_(result, Clear{}) {}

std::size_t Result::rows() const { return static_cast<std::size_t>(PQntuples(result_.get())); }
std::size_t Result::columns() const { return static_cast<std::size_t>(PQnfields(result_.get())); }

std::uint64_t Result::affected_rows() const {
  if (!result_) return 0;
  const std::string_view digits = PQcmdTuples(result_.get());
  std::uint64_t count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return count;
}

std::string_view Result::command_tag() const { return result_ ? PQcmdStatus(result_.get()) : ""; }

Oid Result::type(std::size_t column) const {
  check(0, column, false);
  return PQftype(result_.get(), static_cast<int>(column));
}

std::string_view Result::name(std::size_t column) const {
  check(0, column, false);
  return PQfname(result_.get(), static_cast<int>(column));
}

bool Result::is_null(std::size_t row, std::size_t column) const {
  check(row, column, true);
  return PQgetisnull(result_.get(), static_cast<int>(row), static_cast<int>(column)) != 0;
}

std::span<const std::byte> Result::bytes(std::size_t row, std::size_t column) const {
  check(row, column, true);
  const auto r = static_cast<int>(row);
  const auto c = static_cast<int>(column);
  return {reinterpret_cast<const std::byte*>(PQgetvalue(result_.get(), r, c)),
          static_cast<std::size_t>(PQgetlength(result_.get(), r, c))};
}

std::optional<std::span<const std::byte>> Result::field(std::size_t row, std::size_t column) const {
  if (is_null(row, column)) return std::nullopt;
  return bytes(row, column);
}

Value Result::value(std::size_t row, std::size_t column) const {
  if (is_null(row, column)) throw Error(ErrorKind::protocol, "column \"" + std::string(name(column)) + "\" is NULL");
  return {type(column), bytes(row, column), name(column)};
}

void Result::check(std::size_t row, std::size_t column, bool check_row) const {
  if (column >= columns() || (check_row && row >= rows())) {
    throw Error(ErrorKind::usage, "no field " + std::to_string(column) + " of row " + std::to_string(row) + " in a result of " +
                                      std::to_string(rows()) + " rows and " + std::to_string(columns()) + " columns");
  }
}

}  // namespace tributary::postgres
