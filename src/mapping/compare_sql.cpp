#include "mapping/compare_sql.hpp"

#include <fmt/format.h>

#include <array>

#include "mapping/sql.hpp"
#include "mapping/sql_parts.hpp"

// Comparing, on the side of PostgreSQL. Aliases of ours: source, target, stored, listed, numbered, given, wanted, deleted, marker.

namespace tributary::mapping {
namespace {

bool is_text(const Column& column) { return column.type == ColumnType::text; }

/// What a NULL becomes in a column of ClickHouse that has none.
std::string_view zero_of(ColumnType type) {
  switch (type) {
    case ColumnType::uuid:
      return "'00000000-0000-0000-0000-000000000000'::uuid";
    case ColumnType::boolean:
      return "FALSE";
    case ColumnType::timestamp:
      return "'1970-01-01'::timestamp";
    case ColumnType::timestamptz:
      return "'1970-01-01 00:00:00+00'::timestamptz";
    case ColumnType::text:
    case ColumnType::jsonb:
      return "''";
    default:
      return "0";
  }
}

/// A value of a row of the source as the destination's kind stores it, of the type that its canonical text is made from.
std::string stored_value(const Column& column, DestinationKind kind) {
  auto value = row_value(column);
  if (kind == DestinationKind::postgres) return value;
  if (column.type == ColumnType::jsonb) value += "::text";
  if (!column.nullable) value = fmt::format("COALESCE({}, {})", value, zero_of(column.type));
  if (column.type == ColumnType::timestamptz) value = fmt::format("({} AT TIME ZONE 'UTC')", value);
  if (column.type == ColumnType::timestamp || column.type == ColumnType::timestamptz) {
    value = fmt::format(
        "date_trunc('milliseconds', least(greatest({}, '1900-01-01'::timestamp), '2299-12-31 23:59:59.999'::timestamp))", value);
  }
  return value;
}

/// Arguments of concat(), which writes NULL as nothing: `5:Zoë 🚀`-like for text, `value;` for what never holds a semicolon or, as JSON, tells its own end.
std::string canonical(const Column& column, Digest digest) {
  const auto name = qualified("stored", column.name);
  if (is_text(column)) {
    const auto bytes = digest == Digest::md5_converted ? fmt::format("convert_to({}, 'UTF8')", name) : name;
    return fmt::format("octet_length({}), ':', {}", bytes, name);
  }
  if (column.type == ColumnType::double_precision) return fmt::format("encode(float8send({}), 'hex'), ';'", name);
  return name + ", ';'";
}

std::string md5_of(std::string_view text, Digest digest) {
  if (digest == Digest::md5_converted) return fmt::format("md5(convert_to({}, 'UTF8'))", text);
  return fmt::format("md5({})", text);
}

/// A bigint of the row `stored`. concat() takes a hundred arguments.
std::string digest_of(std::span<const Column> columns, Digest digest) {
  constexpr std::size_t kAtOnce = 30;
  std::string parts;
  for (std::size_t i = 0; i < columns.size(); i += kAtOnce) {
    const auto some = columns.subspan(i, std::min(kAtOnce, columns.size() - i));
    parts += fmt::format("{}concat({})", parts.empty() ? "" : " || ",
                         joined(some, ", ", [&](const Column& column) { return canonical(column, digest); }));
  }
  if (digest == Digest::hash) return fmt::format("hashtextextended(({}) COLLATE \"C\", 0)", parts);
  return fmt::format("('x' || left({}, 16))::bit(64)::bigint", md5_of(parts, digest));
}

/// Eight hexadecimal digits and a comma for each column.
std::string column_digests_of(std::span<const Column> columns, Digest digest) {
  return joined(columns, "\n         || ", [&](const Column& column) {
    return fmt::format("left({}, 8) || ','", md5_of("concat(" + canonical(column, digest) + ")", digest));
  });
}

/// `expression` as it is ordered. Databases need not agree on the order of text in any other collation.
std::string ordered(const Column& column, std::string_view expression) {
  return is_text(column) ? fmt::format("({}::text COLLATE \"C\")", expression) : std::string(expression);
}

/// Builds the statements of one side; hands out numbers of parameters in their order.
class Statement {
 public:
  Statement(const Mapping& mapping, const CompareOptions& options)
      : mapping_(mapping), options_(options), keys_(key_columns(mapping)), columns_(mapping.columns_for(options.kind)) {
    if (is_source()) tenancy_ = parameter();
    condition_ = is_source() ? fmt::format("{} = {}", qualified(kSourceAlias, mapping.tenancy_column), tenancy_) : "TRUE";
    if (options.interval.has_low) bound(">=");
    if (options.interval.has_high) bound("<");
  }

