#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "api/context.hpp"
#include "source/migrate.hpp"
#include "telemetry/metrics.hpp"

namespace tributary::dashboard {

namespace asio = boost::asio;

/// What the dashboard of one event loop works with.
struct Context {
  api::Context& api;
  telemetry::Metrics& metrics;
  std::chrono::milliseconds session_lifetime{std::chrono::hours(8)};
  bool applies_here = false;  ///< this process brings rows to destinations, so that its metrics tell of that
  source::Installation installation;
  std::string version;
};

/// Whose rows may be seen: of these tenancies; nullopt: of all.
using Scope = std::optional<std::vector<Uuid>>;

}  // namespace tributary::dashboard
