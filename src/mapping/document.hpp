#pragma once
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "mapping/mapping.hpp"

/// YAML as a tree whose every node knows its place. Internal to this module.
namespace tributary::mapping {

struct Node {
  enum class Kind { null, scalar, sequence, map };
  Kind kind = Kind::null;
  Position position;
  std::string text{};         ///< of a scalar
  std::vector<Node> keys{};   ///< of a map, in order, repeated ones too
  std::vector<Node> items{};  ///< elements of a sequence; values of a map, as many as keys

  bool is_scalar() const { return kind == Kind::scalar; }
  bool is_sequence() const { return kind == Kind::sequence; }
  bool is_map() const { return kind == Kind::map; }
};

/// One document, or the first thing in it that is no YAML, or is YAML that a mapping has no use for: a second document, an alias (a few of
/// them multiply into a tree that fills the memory), a tag, input larger than 256 KiB or nested deeper than 16.
std::variant<Node, Problem> read_document(std::string_view yaml, std::string_view file_name);

}  // namespace tributary::mapping
