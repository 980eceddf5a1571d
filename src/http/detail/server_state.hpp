#pragma once
#include <list>
#include <map>
#include <string>
#include <utility>

#include "base/event.hpp"
#include "base/turnstile.hpp"
#include "http/server.hpp"

namespace tributary::http {

namespace detail {
class Connection;
}

/// What the connections of a server share. Belongs to its loop.
struct Server::State {
  State(asio::ip::tcp::acceptor listening, const Router& its_router, ServerParams its_params, telemetry::Metrics& its_metrics);

  /// Of answers at one path of the router ("/users/{id}"), so that there is a bounded number of them.
  struct RouteMetrics {
    telemetry::Counter* requests[6];  ///< by the first digit of the status
    telemetry::Histogram* duration;
  };
  const RouteMetrics& metrics_of(const std::string& method, const std::string& route);

  asio::ip::tcp::acceptor acceptor;
  const Router& router;
  const ServerParams params;
  telemetry::Metrics& metrics;
  telemetry::Gauge& open_gauge;
  Event place;      ///< there may be one for another connection; run() waits for it
  Event one_ended;  ///< a connection; drain() waits for it
  Turnstile large_bodies;
  bool draining = false;
  std::list<detail::Connection*> open;
  std::list<detail::Connection*> idle;  ///< between two requests; the one that has been so for longest is first

 private:
  std::map<std::pair<std::string, std::string>, RouteMetrics> route_metrics_;
};

}  // namespace tributary::http
