#pragma once
#include <gtest/gtest.h>

#include <stdexcept>
#include <vector>

#include "base/embedded.hpp"
#include "mapping/mapping.hpp"

namespace tributary::mapping {

/// The mappings of mappings/*.yaml as they are compiled in.
inline std::vector<Mapping> built_in_mappings() {
  std::vector<Mapping> mappings;
  for (const auto& file : embedded_mappings()) {
    auto parsed = parse(file.text, file.name);
    for (const auto& problem : parsed.problems) ADD_FAILURE() << problem.to_string();
    if (!parsed.mapping) throw std::runtime_error("a built-in mapping cannot be parsed");
    mappings.push_back(std::move(*parsed.mapping));
  }
  return mappings;
}

inline Mapping built_in_mapping(std::string_view name) {
  for (auto& mapping : built_in_mappings()) {
    if (mapping.name == name) return mapping;
  }
  throw std::runtime_error("no such built-in mapping");
}

}  // namespace tributary::mapping
