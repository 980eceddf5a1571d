#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "mapping/document.hpp"
#include "mapping/expression.hpp"
#include "mapping/fields.hpp"
#include "mapping/mapping.hpp"
#include "mapping/types.hpp"

namespace tributary::mapping {
namespace {

/// Aliases of the generated SQL, which a dependency's must not shadow.
constexpr std::array<std::string_view, 7> kReservedAliases{kSourceAlias, "deleted", "gone", "alive", "change", "wanted", "found"};
/// Columns beside the target's own: of fetched tuples, of ClickHouse tables. Everything that begins with sync_ is reserved too.
constexpr std::array<std::string_view, 4> kReservedColumns{"sequence_id", "is_deleted", "project_id", "branch_id"};
/// Columns that every PostgreSQL table has.
constexpr std::array<std::string_view, 6> kSystemColumns{"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"};

/// Tables of ours beside the targets, in destinations of either kind.
constexpr std::array<std::string_view, 2> kReservedTargets{"_stack_sync_metadata", "_tributary_schema"};

constexpr std::size_t kMostColumns = 1000;      // PostgreSQL's own limit is 1600 per table, 1664 per SELECT
constexpr std::size_t kMostDependencies = 16;

template <class Range>
bool contains(const Range& range, std::string_view value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

/// Small letters, digits and underscores, beginning with a letter; it becomes part of names in SQL, in metrics and in paths.
bool is_plain_name(std::string_view name) {
  constexpr std::size_t kLongest = 40;
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name.size() <= kLongest && name[0] >= 'a' && name[0] <= 'z' && std::ranges::all_of(name, is_plain);
}

/// "30d", "12h", "4w"
std::optional<std::chrono::hours> parse_duration(std::string_view text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc{} || count <= 0 || count > 100'000 || end + 1 != text.data() + text.size()) return std::nullopt;
  switch (*end) {
    case 'h':
      return std::chrono::hours(count);
    case 'd':
      return std::chrono::hours(24 * count);
    case 'w':
      return std::chrono::hours(24 * 7 * count);
    default:
      return std::nullopt;
  }
}

std::vector<std::string> texts_of(const std::vector<Located>& located) {
  std::vector<std::string> result;
  for (const auto& one : located) result.push_back(one.text);
  return result;
}

class Parser {
 public:
  explicit Parser(std::string_view file) : report_(file) { mapping_.file = file; }

  Parsed parse(const Node& root) {
    Fields fields(report_, root, "mapping", {"mapping", "source", "target", "columns", "dependencies", "retention"});
    if (fields.is_map()) {
      read_name(fields);
      read_source(fields);
      read_target(fields);
      read_columns(fields);
      read_dependencies(fields);
      read_retention(fields);
      check_target_key();
    }
    if (!report_.empty()) return {std::nullopt, report_.take()};
    return {std::move(mapping_), {}};
  }

 private:
  void read_name(Fields& fields) {
    const auto name = fields.required_text("mapping");
    if (!name) return;
    if (!is_plain_name(name->text)) {
      fields.problem(
          name->position,
          fmt::format("\"{}\" is no name for a mapping: small letters, digits and _, a letter first, at most 40", name->text));
    }
    mapping_.name = name->text;
    mapping_.position = name->position;
  }

  void read_source(Fields& fields) {
    const auto* node = fields.require("source");
    if (node == nullptr) return;
    Fields source(report_, *node, "source", {"table", "tenancy", "key"});
    if (const auto table = source.required_identifier("table")) {
      mapping_.source_table = table->text;
      mapping_.source_position = table->position;
    }
    const auto tenancy = source.required_identifier("tenancy");
    source_key_ = source.required_identifiers("key");
    mapping_.source_key = texts_of(source_key_);
    if (!tenancy) return;
    mapping_.tenancy_column = tenancy->text;
    if (!mapping_.source_key.empty() && !contains(mapping_.source_key, tenancy->text)) {
      source.problem(tenancy->position, fmt::format("the tenancy column \"{}\" is not in the key", tenancy->text));
    }
  }

  void read_target(Fields& fields) {
    const auto* node = fields.require("target");
    if (node == nullptr) return;
    Fields target(report_, *node, "target", {"table", "key"});
    if (const auto table = target.required_identifier("table")) {
      mapping_.target_table = table->text;
      if (contains(kReservedTargets, table->text)) {
        target.problem(table->position, fmt::format("\"{}\" is a table of Tributary's own", table->text));
      }
    }
    target_key_ = target.required_identifiers("key");
    mapping_.target_key = texts_of(target_key_);
  }

  void read_columns(Fields& fields) {
    const auto* node = fields.require("columns");
    if (node == nullptr) return;
    if (!node->is_sequence() || node->items.empty() || node->items.size() > kMostColumns) {
      fields.problem(node->position, fmt::format("\"columns\" must be a list of 1 to {} columns", kMostColumns));
      return;
    }
    for (const auto& item : node->items) read_column(item);
  }

  void read_column(const Node& node) {
    Fields fields(report_, node, "column",
                  {"name", "type", "from", "sql", "nullable", "default", "low_cardinality", "privacy", "only"});
    if (!fields.is_map()) return;
    Column column;
    const auto name = fields.required_identifier("name");
    if (name) {
      fields.rename(fmt::format("column \"{}\"", name->text));
      check_column_name(fields, *name);
      column.name = name->text;
    }
    const bool has_type = read_type(fields, column);
    read_value(fields, column);
    column.nullable = fields.flag("nullable");
    read_default(fields, column);
    column.low_cardinality = fields.flag("low_cardinality");
    if (has_type && column.low_cardinality && column.type != ColumnType::text) {
      fields.problem(fields.find("low_cardinality")->position, "\"low_cardinality\" is for columns of type text");
    }
    read_privacy(fields, column, has_type);
    read_only(fields, column);
    mapping_.columns.push_back(std::move(column));
    columns_.push_back({name.value_or(Located{"", node.position}).position, has_type});
  }

  void check_column_name(Fields& fields, const Located& name) {
    if (contains(kSystemColumns, name.text)) {
      fields.problem(name.position, "the name of a column that every PostgreSQL table has");
    } else if (contains(kReservedColumns, name.text) || name.text.starts_with("sync_")) {
      fields.problem(name.position, fmt::format("a reserved name ({}, sync_…)", fmt::join(kReservedColumns, ", ")));
    } else if (std::ranges::find(mapping_.columns, name.text, &Column::name) != mapping_.columns.end()) {
      fields.problem(name.position, "a second column of this name");
    }
  }

  bool read_type(Fields& fields, Column& column) {
    const auto name = fields.required_text("type");
    if (!name) return false;
    const auto type = type_named(name->text);
    if (!type) {
      std::vector<std::string_view> names;
      for (const auto& info : all_types()) names.push_back(info.name);
      fields.problem(name->position, fmt::format("unknown type \"{}\"; one of {}", name->text, fmt::join(names, ", ")));
      return false;
    }
    column.type = *type;
    return true;
  }

  void read_value(Fields& fields, Column& column) {
    const bool has_from = fields.find("from") != nullptr;
    const bool has_sql = fields.find("sql") != nullptr;
    if (has_from == has_sql) {
      fields.problem(fields.position(), has_from ? "has both \"from\" and \"sql\"; one of them says where the value comes from"
                                                 : "\"from\" or \"sql\" is missing: where does the value come from?");
    }
    if (const auto from = fields.identifier("from")) {
      column.from = from->text;
      column.position = from->position;
    }
    if (const auto sql = read_expression(fields, "sql")) {
      column.sql = sql->text;
      column.position = sql->position;
    }
  }

  void read_default(Fields& fields, Column& column) {
    const auto value = read_expression(fields, "default");
    if (!value) return;
    column.default_sql = value->text;
    if (column.nullable) fields.problem(value->position, "has a \"default\" for NULL, so it cannot be \"nullable\"");
  }

  std::optional<Located> read_expression(Fields& fields, std::string_view key) {
    auto text = fields.text(key);
    if (!text) return std::nullopt;
    const auto mistake = expression_mistake(text->text);
    if (!mistake) return text;
    fields.problem(text->position, fmt::format("\"{}\" is no SQL expression: {}", key, *mistake));
    return std::nullopt;
  }

  void read_privacy(Fields& fields, Column& column, bool has_type) {
    const auto* node = fields.find("privacy");
    if (node == nullptr) return;
    Fields privacy(report_, *node, fields.what() + ": privacy", {"clickhouse"});
    const auto name = privacy.required_text("clickhouse");
    if (!name) return;
    constexpr std::array<std::pair<std::string_view, Privacy>, 4> kNames{
        {{"plain", Privacy::plain}, {"mask", Privacy::mask}, {"hash", Privacy::hash}, {"omit", Privacy::omit}}};
    const auto found = std::ranges::find(kNames, name->text, [](const auto& pair) { return pair.first; });
    if (found == kNames.end()) {
      privacy.problem(name->position, fmt::format("unknown privacy \"{}\"; one of plain, mask, hash, omit", name->text));
      return;
    }
    column.clickhouse_privacy = found->second;
    const bool is_text_only = found->second == Privacy::mask || found->second == Privacy::hash;
    if (has_type && is_text_only && column.type != ColumnType::text) {
      privacy.problem(name->position, fmt::format("\"{}\" is for columns of type text", name->text));
    }
  }

  void read_only(Fields& fields, Column& column) {
    for (const auto& kind : fields.texts("only")) {
      if (kind.text == "postgres")
        column.only.push_back(DestinationKind::postgres);
      else if (kind.text == "clickhouse")
        column.only.push_back(DestinationKind::clickhouse);
      else
        fields.problem(kind.position, fmt::format("unknown kind of destination \"{}\"; one of postgres, clickhouse", kind.text));
    }
  }

  void read_dependencies(Fields& fields) {
    const auto* node = fields.find("dependencies");
    if (node == nullptr) return;
    if (!node->is_sequence() || node->items.size() > kMostDependencies) {
      fields.problem(node->position, fmt::format("\"dependencies\" must be a list of at most {}", kMostDependencies));
      return;
    }
    for (const auto& item : node->items) read_dependency(item);
  }

  void read_dependency(const Node& node) {
    Fields fields(report_, node, "dependency", {"table", "alias", "on", "where"});
    if (!fields.is_map()) return;
    Dependency dependency;
    if (const auto table = fields.required_identifier("table")) {
      fields.rename(fmt::format("dependency \"{}\"", table->text));
      dependency.table = table->text;
      dependency.position = table->position;
    }
    if (const auto alias = fields.required_text("alias")) {
      dependency.alias = alias->text;
      check_alias(fields, *alias);
    }
    read_on(fields, dependency);
    if (const auto where = read_expression(fields, "where")) dependency.where = where->text;
    mapping_.dependencies.push_back(std::move(dependency));
  }

  void check_alias(Fields& fields, const Located& alias) {
    if (!is_plain_name(alias.text)) {
      fields.problem(alias.position,
                     fmt::format("\"{}\" is no alias: small letters, digits and _, a letter first, at most 40", alias.text));
    } else if (contains(kReservedAliases, alias.text)) {
      fields.problem(alias.position,
                     fmt::format("the alias \"{}\" is taken; {} are", alias.text, fmt::join(kReservedAliases, ", ")));
    } else if (std::ranges::find(mapping_.dependencies, alias.text, &Dependency::alias) != mapping_.dependencies.end()) {
      fields.problem(alias.position, fmt::format("a second dependency with the alias \"{}\"", alias.text));
    }
  }

  /// The way from a dependency's row to the one row of the mapped table that it belongs to: hence every column of that table's key.
  void read_on(Fields& fields, Dependency& dependency) {
    const auto* node = fields.require("on");
    if (node == nullptr) return;
    if (!node->is_map() || node->keys.empty()) {
      fields.problem(node->position, "\"on\" must be a map from columns of the dependency to columns of the source key");
      return;
    }
    std::vector<std::string> covered;
    for (std::size_t i = 0; i < node->keys.size(); ++i) {
      const auto& [key, value] = std::pair<const Node&, const Node&>(node->keys[i], node->items[i]);
      if (!key.is_scalar() || key.text.empty() || !value.is_scalar() || value.text.empty()) {
        fields.problem(key.position, "\"on\" must be a map from columns of the dependency to columns of the source key");
        continue;
      }
      if (!fields.check_identifier({key.text, key.position}, "on")) continue;
      if (!mapping_.source_key.empty() && !contains(mapping_.source_key, value.text)) {
        fields.problem(value.position, fmt::format("\"on\" names \"{}\", which is not in the source key ({})", value.text,
                                                   fmt::join(mapping_.source_key, ", ")));
      }
      covered.push_back(value.text);
      dependency.on.emplace_back(key.text, value.text);
    }
    for (const auto& column : mapping_.source_key) {
      if (!contains(covered, column)) {
        fields.problem(node->position,
                       fmt::format("\"on\" leaves out \"{}\" of the source key: which row is to be looked at again?", column));
      }
    }
  }

  void read_retention(Fields& fields) {
    const auto text = fields.text("retention");
    if (!text) return;
    mapping_.retention = parse_duration(text->text);
    if (!mapping_.retention) {
      fields.problem(
          text->position,
          fmt::format("\"retention\" must be a number of hours, days or weeks such as 12h, 30d or 4w, not \"{}\"", text->text));
    }
  }

  /// A tombstone carries the source key and nothing else, so the target key must be made of that, in every kind of destination.
  void check_target_key() {
    for (const auto& name : target_key_) {
      const auto found = std::ranges::find(mapping_.columns, name.text, &Column::name);
      if (found == mapping_.columns.end()) {
        if (!mapping_.columns.empty())
          report_.add(name.position, fmt::format("target: key \"{}\" is not among the columns", name.text));
        continue;
      }
      const auto& [at, has_type] = columns_[static_cast<std::size_t>(found - mapping_.columns.begin())];
      const auto problem = [&](const std::string& message) {
        report_.add(at, fmt::format("column \"{}\": {}", name.text, message));
      };
      if (!found->sql.empty() ||
          (!mapping_.source_key.empty() && !found->from.empty() && !contains(mapping_.source_key, found->from))) {
        problem(fmt::format("is in the target key, so it must come from a column of the source key ({})",
                            fmt::join(mapping_.source_key, ", ")));
      }
      // The others have no one text, or ClickHouse holds less of them: rows would share a key there.
      constexpr ColumnType kKeyTypes[] = {ColumnType::uuid,     ColumnType::text,    ColumnType::boolean,
                                          ColumnType::smallint, ColumnType::integer, ColumnType::bigint};
      if (has_type && std::ranges::find(kKeyTypes, found->type) == std::end(kKeyTypes))
        problem("is in the target key, so its type is uuid, text, bool, smallint, integer or bigint");
      if (found->nullable || found->default_sql)
        problem("is in the target key, so it can be neither \"nullable\" nor have a \"default\"");
      if (!found->only.empty() || found->clickhouse_privacy != Privacy::plain) {
        problem("is in the target key, so every destination has it as it is: neither \"only\" nor \"privacy\"");
      }
    }
  }

  struct ColumnPlace {
    Position position;
    bool has_type;
  };

  Report report_;
  Mapping mapping_;
  std::vector<Located> source_key_;
  std::vector<Located> target_key_;
  std::vector<ColumnPlace> columns_;  ///< as many as mapping_.columns
};

}  // namespace

Parsed parse(std::string_view yaml, std::string_view file_name) {
  const auto document = read_document(yaml, file_name);
  if (const auto* problem = std::get_if<Problem>(&document)) return {std::nullopt, {*problem}};
  return Parser(file_name).parse(std::get<Node>(document));
}

}  // namespace tributary::mapping
