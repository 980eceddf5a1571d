#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "postgres/decode.hpp"
#include "postgres/params.hpp"
#include "postgres/timestamp.hpp"

struct pg_result;

namespace tributary::postgres {

/// The answer to one statement, in binary. Owns its memory; rows and fields point into it and live as long as it does.
/// Distinct and const shared objects: any thread.
class Result {
 public:
  Result() = default;
  explicit Result(pg_result* result);  ///< takes ownership

  std::size_t rows() const;
  std::size_t columns() const;
  bool empty() const { return rows() == 0; }
  /// Rows that INSERT, UPDATE, DELETE, MERGE or COPY touched.
  std::uint64_t affected_rows() const;
  /// What the server says it did: "INSERT 0 1", "COMMIT", and "ROLLBACK" for the COMMIT of a failed transaction.
  std::string_view command_tag() const;
  Oid type(std::size_t column) const;
  std::string_view name(std::size_t column) const;

  bool is_null(std::size_t row, std::size_t column) const;
  /// Binary value; empty for NULL.
  std::span<const std::byte> bytes(std::size_t row, std::size_t column) const;
  /// nullopt is NULL.
  std::optional<std::span<const std::byte>> field(std::size_t row, std::size_t column) const;

  /// Decodes by the column's type: bool; int16/32/64 (from int2, int4 or int8, range-checked); double; std::string (text, name, json,
  /// jsonb, enum…); Uuid; Timestamp (from timestamp and timestamptz); std::vector<std::byte> (bytea); std::vector<Uuid>, std::vector<std::int64_t>,
  /// std::vector<std::string> (one-dimensional arrays without NULL). std::optional<T> for nullable columns.
  /// Throws Error{protocol} on NULL without optional, on a type that does not fit, or on malformed bytes.
  template <class T>
  T get(std::size_t row, std::size_t column) const {
    if constexpr (kIsOptional<T>) {
      if (is_null(row, column)) return std::nullopt;
      return get<typename T::value_type>(row, column);
    } else {
      T out{};
      decode(value(row, column), out);
      return out;
    }
  }

 private:
  template <class T>
  static constexpr bool kIsOptional = false;
  template <class T>
  static constexpr bool kIsOptional<std::optional<T>> = true;

  Value value(std::size_t row, std::size_t column) const;
  void check(std::size_t row, std::size_t column, bool check_row) const;

  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::shared_ptr<pg_result> result_;
};

}  // namespace tributary::postgres
