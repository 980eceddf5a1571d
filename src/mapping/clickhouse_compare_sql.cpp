#include <fmt/format.h>

#include "mapping/clickhouse_parts.hpp"
#include "mapping/compare_sql.hpp"
#include "mapping/sql_parts.hpp"
#include "mapping/types.hpp"

// Comparing, on the side of ClickHouse, as the tenant sees its rows. A uuid is ordered by its text: ClickHouse has an order of its own for the type.

namespace tributary::mapping::clickhouse {
namespace {

bool is_text_in_order(const Column& column) { return column.type == ColumnType::uuid || column.type == ColumnType::text; }

std::string name_of(const Column& column) { return quote_clickhouse_identifier(column.name); }

std::string key_text(const Column& column) { return fmt::format("toString({})", name_of(column)); }
std::string key_in_order(const Column& column) { return is_text_in_order(column) ? key_text(column) : name_of(column); }

/// A text, or an array of texts, as what key_in_order() compares with.
std::string in_order(const Column& column, std::string text, bool is_array) {
  if (is_text_in_order(column)) return text;
  const std::string type(type_info(column.type).clickhouse_name);
  return fmt::format("CAST({} AS {})", text, is_array ? "Array(" + type + ')' : type);
}

/// (a, b), and a by itself.
template <class Write>
std::string tuple(std::span<const Column> columns, Write write) {
  std::size_t i = 0;
  const auto list = joined(columns, ", ", [&](const Column& column) { return write(column, i++); });
  return columns.size() == 1 ? list : '(' + list + ')';
}

/// The value as PostgreSQL writes it, of an expression that is not NULL.
std::string text_of(ColumnType type, std::string_view value) {
  switch (type) {
    case ColumnType::boolean:
      return fmt::format("if({}, 't', 'f')", value);
    case ColumnType::double_precision:
      return fmt::format("lower(hex(reverse(reinterpretAsFixedString({}))))", value);
    case ColumnType::timestamp:
    case ColumnType::timestamptz:
      // 2024-01-31 12:00:00.25, without zeros at the end of a fraction.
      return fmt::format(
          "if(endsWith(toString({0}), '.000'), substring(toString({0}), 1, 19), trim(TRAILING '0' FROM toString({0})))", value);
    default:
      return fmt::format("toString({})", value);
  }
}

/// The same text as mapping::canonical() of the row in the source.
std::string canonical(const Column& column) {
  const auto name = name_of(column);
  const auto value = column.nullable ? fmt::format("assumeNotNull({})", name) : name;
  const auto text = text_of(column.type, value);
  if (column.type == ColumnType::text) {
    const auto prefixed = fmt::format("concat(toString(length({0})), ':', {0})", text);
    return column.nullable ? fmt::format("if(isNull({}), ':', {})", name, prefixed) : prefixed;
  }
  return column.nullable ? fmt::format("if(isNull({}), ';', concat({}, ';'))", name, text) : fmt::format("concat({}, ';')", text);
}

std::string digest(const Mapping& mapping) {
  return fmt::format("reinterpretAsInt64(halfMD5(concat({}, '')))",
                     joined(mapping.columns_for(DestinationKind::clickhouse), ", ", canonical));
}

std::string rows(const Mapping& mapping, Interval interval) {
  const auto keys = key_columns(mapping);
  auto text =
      fmt::format("FROM {}\nWHERE `project_id` = {{project:String}} AND `branch_id` = {{branch:String}}", view_name(mapping));
  const auto bound = [&](std::string_view comparison, std::string_view parameter) {
    text += fmt::format("\n  AND {} {} {}", tuple(keys, [](const Column& column, std::size_t) { return key_in_order(column); }),
                        comparison, tuple(keys, [&](const Column& column, std::size_t i) {
                          return in_order(column, fmt::format("{{{}_{}:String}}", parameter, i), false);
                        }));
  };
  if (interval.has_low) bound(">=", "low");
  if (interval.has_high) bound("<", "high");
  return text;
}

/// (key_0, …, digest, place) of `rows`, where place is how many of the bounds are not above the key: a binary search, one step around the other. Not one
/// expression in terms of the other: ClickHouse would put each in the place of its name, and double the text with every step.
std::string placed(const Mapping& mapping, std::span<const Column> keys, const std::string& rows) {
  std::string names;
  std::string selected;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    names += fmt::format("key_{}, ", i);
    selected += fmt::format("{} AS key_{}, ", key_in_order(keys[i]), i);
  }
  auto text = fmt::format("SELECT {}{} AS digest, toInt64(0) AS place\n{}", selected, digest(mapping), rows);
  const auto key = tuple(keys, [](const Column&, std::size_t i) { return fmt::format("key_{}", i); });
  const auto bounds = [](const Column& column, std::size_t i) {
    return in_order(column, fmt::format("{{bounds_{}:Array(String)}}", i), true);
  };
  for (std::size_t step = (kMostBounds + 1) / 2; step > 0; step /= 2) {
    const auto bound =
        tuple(keys, [&](const Column& column, std::size_t i) { return fmt::format("{}[place + {}]", bounds(column, i), step); });
    text = fmt::format(
        "SELECT {0}digest, if(place + {1} <= length({{bounds_0:Array(String)}}) AND {2} >= {3}, place + {1}, place) AS "
        "place\nFROM (\n{4}\n)",
        names, step, key, bound, text);
  }
  return text;
}

}  // namespace

std::string boundaries_sql(const Mapping& mapping, Interval interval) {
  const auto keys = key_columns(mapping);
  const auto order = joined(keys, ", ", key_in_order);
  return fmt::format(
      "SELECT {}\n"
      "FROM (\n"
      "  SELECT *, row_number() OVER (ORDER BY {}) - 1 AS place\n"
      "  FROM (\n"
      "SELECT {}\n{}\nORDER BY {}\nLIMIT {{most:Int64}}\n"
      "  )\n"
      ")\n"
      "WHERE place > 0 AND place % {{step:Int64}} = 0\n"
      "ORDER BY place",
      joined(keys, ", ", key_text), order, joined(keys, ", ", name_of), rows(mapping, interval), order);
}

std::string checksums_sql(const Mapping& mapping, Interval interval) {
  return fmt::format(
      "SELECT place AS range, toInt64(count()) AS rows, toString(sum(toInt128(digest))) AS sum\nFROM (\n{}\n)\nGROUP BY place",
      placed(mapping, key_columns(mapping), rows(mapping, interval)));
}

std::string digests_sql(const Mapping& mapping, Interval interval) {
  return fmt::format("SELECT {}, toString({})\n{}", joined(key_columns(mapping), ", ", key_text), digest(mapping),
                     rows(mapping, interval));
}

std::string column_digests_sql(const Mapping& mapping) {
  const auto keys = key_columns(mapping);
  const auto columns = joined(mapping.columns_for(DestinationKind::clickhouse), ",\n       ", [](const Column& column) {
    return fmt::format("substring(lower(hex(MD5({}))), 1, 8), ','", canonical(column));
  });
  std::size_t i = 0;
  const auto given = joined(keys, ", ", [&](const Column&) { return fmt::format("{{keys_{}:Array(String)}}", i++); });
  return fmt::format("SELECT {},\n       concat({})\n{}\n  AND {} IN {}", joined(keys, ", ", key_text), columns,
                     rows(mapping, {}), tuple(keys, [](const Column& column, std::size_t) { return key_text(column); }),
                     keys.size() == 1 ? given : "arrayZip(" + given + ')');
}

}  // namespace tributary::mapping::clickhouse
