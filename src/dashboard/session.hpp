#pragma once
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <map>
#include <optional>
#include <string>

#include "api/known_projects.hpp"
#include "dashboard/attempts.hpp"
#include "dashboard/context.hpp"
#include "dashboard/session_table.hpp"
#include "http/endpoint.hpp"

namespace tributary::dashboard {

/// Lets people in, and knows them again. All throw http::Error where they refuse, postgres::Error where the source fails.
///
/// Lifetime: `context` outlives it. Threads: one loop.
class Sessions {
 public:
  explicit Sessions(const Context& context)
      : context_(context), projects_([&context](Deadline deadline) { return context.api.connect(deadline); }) {}

  struct Begun {
    Session session;
    std::string token;  ///< for its cookie
  };
  /// By {"operator_key"}, or {"project_id", "admin_key"}.
  asio::awaitable<Begun> sign_in(const http::Request& request);
  /// Of a request's cookie. Where the source cannot be asked, as it was when it was asked a moment ago.
  asio::awaitable<Session> of(const http::RawRequest& request);
  /// Neither over nor ended nor its key revoked; where the source cannot tell that now, its time alone counts.
  asio::awaitable<bool> holds(const Session& session, Deadline deadline);
  /// That of a request's cookie, if any, is over, for whoever has that cookie and at every process.
  asio::awaitable<void> sign_out(const http::RawRequest& request);

  /// Whether there is such a project and branch.
  asio::awaitable<bool> exists(std::string project, std::string branch, Deadline deadline);

  /// Set-Cookie of a session; nullopt: that ends it.
  std::string cookie(const std::optional<Begun>& begun, const http::RawRequest& request) const;

 private:
  static constexpr std::size_t kMostSeen = 10'000;

  asio::awaitable<std::optional<Session>> check_key(const http::json::object& body, Deadline deadline);
  asio::awaitable<Begun> begin(Session session, Deadline deadline);
  asio::awaitable<std::optional<Session>> find(std::string id, Deadline deadline);
  std::optional<Session> seen(const std::string& id, std::chrono::milliseconds within) const;
  asio::awaitable<bool> has_valid_key(const Session& session, Deadline deadline);

  const Context& context_;
  api::KnownProjects projects_;
  Attempts attempts_;
  struct Seen {
    Session session;
    std::chrono::steady_clock::time_point at;
  };
  std::map<std::string, Seen> seen_;  ///< by id: alive when the source was asked last. Bounded, as it can be asked again
};

/// Throws http::Error where a request that changes something is not from our own page: it has our header, which no other site's form can set, and
/// the browser does not say that another site asks.
void need_own_page(const http::RawRequest& request);

}  // namespace tributary::dashboard
