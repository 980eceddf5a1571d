#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "destination/destination.hpp"
#include "queue/queue.hpp"
#include "telemetry/trace.hpp"

/// What a trace tells of a tenancy's sync. Nothing is computed for a span that is not recorded.
namespace tributary::sync {

inline constexpr std::string_view kFetchSpan = "external-db-sync.sync-engine.fetch";
inline constexpr std::string_view kApplySpan = "external-db-sync.sync-engine.apply";

/// Changes of some mappings: how many, and of which sequence ids.
struct Extent {
  std::string mappings;  ///< their names, separated by commas
  std::size_t rows = 0;
  std::size_t bytes = 0;
  std::int64_t after = -1;  ///< the lowest; ids above it …
  std::int64_t through = -1;  ///< … up to the highest are among them

  void add(const destination::Changes& changes);
};

void describe_fetch(telemetry::Span& span, const Extent& extent);
/// What became of changes at a destination.
void describe_apply(telemetry::Span& span, mapping::DestinationKind kind, std::string_view destination, const Extent& extent,
                    const destination::Outcome& outcome);

}  // namespace tributary::sync