  bool is_source() const { return options_.side == Side::source; }
  std::string parameter() { return fmt::format("${}", ++parameters_); }
  const std::string& tenancy() const { return tenancy_; }
  const std::vector<Column>& keys() const { return keys_; }
  const std::vector<Column>& columns() const { return columns_; }
  const std::string& condition() const { return condition_; }

  /// A key column in its table, as it is ordered.
  std::string key(const Column& column) const {
    return ordered(column, is_source() ? qualified(kSourceAlias, column.from) : qualified("target", column.name));
  }
  std::string key_list() const {
    return joined(keys_, ", ", [&](const Column& column) { return key(column); });
  }
  std::string key_texts(std::string_view alias) const {
    return joined(keys_, ", ", [&](const Column& column) { return qualified(alias, column.name) + "::text"; });
  }
  std::string table() const {
    if (is_source()) return fmt::format("FROM {} AS {}\n", public_table(mapping_.source_table), kSourceAlias);
    return fmt::format("FROM {} AS target\n", public_table(mapping_.target_table));
  }

  /// (SELECT of the destination's columns where `condition`) AS stored; of rows that share a key the newest.
  std::string rows(std::string_view condition, std::string_view indent) const {
    const bool shared = is_source() && target_key_is_shared(mapping_);
    auto text = fmt::format("(\n{}  SELECT {}", indent, shared ? "DISTINCT ON (" + key_list() + ") " : "");
    text += joined(columns_, ", ", [&](const Column& column) {
      if (!is_source()) return qualified("target", column.name);
      return stored_value(column, options_.kind) + " AS " + quote_identifier(column.name);
    });
    text += '\n';
    const auto inner = std::string(indent) + "  ";
    text += is_source() ? row_sources(mapping_, inner) : inner + table();
    text += fmt::format("{}WHERE {}\n", inner, condition);
    if (shared) {
      text += fmt::format("{}ORDER BY {}, COALESCE({}, 9223372036854775807) DESC\n", inner, key_list(),
                          qualified(kSourceAlias, "sequenceId"));
    }
    return text + std::string(indent) + ") AS stored";
  }

  std::string digest() const { return digest_of(columns_, options_.digest); }
  std::string column_digests() const { return column_digests_of(columns_, options_.digest); }
  /// unnest($2::text[], $3::text[])
  std::string unnested_keys() {
    return fmt::format("unnest({})", joined(keys_, ", ", [&](const Column&) { return parameter() + "::text[]"; }));
  }

 private:
  /// A comparison of rows, which an index on the key serves.
  void bound(std::string_view comparison) {
    const auto values = joined(
        keys_, ", ", [&](const Column& column) { return fmt::format("{}::text::{}", parameter(), postgres_type(column)); });
    condition_ += fmt::format("\n    AND ({}) {} ({})", key_list(), comparison, values);
  }

