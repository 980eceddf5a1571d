#include "fuzz/targets.hpp"
#include "mapping/mapping.hpp"
#include "mapping/sql.hpp"
#include "settings/load.hpp"

namespace tributary::fuzz {

void mapping_yaml(std::string_view input) {
  const auto parsed = mapping::parse(input, "fuzz.yaml");
  require(parsed.mapping.has_value() || !parsed.problems.empty(), "a mapping, or why not");
  if (!parsed.mapping || !parsed.problems.empty()) return;
  const auto& mapping = *parsed.mapping;
  require(!mapping::upsert_arrays_sql(mapping).empty() && !mapping::delete_arrays_sql(mapping).empty(), "it becomes SQL");
  mapping::create_target_sql(mapping);
  mapping::create_stage_sql(mapping);
}

void settings_yaml(std::string_view input) {
  const auto loaded =
      settings::load({.file = settings::Sources::File{"fuzz.yaml", std::string(input)}, .environment = {}, .flags = {}});
  for (const auto& problem : loaded.problems) require(!problem.to_string().empty(), "a problem says what it is");
}

}  // namespace tributary::fuzz
