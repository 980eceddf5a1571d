#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "mapping/sql.hpp"

namespace tributary::mapping {
namespace {

/// A name that PostgreSQL can hold, with a liking for what could break out of quotes.
rc::Gen<std::string> name_generator() {
  const auto character = rc::gen::weightedOneOf<char>(
      {{3, rc::gen::inRange<char>(' ', '\x7f')}, {1, rc::gen::elementOf(std::string("\"'\\;$-*/.,()[]{}:#&!|>%@`\n\t"))}});
  return rc::gen::nonEmpty(rc::gen::resize(63, rc::gen::container<std::string>(character)));
}

/// As a double-quoted YAML text.
std::string yaml(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n')
      result += "\\n";
    else if (c == '\t')
      result += "\\t";
    else
      result += c;
  }
  return result + '"';
}

bool mentions(const std::string& sql, const std::string& text) { return sql.find(text) != std::string::npos; }

RC_GTEST_PROP(Names, AnyNameSurvivesFromFileToSql, ()) {
  const auto table = *name_generator();
  const auto column = *name_generator();
  RC_PRE(column != "tenancyId" && table != "tenancyId");
  const auto target = "n" + column.substr(0, 60);  // not a reserved one
  const auto parsed = parse("mapping: m\nsource: {table: " + yaml(table) + ", tenancy: tenancyId, key: [tenancyId, " +
                                yaml(column) + "]}\ntarget: {table: " + yaml(table) + ", key: [" + yaml(target) +
                                "]}\ncolumns: [{name: " + yaml(target) + ", type: text, from: " + yaml(column) + "}]\n",
                            "m.yaml");
  for (const auto& problem : parsed.problems) RC_LOG() << problem.to_string();
  RC_ASSERT(parsed.mapping.has_value());
  const auto& mapping = *parsed.mapping;
  RC_ASSERT(mapping.source_table == table);
  RC_ASSERT(mapping.columns[0].from == column);
  RC_ASSERT(mapping.target_key[0] == target);

  const auto fetch = fetch_sql(mapping, {.tenancy = "$1", .after = "$2", .limit = "$3"});
  RC_ASSERT(mentions(fetch, "FROM public." + quote_identifier(table) + " AS source\n"));
  RC_ASSERT(mentions(fetch, "source." + quote_identifier(column) + "::text AS " + quote_identifier(target) + "\n"));
  RC_ASSERT(mentions(fetch, "->> " + quote_literal(column) + ")::text AS " + quote_identifier(target) + "\n"));
  RC_ASSERT(mentions(fetch, "\"tableName\" = " + quote_literal(table) + "\n"));
  RC_ASSERT(mentions(upsert_arrays_sql(mapping),
                     "INSERT INTO public." + quote_identifier(table) + " AS target (" + quote_identifier(target) + ")\n"));
}

}  // namespace
}  // namespace tributary::mapping
