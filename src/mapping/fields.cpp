#include "mapping/fields.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

namespace tributary::mapping {

std::vector<Problem> Report::take() {
  std::ranges::sort(problems_, {},
                    [](const Problem& problem) { return std::tie(problem.line, problem.column, problem.message); });
  return std::move(problems_);
}

Fields::Fields(Report& report, const Node& node, std::string what, std::initializer_list<std::string_view> known)
    : report_(report), node_(node), what_(std::move(what)) {
  if (!node.is_map()) {
    problem(node.position, fmt::format("must be a map of {}", fmt::join(known, ", ")));
    return;
  }
  for (auto key = node.keys.begin(); key != node.keys.end(); ++key) {
    if (!key->is_scalar() || std::ranges::find(known, key->text) == known.end()) {
      problem(key->position, fmt::format("unknown key \"{}\"; one of {}", key->text, fmt::join(known, ", ")));
    } else if (std::find_if(node.keys.begin(), key, [&](const Node& earlier) { return earlier.text == key->text; }) != key) {
      problem(key->position, fmt::format("\"{}\" stands here a second time", key->text));
    }
  }
}

const Node* Fields::find(std::string_view key) const {
  const auto found = std::ranges::find(node_.keys, key, &Node::text);
  return found == node_.keys.end() ? nullptr : &node_.items[static_cast<std::size_t>(found - node_.keys.begin())];
}

const Node* Fields::require(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr && is_map()) problem(node_.position, fmt::format("\"{}\" is missing", key));
  return node;
}

std::optional<Located> Fields::scalar(const Node& node, std::string_view key) {
  if (!node.is_scalar() || node.text.empty()) {
    problem(node.position, fmt::format("\"{}\" must be a text that is not empty", key));
    return std::nullopt;
  }
  if (node.text.find('\0') != std::string::npos) {
    problem(node.position, fmt::format("\"{}\" holds a NUL character", key));
    return std::nullopt;
  }
  return Located{node.text, node.position};
}

std::optional<Located> Fields::text(std::string_view key) {
  const auto* node = find(key);
  return node == nullptr ? std::nullopt : scalar(*node, key);
}

std::optional<Located> Fields::required_text(std::string_view key) { return require(key) == nullptr ? std::nullopt : text(key); }

bool Fields::check_identifier(const Located& text, std::string_view key) {
  constexpr std::size_t kLongestName = 63;
  if (text.text.size() <= kLongestName) return true;
  problem(text.position, fmt::format("\"{}\" is longer than the {} bytes of a name in PostgreSQL", key, kLongestName));
  return false;
}

std::optional<Located> Fields::identifier(std::string_view key) {
  auto name = text(key);
  if (name && !check_identifier(*name, key)) return std::nullopt;
  return name;
}

std::optional<Located> Fields::required_identifier(std::string_view key) {
  return require(key) == nullptr ? std::nullopt : identifier(key);
}

bool Fields::flag(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return false;
  if (!node->is_scalar() || (node->text != "true" && node->text != "false")) {
    problem(node->position, fmt::format("\"{}\" must be true or false", key));
    return false;
  }
  return node->text == "true";
}

std::vector<Located> Fields::texts(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return {};
  if (!node->is_sequence() || node->items.empty()) {
    problem(node->position, fmt::format("\"{}\" must be a list that is not empty", key));
    return {};
  }
  std::vector<Located> result;
  for (const auto& item : node->items) {
    auto text = scalar(item, key);
    if (!text) continue;
    if (std::ranges::find(result, text->text, &Located::text) != result.end()) {
      problem(text->position, fmt::format("\"{}\" names \"{}\" twice", key, text->text));
      continue;
    }
    result.push_back(std::move(*text));
  }
  return result;
}

std::vector<Located> Fields::required_identifiers(std::string_view key) {
  if (require(key) == nullptr) return {};
  auto names = texts(key);
  for (const auto& name : names) check_identifier(name, key);
  return names;
}

}  // namespace tributary::mapping
