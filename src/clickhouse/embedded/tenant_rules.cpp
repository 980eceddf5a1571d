#include "clickhouse/embedded/tenant_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "clickhouse/embedded/request.hpp"

namespace tributary::clickhouse::embedded {
namespace {

using namespace std::string_view_literals;

constexpr int kSyntaxError = 62;

/// Functions that read something besides their arguments (files, dictionaries, the server's state, other tables), that tell how rows lie in blocks and
/// columns, which depends on other tenants' rows, or that waste time on purpose.
/// In lower case; those that end in * are beginnings.
constexpr std::array kForbiddenFunctions{"file"sv,
                                         "dict*"sv,
                                         "joinget*"sv,
                                         "region*"sv,
                                         "ai*"sv,
                                         "catboost*"sv,
                                         "evalmlmethod"sv,
                                         "naivebayes*"sv,
                                         "stem"sv,
                                         "lemmatize"sv,
                                         "synonyms"sv,
                                         "detect*"sv,
                                         "getsetting*"sv,
                                         "getserver*"sv,
                                         "getmergetree*"sv,
                                         "getmacro"sv,
                                         "getmaxtable*"sv,
                                         "getclienthttpheader"sv,
                                         "getoskernelversion"sv,
                                         "hostname"sv,
                                         "fqdn"sv,
                                         "fullhostname"sv,
                                         "displayname"sv,
                                         "buildid"sv,
                                         "version"sv,
                                         "revision"sv,
                                         "uptime"sv,
                                         "tcpport"sv,
                                         "serveruuid"sv,
                                         "servertimezone"sv,
                                         "shard*"sv,
                                         "zookeeper*"sv,
                                         "filesystem*"sv,
                                         "currentuser"sv,
                                         "current_user"sv,
                                         "user"sv,
                                         "authenticateduser"sv,
                                         "authuser"sv,
                                         "initialuser"sv,
                                         "currentroles"sv,
                                         "enabledroles"sv,
                                         "defaultroles"sv,
                                         "currentprofiles"sv,
                                         "enabledprofiles"sv,
                                         "defaultprofiles"sv,
                                         "currentschemas"sv,
                                         "current_schemas"sv,
                                         "queryid"sv,
                                         "query_id"sv,
                                         "currentqueryid"sv,
                                         "current_query_id"sv,
                                         "initialquery*"sv,
                                         "initial_query*"sv,
                                         "connectionid"sv,
                                         "connection_id"sv,
                                         "transaction*"sv,
                                         "addressto*"sv,
                                         "demangle"sv,
                                         "trap"sv,
                                         "tid"sv,
                                         "logtrace"sv,
                                         "sleep*"sv,
                                         "hascolumnintable"sv,
                                         "hasthreadfuzzer"sv,
                                         "globalvariable"sv,
                                         "showcertificate"sv,
                                         "mergetree*"sv,
                                         "ismergetree*"sv,
                                         "structureto*"sv,
                                         "partitionid"sv,
                                         "__*"sv,
                                         "fuzzquery"sv,
                                         "generaterandomstructure"sv,
                                         "timeseries*"sv,
                                         "generateserialid"sv,
                                         "obfuscatequery*"sv,
                                         "block*"sv,
                                         "rownumberin*"sv,
                                         "running*"sv,
                                         "neighbor"sv,
                                         "dumpcolumnstructure"sv,
                                         "tocolumntypename"sv,
                                         "lowcardinality*"sv,
                                         "estimatecompressionratio"sv,
                                         "indexhint"sv,
                                         "flamegraph"sv,
                                         "remote*"sv,
                                         "url"sv,
                                         "executable"sv,
                                         "sqlite"sv};

/// Functions of the grammar that the engine does not list, and table functions that make rows out of their arguments.
constexpr std::array kGrammarFunctions{"lambda"sv, "exists"sv, "tuple"sv, "array"sv, "cast"sv};
constexpr std::array kTableFunctions{"numbers"sv,        "numbers_mt"sv,      "zeros"sv,  "zeros_mt"sv,
                                     "generateseries"sv, "generate_series"sv, "values"sv, "view"sv};

/// Kinds of nodes that hold nothing by themselves. What is not here nor looked at below is refused: INTO OUTFILE, SETTINGS, APPLY (which hides a
/// function's name), and whatever a later version adds.
constexpr std::array kPlainNodes{"SelectWithUnionQuery"sv,
                                 "SelectIntersectExceptQuery"sv,
                                 "SelectQuery"sv,
                                 "ExpressionList"sv,
                                 "WithElement"sv,
                                 "Subquery"sv,
                                 "Literal"sv,
                                 "Asterisk"sv,
                                 "QualifiedAsterisk"sv,
                                 "ColumnsRegexpMatcher"sv,
                                 "ColumnsListMatcher"sv,
                                 "QualifiedColumnsRegexpMatcher"sv,
                                 "QualifiedColumnsListMatcher"sv,
                                 "ColumnsTransformerList"sv,
                                 "ColumnsExceptTransformer"sv,
                                 "ColumnsReplaceTransformer"sv,
                                 "ColumnsReplaceTransformer::Replacement"sv,
                                 "TablesInSelectQuery"sv,
                                 "TablesInSelectQueryElement"sv,
                                 "TableExpression"sv,
                                 "TableJoin"sv,
                                 "ArrayJoin"sv,
                                 "OrderByElement"sv,
                                 "SampleRatio"sv,
                                 "WindowDefinition"sv,
                                 "WindowListElement"sv,
                                 "InterpolateElement"sv};

/// In lower case, without the ending -IgnoreSet that some of them can have.
constexpr std::array kMemberships{"in"sv,     "notin"sv,     "globalin"sv,     "globalnotin"sv,
                                  "nullin"sv, "notnullin"sv, "globalnullin"sv, "globalnotnullin"sv};

constexpr std::array kFormats{"TabSeparated"sv, "TSV"sv, "CSV"sv,      "JSON"sv,    "Pretty"sv,    "Vertical"sv,
                              "Values"sv,       "XML"sv, "Markdown"sv, "Native"sv,  "RowBinary"sv, "Arrow"sv,
                              "Parquet"sv,      "ORC"sv, "Avro"sv,     "MsgPack"sv, "Null"sv};

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

template <class List>
bool listed(const List& list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

bool is_membership(std::string_view function) {
  auto name = lower(function);
  constexpr auto kEnding = "ignoreset"sv;
  if (name.ends_with(kEnding)) name.resize(name.size() - kEnding.size());
  return listed(kMemberships, name);
}

bool is_forbidden(std::string_view name) {
  const auto small = lower(name);
  return std::ranges::any_of(kForbiddenFunctions, [&](std::string_view pattern) {
    return pattern.ends_with('*') ? small.starts_with(pattern.substr(0, pattern.size() - 1)) : small == pattern;
  });
}

std::vector<std::string> lines(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    result.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

std::vector<std::string> column(Session& session, const std::string& sql) {
  auto outcome = session.run(sql, "TabSeparatedRaw");
  if (!outcome.ok()) throw std::runtime_error("the ClickHouse engine does not list what it has: " + outcome.error->message);
  return lines(outcome.output);
}

EngineError refusal(int code, std::string_view name, std::string_view message) {
  return {code, fmt::format("Code: {}. DB::Exception: {}. ({})", code, message, name)};
}

constexpr std::string_view kExplain = "EXPLAIN AST ";

/// The engine counts from the beginning of what it was given.
EngineError in_statement(EngineError error) {
  constexpr std::string_view kPosition = "failed at position ";
  const auto at = error.message.find(kPosition);
  if (at == std::string::npos) return error;
  const auto* const begin = error.message.data() + at + kPosition.size();
  std::size_t position = 0;
  const auto [end, failed] = std::from_chars(begin, error.message.data() + error.message.size(), position);
  if (failed == std::errc() && position > kExplain.size())
    error.message.replace(at + kPosition.size(), static_cast<std::size_t>(end - begin),
                          std::to_string(position - kExplain.size()));
  return error;
}

}  // namespace

struct TenantRules::Node {
  std::size_t depth = 0;
  std::size_t place = 0;  ///< among its parent's children
  std::size_t children = 0;
  std::string_view kind;
  std::string_view name;
};

TenantRules TenantRules::load(Session& session) {
  TenantRules rules;
  const auto fill = [&](auto& set, const std::string& sql) {
    for (auto& name : column(session, sql)) set.insert(std::move(name));
  };
  fill(rules.functions_, "SELECT name FROM system.functions WHERE origin = 'System'");
  fill(rules.any_case_functions_, "SELECT lower(name) FROM system.functions WHERE origin = 'System' AND case_insensitive");
  fill(rules.aggregates_, "SELECT name FROM system.functions WHERE origin = 'System' AND is_aggregate");
  fill(rules.combinators_, "SELECT name FROM system.aggregate_function_combinators WHERE NOT is_internal");
  fill(rules.views_, "SELECT name FROM system.tables WHERE database = 'default' AND engine = 'View'");
  if (rules.functions_.empty()) throw std::runtime_error("the ClickHouse engine does not list its functions");
  for (const auto name : kGrammarFunctions) rules.any_case_functions_.insert(std::string(name));
  return rules;
}

bool TenantRules::may_call(std::string_view function) const {
  if (is_forbidden(function)) return false;
  if (functions_.contains(function) || any_case_functions_.contains(lower(function))) return true;
  // sumIf, uniqOrNull, …: an aggregate function with combinators behind it.
  for (const auto& combinator : combinators_) {
    if (function.size() <= combinator.size() || !function.ends_with(combinator)) continue;
    const auto base = function.substr(0, function.size() - combinator.size());
    if (aggregates_.contains(base) || any_case_functions_.contains(lower(base))) return !is_forbidden(base);
    if (may_call(base)) return true;
  }
  return false;
}

std::optional<std::string> TenantRules::check_table(std::string_view name) const {
  // Without a database it is a view, or a name that the statement itself gives: the session's database is `default`, in which there are only views.
  const auto dot = name.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  if (name.substr(0, dot) == "default" && views_.contains(name.substr(dot + 1))) return std::nullopt;
  return "Unknown table";
}

std::optional<std::string> TenantRules::check_node(const Node& node, const std::vector<Node>& path) const {
  const auto parent = [&](std::size_t up) -> const Node* { return path.size() < up ? nullptr : &path[path.size() - up]; };
  if (listed(kPlainNodes, node.kind)) return std::nullopt;
  if (node.kind == "TableIdentifier") return check_table(node.name);
  if (node.kind == "Identifier") {
    // The right side of IN names a table, which the tree shows as any other name.
    const auto* list = parent(1);
    const auto* function = parent(2);
    const bool of_in = function != nullptr && list != nullptr && list->kind == "ExpressionList" && node.place > 0 &&
                       function->kind == "Function" && is_membership(function->name);
    return of_in ? check_table(node.name) : std::nullopt;
  }
  if (node.kind != "Function") return "The query uses something that is not allowed";
  const auto* above = parent(1);
  if (above != nullptr && above->kind == "TableExpression")
    return listed(kTableFunctions, lower(node.name))
               ? std::nullopt
               : std::optional<std::string>("The query uses a table function that is not allowed");
  if (may_call(node.name)) return std::nullopt;
  return "The query uses a function that is not known or not allowed";
}

std::optional<std::string> TenantRules::check_tree(std::string_view tree) const {
  std::vector<Node> path;
  const auto all = lines(tree);
  if (all.empty() || !all.front().starts_with("Select")) return "Only SELECT is allowed";
  for (const auto& line : all) {
    Node node;
    node.depth = std::min(line.find_first_not_of(' '), line.size());
    auto rest = std::string_view(line).substr(node.depth);
    node.kind = rest.substr(0, std::min(rest.find(' '), rest.size()));
    rest.remove_prefix(std::min(node.kind.size() + 1, rest.size()));
    node.name = rest.substr(0, std::min(rest.find(" ("), rest.size()));
    if (node.name.starts_with('(')) node.name = {};
    while (!path.empty() && path.back().depth >= node.depth) path.pop_back();
    if (!path.empty()) node.place = path.back().children++;
    if (auto why = check_node(node, path)) return why;
    path.push_back(node);
  }
  return std::nullopt;
}

std::optional<EngineError> TenantRules::check(Session& session, std::string_view statement, std::string_view format) const {
  const bool known_format = std::ranges::any_of(kFormats, [&](std::string_view name) { return format.starts_with(name); });
  // Those with progress say how much was read, of others' rows too.
  if (!known_format || format.ends_with("Progress")) return refusal(73, "UNKNOWN_FORMAT", "Unknown format");
  auto parsed = session.run(std::string(kExplain) + std::string(statement), "TabSeparatedRaw");
  if (!parsed.ok())
    return parsed.error->code == kSyntaxError ? in_statement(std::move(*parsed.error)) : safe_error(*parsed.error);
  if (const auto why = check_tree(parsed.output)) return refusal(497, "ACCESS_DENIED", *why);
  return std::nullopt;
}

}  // namespace tributary::clickhouse::embedded
