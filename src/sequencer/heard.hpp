#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"

namespace tributary::sequencer {

/// What notifications told since the last look: whose rows changed, and of which table where no other table's rows depend on it. It is a hint: whatever it
/// leaves out is found by the next look.
/// Payload: "<tenancy>", "<tenancy> <table>", or anything else, which names nobody; a tenancy or table that does not exist costs a batch that finds nothing.
class Heard {
 public:
  /// Tenancies of a shard. `table`: its place among the tables; nullopt: more than one, or any.
  struct Named {
    std::vector<Uuid> tenancies;
    std::optional<std::size_t> table;
  };

  /// `tables`: sequenced_tables().
  explicit Heard(std::vector<std::string> tables) : tables_(std::move(tables)) {}

  void add(std::string_view payload);
  /// Only a look finds all there is to do: somebody named nobody, or more tenancies were named than are kept.
  bool needs_look() const { return needs_look_; }
  /// What was named, by shard; forgets it.
  std::map<std::size_t, Named> take(int shards);
  void clear();

 private:
  static constexpr std::size_t kMost = 32;

  std::vector<std::string> tables_;
  std::map<Uuid, std::set<std::optional<std::size_t>>> tenancies_;  ///< with the tables that were named, nullopt for "any"
  bool needs_look_ = false;
};

}  // namespace tributary::sequencer
