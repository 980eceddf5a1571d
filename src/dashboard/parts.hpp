#pragma once
#include "base/quota.hpp"
#include "dashboard/dashboard.hpp"
#include "dashboard/sampler.hpp"
#include "dashboard/session.hpp"
#include "http/endpoint.hpp"

namespace tributary::dashboard {

/// What the endpoints of one event loop share.
struct Dashboard::Parts {
  explicit Parts(Context given) : context(std::move(given)), sessions(context), sampler(context) {}

  const Context context;
  Sessions sessions;
  Sampler sampler;
  Quota streams{32, 512};  ///< of events, by key: each is a connection for hours
};

// Each adds endpoints.
void add_session(http::Router& router, Dashboard::Parts& parts);
void add_overview(http::Router& router, Dashboard::Parts& parts);  ///< and events
void add_destinations(http::Router& router, Dashboard::Parts& parts);
void add_tenancies(http::Router& router, Dashboard::Parts& parts);
void add_system(http::Router& router, Dashboard::Parts& parts);
void add_analytics(http::Router& router, Dashboard::Parts& parts);
void add_pages(http::Router& router);

/// Of whom a request may see something: nullopt where all.
std::optional<std::string> project_of(const http::Identity& identity);
/// The tenancies that a request may see. Throws postgres::Error.
asio::awaitable<Scope> scope_of(postgres::Connection& source, const http::Identity& identity, Deadline deadline);
/// For the log: who has done something.
std::string name_of(const http::Identity& identity);

}  // namespace tributary::dashboard
