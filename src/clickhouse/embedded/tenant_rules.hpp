#pragma once
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/embedded/engine.hpp"

namespace tributary::clickhouse::embedded {

/// Which statements of tenants reach the engine's tables at all: one SELECT, of known views, with functions that compute from their arguments. What is not
/// on a list is refused. This stands before the engine's own grants and row policies and before the kernel's confinement, not in their place.
///
/// Lifetime: none. Threads: const after load(), any.
class TenantRules {
 public:
  /// Asks the engine for its functions and for the views of `default`. Throws std::runtime_error where it does not say.
  static TenantRules load(Session& session);

  /// `statement` without its FORMAT clause, of what tenant_statement() returned. Parses it in `session`, which has its
  /// parameters set and is readonly. nullopt: it may run.
  std::optional<EngineError> check(Session& session, std::string_view statement, std::string_view format) const;

  /// The same for the lines of EXPLAIN AST. nullopt: allowed, else why not.
  std::optional<std::string> check_tree(std::string_view tree) const;

 private:
  struct Node;
  bool may_call(std::string_view function) const;
  std::optional<std::string> check_table(std::string_view name) const;
  std::optional<std::string> check_node(const Node& node, const std::vector<Node>& path) const;

  std::set<std::string, std::less<>> functions_;
  std::set<std::string, std::less<>> any_case_functions_;  ///< in lower case
  std::set<std::string, std::less<>> combinators_;
  std::set<std::string, std::less<>> aggregates_;
  std::set<std::string, std::less<>> views_;
};

}  // namespace tributary::clickhouse::embedded