  const Mapping& mapping_;
  const CompareOptions& options_;
  const std::vector<Column> keys_;
  const std::vector<Column> columns_;
  int parameters_ = 0;
  std::string tenancy_;
  std::string condition_;
};

/// Number of the range that a row's key is in. Of more than one column: by comparing records.
std::string range_of(Statement& statement) {
  const auto& keys = statement.keys();
  if (keys.size() == 1) {
    return fmt::format("width_bucket({}, {}::text[]::{}[])", ordered(keys[0], qualified("stored", keys[0].name)),
                       statement.parameter(), postgres_type(keys[0]));
  }
  const auto given = statement.unnested_keys();
  return fmt::format("width_bucket(ROW({}), ARRAY(SELECT ROW({}) FROM {} AS bound ({})))",
                     joined(keys, ", ", [](const Column& column) { return ordered(column, qualified("stored", column.name)); }),
                     joined(keys, ", ",
                            [](const Column& column) {
                              return ordered(column, qualified("bound", column.name) + "::" + postgres_type(column));
                            }),
                     given, joined(keys, ", ", [](const Column& column) { return quote_identifier(column.name); }));
}

/// Whether a change of the wanted key may not be at the destination yet.
std::string pending(const Mapping& mapping, const Statement& statement, DestinationKind kind, std::string_view watermark) {
  const auto table = quote_literal(mapping.source_table);
  const auto same_key = [&](std::string_view alias, auto value) {
    return joined(statement.keys(), "", [&](const Column& column) {
      return fmt::format("\n           AND {} = {}", value(alias, column), qualified("wanted", column.name));
    });
  };
  auto text = fmt::format(
      "COALESCE(found.\"unsequenced\" OR found.\"sequence_id\" > {0}, FALSE)\n"
      "       OR EXISTS (\n"
      "         SELECT FROM public.\"DeletedRow\" AS deleted\n"
      "         WHERE deleted.\"tenancyId\" = {1} AND deleted.\"tableName\" = {2} AND deleted.\"sequenceId\" > {0}{3})\n"
      "       OR EXISTS (\n"
      "         SELECT FROM public.\"DeletedRow\" AS deleted\n"
      "         WHERE deleted.\"tenancyId\" = {1} AND deleted.\"tableName\" = {2} AND deleted.\"shouldUpdateSequenceId\"{3})\n"
      "       OR EXISTS (\n"
      "         SELECT FROM tributary.marker AS marker\n"
      "         WHERE marker.\"tenancyId\" = {1} AND marker.\"tableName\" = {2}{4})",
      watermark, statement.tenancy(), table,
      same_key("deleted", [&](std::string_view, const Column& column) { return tombstone_value(mapping, column); }),
      same_key("marker", [&](std::string_view alias, const Column& column) {
        return fmt::format("({} ->> {})::{}", qualified(alias, "primaryKey"), quote_literal(column.from), postgres_type(column));
      }));
  if (kind != DestinationKind::clickhouse) return text;
  // Rows of a deleted tenancy whose place this one has taken are there until its tombstones are. One that is back under its own id has them among its own.
  return text + fmt::format(
                    "\n"
                    "       OR EXISTS (\n"
                    "         SELECT FROM tributary.deleted_tenancy AS gone\n"
                    "         WHERE tributary.successor(gone.\"tenancyId\") = {0} AND gone.\"tenancyId\" <> {0}\n"
                    "           AND gone.destinations ? '@clickhouse')",
                    statement.tenancy());
}

}  // namespace

std::span<const std::pair<std::string_view, std::string_view>> compare_settings() {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kSettings{
      {{"search_path", ""},
       {"TimeZone", "UTC"},
       {"DateStyle", "ISO, YMD"},
       {"default_transaction_read_only", "on"},
       {"jit", "off"}}};
  return kSettings;
}

std::string boundaries_sql(const Mapping& mapping, const CompareOptions& options) {
  Statement statement(mapping, options);
  const auto step = statement.parameter();
  const auto most = statement.parameter();
  const auto named = joined(statement.keys(), ", ",
                            [&](const Column& column) { return statement.key(column) + " AS " + quote_identifier(column.name); });
  return fmt::format(
      "SELECT {0}\n"
      "FROM (\n"
      "  SELECT listed.*, row_number() OVER () - 1 AS place\n"
      "  FROM (\n"
      "    SELECT {1}\n"
      "    {2}"
      "    WHERE {3}\n"
      "    ORDER BY {4}\n"
      "    LIMIT {5}::bigint\n"
      "  ) AS listed\n"
      ") AS numbered\n"
      "WHERE place > 0 AND place % {6}::bigint = 0\n"
      "ORDER BY place",
      statement.key_texts("numbered"), named, statement.table(), statement.condition(), statement.key_list(), most, step);
}

std::string checksums_sql(const Mapping& mapping, const CompareOptions& options) {
  Statement statement(mapping, options);
  const auto range = range_of(statement);
  return fmt::format("SELECT {} AS range, count(*) AS rows, sum({})::text AS sum\nFROM {}\nGROUP BY 1", range, statement.digest(),
                     statement.rows(statement.condition(), ""));
}

std::string digests_sql(const Mapping& mapping, const CompareOptions& options) {
  const Statement statement(mapping, options);
  return fmt::format("SELECT {}, {}::text\nFROM {}", statement.key_texts("stored"), statement.digest(),
                     statement.rows(statement.condition(), ""));
}

std::string column_digests_sql(const Mapping& mapping, const CompareOptions& options) {
  Statement statement(mapping, options);
  const auto& keys = statement.keys();
  const auto given = statement.unnested_keys();
  const auto names = joined(keys, ", ", [](const Column& column) { return quote_identifier(column.name); });
  const auto values = joined(keys, ", ", [](const Column& column) {
    return fmt::format("given.{0}::{1} AS {0}", quote_identifier(column.name), postgres_type(column));
  });
  auto same_key = statement.condition();
  for (const auto& column : keys) {
    const auto own = statement.is_source() ? qualified(kSourceAlias, column.from) : qualified("target", column.name);
    same_key += fmt::format(" AND {} = {}", own, qualified("wanted", column.name));
  }
  const auto wanted = fmt::format("(\n  SELECT given.place, {}\n  FROM {} WITH ORDINALITY AS given ({}, place)\n) AS wanted",
                                  values, given, names);
  const auto row = fmt::format("SELECT {} AS columns\n  FROM {}", statement.column_digests(), statement.rows(same_key, "  "));
  if (!statement.is_source())
    return fmt::format("SELECT wanted.place, found.columns\nFROM {}\nCROSS JOIN LATERAL (\n  {}\n) AS found", wanted, row);
  const auto watermark = statement.parameter() + "::bigint";
  return fmt::format(
      "SELECT wanted.place, seen.columns,\n       {}\n"
      "FROM {}\n"
      "LEFT JOIN LATERAL (\n  {}\n) AS seen ON TRUE\n"
      "LEFT JOIN LATERAL (\n"
      "  SELECT bool_or(source.\"shouldUpdateSequenceId\" OR source.\"sequenceId\" IS NULL) AS \"unsequenced\",\n"
      "         max(source.\"sequenceId\") AS \"sequence_id\"\n"
      "  {}"
      "  WHERE {}\n"
      ") AS found ON TRUE",
      pending(mapping, statement, options.kind, watermark), wanted, row, statement.table(), same_key);
}

std::string last_sequence_id_sql(const Mapping& mapping) {
  return fmt::format(
      "SELECT greatest(\n"
      "  (SELECT max(\"sequenceId\") FROM {} WHERE {} = $1),\n"
      "  (SELECT max(\"sequenceId\") FROM public.\"DeletedRow\" WHERE \"tenancyId\" = $1 AND \"tableName\" = {}),\n"
      "  -1)",
      public_table(mapping.source_table), quote_identifier(mapping.tenancy_column), quote_literal(mapping.source_table));
}

std::string remembers_sql(const Mapping& mapping) {
  // Comparisons of rows, for the reason that fetch_sql() has.
  const auto before_the_jump = [](const std::string& columns, const std::string& prefix) {
    return fmt::format("({0}) >= ({1}, $2) AND ({0}) <= ({1}, jump.jumped_to)", columns, prefix);
  };
  const auto table = quote_literal(mapping.source_table);
  return fmt::format(
      "SELECT EXISTS (SELECT FROM {} WHERE {} AND \"sequenceId\" IS NOT NULL)\n"
      "  OR EXISTS (SELECT FROM public.\"DeletedRow\" WHERE {})\n"
      "FROM (SELECT min(jumped_to) AS jumped_to FROM tributary.sequence_jump WHERE jumped_to >= $2) AS jump",
      public_table(mapping.source_table), before_the_jump(quote_identifier(mapping.tenancy_column) + ", \"sequenceId\"", "$1"),
      before_the_jump("\"tenancyId\", \"tableName\", \"sequenceId\"", "$1, " + table));
}

}  // namespace tributary::mapping
