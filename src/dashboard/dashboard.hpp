#pragma once
#include <memory>
#include <stop_token>

#include "dashboard/context.hpp"
#include "http/router.hpp"

/// The dashboard: pages for a browser, and what they ask (docs/dashboard.md).
namespace tributary::dashboard {

/// The dashboard of one event loop.
/// Lifetime: outlives the answers of the router that it was added to. Threads: one loop.
class Dashboard {
 public:
  explicit Dashboard(Context context);
  ~Dashboard();
  Dashboard(const Dashboard&) = delete;
  Dashboard& operator=(const Dashboard&) = delete;

  /// Its pages, and its API below /dashboard/api.
  void add_to(http::Router& router);
  /// Samples what is shown over time, until `stop`.
  asio::awaitable<void> run(std::stop_token stop);

  struct Parts;  ///< parts.hpp

 private:
  std::unique_ptr<Parts> parts_;
};

}  // namespace tributary::dashboard
