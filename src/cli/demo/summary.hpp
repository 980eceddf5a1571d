#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cli/demo/clickhouse.hpp"
#include "cli/demo/verify.hpp"

namespace tributary::cli::demo {

/// What `demo --once` did and found.
struct Summary {
  using Seconds = std::chrono::duration<double>;
  std::size_t tenants = 0;
  std::size_t databases = 0;
  std::int64_t users = 0;
  std::uint64_t first_rows = 0;         ///< applied from the service's start until nothing was left
  Seconds first_time{0};
  std::uint64_t changes = 0;            ///< statements after that
  std::optional<std::chrono::nanoseconds> p50;
  std::optional<std::chrono::nanoseconds> p99;
  std::size_t probes = 0;
  bool drained = true;                  ///< false: waiting was given up
  Verification verification;
  Seconds verify_time{0};
  Seconds total_time{0};
  bool clickhouse = false;              ///< there is one, and it was compared too
  std::vector<Answered> answers;        ///< of it, to the largest tenant
  std::string problems;                 ///< what the service says of destinations that it cannot serve; empty: none

  bool good() const { return drained && verification.equal() && problems.empty(); }
};

std::string answers_text(const std::vector<Answered>& answers);
std::string to_text(const Summary& summary);
std::string to_json(const Summary& summary);

}  // namespace tributary::cli::demo
