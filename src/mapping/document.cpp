#include "mapping/document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <utility>

namespace tributary::mapping {
namespace {

constexpr std::size_t kLargest = 256 * 1024;
constexpr std::size_t kDeepest = 16;

Position position_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

/// Ends the parser's run; never leaves this file.
struct Refused {
  Position at;
  std::string message;
};

/// Builds the tree from the parser's events, so that what is refused is refused before it takes memory.
class Builder : public YAML::EventHandler {
 public:
  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { fail(mark, "aliases (*name) are not supported here"); }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { add({.kind = Node::Kind::null, .position = position_of(mark)}); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    refuse_tag(mark, tag);
    add({.kind = Node::Kind::scalar, .position = position_of(mark), .text = value});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(mark, Node::Kind::sequence);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open(mark, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  [[noreturn]] void fail(const YAML::Mark& mark, std::string message) const {
    throw Refused{position_of(mark), std::move(message)};
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    // "?" is a plain value, "!" a quoted one: what the parser says where the file gives no tag.
    if (!tag.empty() && tag != "?" && tag != "!") fail(mark, fmt::format("tags ({}) are not supported here", tag));
  }

  void open(const YAML::Mark& mark, Node::Kind kind) {
    if (open_.size() == kDeepest) fail(mark, fmt::format("nested deeper than {} levels", kDeepest));
    open_.push_back({.kind = kind, .position = position_of(mark)});
  }

  void close() {
    auto node = std::move(open_.back());
    open_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    auto& parent = open_.back();
    const bool is_key = parent.is_map() && parent.keys.size() == parent.items.size();
    // The parser places a value that is not there at whatever follows.
    if (node.kind == Node::Kind::null && parent.is_map() && !is_key) node.position = parent.keys.back().position;
    (is_key ? parent.keys : parent.items).push_back(std::move(node));
  }

  std::vector<Node> open_;  ///< from the root to the node that events belong to
  Node root_;
};

Node read(std::string_view yaml) {
  if (yaml.size() > kLargest) throw Refused{{1, 1}, fmt::format("larger than {} KiB", kLargest / 1024)};
  std::istringstream stream{std::string(yaml)};
  YAML::Parser parser(stream);
  Builder first;
  if (!parser.HandleNextDocument(first)) throw Refused{{1, 1}, "is empty"};
  Builder second;
  if (parser.HandleNextDocument(second))
    throw Refused{second.take_root().position, "a second document; a file holds one mapping"};
  return first.take_root();
}

}  // namespace

std::variant<Node, Problem> read_document(std::string_view yaml, std::string_view file_name) {
  const auto problem = [&](Position at, std::string message) {
    return Problem{std::string(file_name), at.line, at.column, std::move(message)};
  };
  try {
    return read(yaml);
  } catch (const Refused& refused) {
    return problem(refused.at, refused.message);
  } catch (const YAML::Exception& error) {
    return problem(position_of(error.mark), "is not YAML: " + error.msg);
  }
}

}  // namespace tributary::mapping
