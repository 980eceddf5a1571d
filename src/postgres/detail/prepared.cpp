#include "postgres/detail/prepared.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tributary::postgres::detail {
namespace {

/// FNV-1a, whose value (unlike std::hash's) is the same in every build.
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace

std::string PreparedStatements::key(std::string_view sql, const Params& params) {
  std::string key(sql);
  const auto views = params.views();
  for (std::size_t i = 0; i < params.size(); ++i) key += fmt::format("\n${}:{}", i + 1, views.types[i]);
  return key;
}

const std::string* PreparedStatements::find(const std::string& key) const {
  const auto found = names_.find(key);
  return found == names_.end() ? nullptr : &found->second;
}

const std::string& PreparedStatements::insert(const std::string& key) {
  auto name = fmt::format("tributary_{:016x}", stable_hash(key));
  const auto is_taken = [&] {
    return std::any_of(names_.begin(), names_.end(), [&](const auto& entry) { return entry.second == name; });
  };
  while (is_taken()) name += '_';
  return names_.emplace(key, std::move(name)).first->second;
}

}  // namespace tributary::postgres::detail
