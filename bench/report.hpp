#pragma once
#include <span>
#include <string>

#include "bench.hpp"

namespace tributary::bench {

/// One result as a sentence. In a quick run goals are named but not judged.
std::string line(const Result& result, bool quick);
/// All of them, one a line, under a heading.
std::string to_table(std::span<const Result> results, bool quick);
std::string to_json(std::span<const Result> results, bool quick);

}  // namespace tributary::bench
