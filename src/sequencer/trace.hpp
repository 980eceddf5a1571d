#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "sequencer/client.hpp"
#include "telemetry/trace.hpp"

/// What a trace tells of a sequencing transaction, under the names that Stack Auth's own sequencer gives it.
namespace tributary::sequencer {

struct Iteration {
  std::uint64_t number = 0;             ///< of this process
  std::span<const std::string> tables;  ///< sequenced_tables()
};

/// `span` is of the transaction; one that gave no ids is nothing to tell of. A table that it gave ids in has a span of its own, as long as the one statement that
/// numbers all.
void describe(telemetry::Span& span, const Iteration& iteration, const Batch& batch, const Sequenced& result);

}  // namespace tributary::sequencer
