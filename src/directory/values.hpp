#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/uuid.hpp"
#include "postgres/timestamp.hpp"

/// What the directory's operations take and give. Plain values.
namespace tributary::directory {

using postgres::Timestamp;

/// A project's branch, whose rows an operation sees and no others.
struct Tenancy {
  Uuid id;
  std::string project;
  std::string branch = "main";
};

/// JSON as text. Of what is written Postgres keeps the value, not the spelling.
struct Json {
  std::string text;
  friend bool operator==(const Json&, const Json&) = default;
};

/// Part of an update: nullopt leaves the value as it is. Of a value that may be missing, Change<std::optional<T>>, nullopt inside clears it.
template <class T>
using Change = std::optional<T>;

/// Where a page of a list begins: behind this item, in the list's order. Stays good when the item is deleted meanwhile.
struct Cursor {
  Timestamp at;
  Uuid id;
  Uuid second_id{};  ///< of lists whose items have two

  std::string to_string() const;
  /// nullopt where the text is no cursor.
  static std::optional<Cursor> parse(std::string_view text);
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

/// Which part of a list.
struct PageRequest {
  static constexpr std::int64_t kMost = 1'000;

  std::optional<Cursor> after;
  std::int64_t limit = kMost;  ///< items at most; at least 1. More than kMost are never given
};

template <class T>
struct Page {
  std::vector<T> items;
  std::optional<Cursor> next;  ///< nullopt: these are the last
};

}  // namespace tributary::directory
