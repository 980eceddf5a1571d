#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tributary::bench {

/// What keep-alive clients saw that each send their next request when they have the answer to the last one.
struct HttpLoad {
  double per_second = 0;
  std::vector<double> milliseconds;  ///< of each request
};

/// Runs `connections` clients for so long against a port of this machine, all on one thread. `request` makes the bytes of the n-th request. Throws
/// std::runtime_error at an answer of 300 or above.
HttpLoad load_http(std::uint16_t port, int connections, std::chrono::milliseconds time,
                   const std::function<std::string(std::size_t n)>& request);

/// A GET without a body.
std::string get_request(const std::string& target);

}  // namespace tributary::bench
