#pragma once
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <optional>
#include <string>

#include "api/known_projects.hpp"
#include "dashboard/attempts.hpp"
#include "dashboard/context.hpp"
#include "http/endpoint.hpp"

namespace tributary::dashboard {

/// Somebody who has signed in. It is kept by the browser alone, sealed, and holds for as long as its key does.
struct Session {
  http::Access access = http::Access::admin;  ///< operator_, or admin of the project
  std::string project;  ///< whose key it was; empty: the operator's
  std::string key;      ///< the key's hash in hexadecimal digits
  std::chrono::sys_time<std::chrono::milliseconds> ends;

  bool is_operator() const { return access == http::Access::operator_; }
};

/// Lets people in, and knows them again. All throw http::Error where they refuse, postgres::Error where the source fails.
///
/// Lifetime: `context` outlives it. Threads: one loop.
class Sessions {
 public:
  explicit Sessions(const Context& context)
      : context_(context), projects_([&context](Deadline deadline) { return context.api.connect(deadline); }) {}

  /// By {"operator_key"}, or {"project_id", "admin_key"}.
  asio::awaitable<Session> sign_in(const http::Request& request);
  /// Of a request's cookie.
  asio::awaitable<Session> of(const http::RawRequest& request);
  /// Neither over nor its key revoked; where the source cannot tell that now, its time alone counts.
  asio::awaitable<bool> holds(const Session& session, Deadline deadline);

  /// Whether there is such a project and branch.
  asio::awaitable<bool> exists(std::string project, std::string branch, Deadline deadline);

  /// Set-Cookie of a session; nullopt: that ends it.
  std::string cookie(const std::optional<Session>& session, const http::RawRequest& request) const;

 private:
  asio::awaitable<std::optional<Session>> check_key(const http::json::object& body, Deadline deadline);
  asio::awaitable<bool> is_known(const Session& session, Deadline deadline);

  const Context& context_;
  api::KnownProjects projects_;
  Attempts attempts_;
};

/// Throws http::Error where a request that changes something is not from our own page: it has our header, which no other site's form can set, and
/// the browser does not say that another site asks.
void need_own_page(const http::RawRequest& request);

}  // namespace tributary::dashboard
