#pragma once
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/endpoint.hpp"

namespace tributary::http::detail {

/// Segments of "/users/{id}": what stands between the slashes.
std::vector<std::string> segments_of(std::string_view path);
/// "id" of "{id}"; empty where it is a literal.
std::string_view parameter_name(std::string_view segment);

/// Which handlers there are at which path: a tree of segments.
class Routes {
 public:
  using Segments = std::span<const std::string>;

  /// What a path leads to.
  struct Found {
    const std::map<Method, const Endpoint*>* endpoints = nullptr;
    std::vector<std::string> parameters;  ///< in the order of the path
  };

  /// Throws std::invalid_argument where there is one already.
  void add(const Endpoint& endpoint);
  /// No endpoints: there is no such path.
  Found find(Segments segments) const;

 private:
  struct Node {
    std::map<std::string, Node, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    std::map<Method, const Endpoint*> endpoints;
  };
  static bool find(const Node& node, Segments rest, Found& found);

  Node root_;
};

}  // namespace tributary::http::detail
