#pragma once
#include <chrono>
#include <cstdint>

namespace tributary {

/// Exponential backoff with jitter, as a pure function: the caller brings the randomness.
/// The n-th failure waits between half and the whole of `first` * 2^(n-1), at most `longest` ("equal jitter" of the AWS
/// architecture blog: never so short that a broken peer is hammered, never in step with others).
struct Backoff {
  std::chrono::milliseconds first{500};
  std::chrono::milliseconds longest{300'000};

  /// `failures`: how often in a row, from 1. `random`: uniform in [0, 1).
  std::chrono::milliseconds delay(int failures, double random) const {
    auto whole = first;
    for (int i = 1; i < failures && whole < longest; ++i) whole *= 2;
    if (whole > longest) whole = longest;
    const auto half = whole / 2;
    return half + std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>((whole - half).count()) * random));
  }
};

}  // namespace tributary
