#include "http/detail/routes.hpp"

#include <stdexcept>

namespace tributary::http::detail {

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

std::string_view parameter_name(std::string_view segment) {
  if (!segment.starts_with('{') || !segment.ends_with('}')) return {};
  return segment.substr(1, segment.size() - 2);
}

void Routes::add(const Endpoint& endpoint) {
  auto* node = &root_;
  for (const auto& segment : segments_of(endpoint.path)) {
    if (parameter_name(segment).empty()) {
      node = &node->literals[segment];
    } else {
      if (!node->parameter) node->parameter = std::make_unique<Node>();
      node = node->parameter.get();
    }
  }
  if (!node->endpoints.emplace(endpoint.method, &endpoint).second)
    throw std::invalid_argument(fmt::format("{} {} is declared twice", to_string(endpoint.method), endpoint.path));
}

Routes::Found Routes::find(Segments segments) const {
  Found found;
  find(root_, segments, found);
  return found;
}

bool Routes::find(const Node& node, Segments rest, Found& found) {
  if (rest.empty()) {
    if (node.endpoints.empty()) return false;
    found.endpoints = &node.endpoints;
    return true;
  }
  const auto literal = node.literals.find(rest.front());
  if (literal != node.literals.end() && find(literal->second, rest.subspan(1), found)) return true;
  if (!node.parameter || rest.front().empty()) return false;
  found.parameters.push_back(rest.front());
  if (find(*node.parameter, rest.subspan(1), found)) return true;
  found.parameters.pop_back();
  return false;
}

}  // namespace tributary::http::detail
