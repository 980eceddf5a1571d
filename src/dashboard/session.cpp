#include "dashboard/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/json.hpp>

#include "api/shapes.hpp"
#include "base/secrets.hpp"
#include "dashboard/errors.hpp"
#include "telemetry/log.hpp"

namespace tributary::dashboard {
namespace {

namespace json = boost::json;
using directory::KeyKind;
using std::chrono::milliseconds;
using telemetry::Level;

constexpr std::string_view kCookie = "tributary_session";
constexpr std::size_t kTokenBytes = 32;
constexpr milliseconds kAskAgainAfter{1'000};
constexpr milliseconds kLongestOutage{600'000};  ///< in which somebody stays signed in without the source being asked

std::string hex(std::string_view bytes) {
  std::string text;
  for (const unsigned char byte : bytes) fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  return text;
}

std::string hash_of(std::string_view key) {
  const auto hash = sha256(key);
  return hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

/// Whose attempts are counted together. Whoever has one IPv6 address has all of its /64.
std::string place_of(const std::string& client) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(client, error);
  if (error || !address.is_v6() || address.to_v6().is_v4_mapped()) return client;
  return asio::ip::make_network_v6(address.to_v6(), 64).canonical().to_string();
}

std::chrono::sys_time<milliseconds> now() { return std::chrono::time_point_cast<milliseconds>(std::chrono::system_clock::now()); }

std::string_view cookie_of(const http::Headers& headers) { return http::cookie_named(kCookie, headers.get("cookie")); }

bool has_key(const directory::Credentials& credentials, const std::string& key) {
  return std::ranges::any_of(credentials.hashes, [&](const auto& known) {
    return known.kind == KeyKind::admin && equal_in_constant_time(hex(known.hash), key);
  });
}

}  // namespace

asio::awaitable<Sessions::Begun> Sessions::sign_in(const http::Request& request) {
  const auto& client = request.raw.client;
  const auto place = place_of(client);
  const auto clock = std::chrono::steady_clock::now();
  if (const auto wait = attempts_.wait(place, clock); wait.count() > 0) {
    throw http::Error(
        kTooManyAttempts,
        fmt::format("Too many keys were wrong. Try again in {} s.", std::chrono::ceil<std::chrono::seconds>(wait).count()),
        {{"retry_in_ms", wait.count()}});
  }
  attempts_.note_wrong(place, clock);  // until it was right, or many could be tried at once
  std::optional<Session> session;
  try {
    session = co_await check_key(request.body.as_object(), request.deadline);
  } catch (...) {
    attempts_.take_back(place);  // nobody can tell that it was wrong
    throw;
  }
  if (!session) {
    telemetry::log(Level::warning, "dashboard", "a sign-in was refused", {{"client", client}});
    throw http::Error(kWrongKey, "This key is not valid. Is it the right one, and the project's id, too?");
  }
  attempts_.take_back(place);
  auto begun = co_await begin(std::move(*session), request.deadline);
  telemetry::log(Level::info, "dashboard", "somebody signed in",
                 {{"client", client}, {"operator", begun.session.is_operator()}, {"project", begun.session.project}});
  co_return begun;
}

asio::awaitable<Sessions::Begun> Sessions::begin(Session session, Deadline deadline) {
  auto token = random_hex(kTokenBytes);
  session.id = hash_of(token);
  auto source = co_await context_.api.connect(deadline);
  co_await insert_session(*source, session, context_.session_lifetime, deadline);
  co_return Begun{.session = std::move(session), .token = std::move(token)};
}

/// nullopt: there is no such key.
asio::awaitable<std::optional<Session>> Sessions::check_key(const json::object& body, Deadline deadline) {
  const auto operator_key = api::text_field(body, "operator_key");
  const auto project = api::text_field(body, "project_id");
  const auto admin_key = api::text_field(body, "admin_key");
  if (operator_key.has_value() == project.has_value() || project.has_value() != admin_key.has_value())
    throw http::Error(http::kSchemaError, "Give either operator_key, or project_id and admin_key.");
  Session session;
  if (operator_key) {
    session.access = http::Access::operator_;
    session.key = hash_of(*operator_key);
  } else {
    if (*project == directory::kInternalProject) session.access = http::Access::operator_;
    session.project = *project;
    session.key = hash_of(*admin_key);
  }
  if (!co_await has_valid_key(session, deadline)) co_return std::nullopt;
  co_return session;
}

asio::awaitable<bool> Sessions::has_valid_key(const Session& session, Deadline deadline) {
  if (session.project.empty()) {
    const auto& key = context_.api.operator_key;
    co_return session.is_operator() && !key.empty() && equal_in_constant_time(hash_of(key), session.key);
  }
  const auto credentials = co_await projects_.find(session.project, "main", deadline);
  const bool holds = credentials && has_key(*credentials, session.key);
  co_return holds;
}

/// Pages ask every second, each of them: the source is asked once. While it does not answer, whoever was signed in a moment ago remains so; not while it is only busy, which
/// somebody may be for that very reason.
asio::awaitable<std::optional<Session>> Sessions::find(std::string id, Deadline deadline) {
  if (auto session = seen(id, kAskAgainAfter)) co_return session;
  try {
    auto source = co_await context_.api.connect(deadline);
    auto session = co_await find_session(*source, id, deadline);
    seen_.erase(id);
    if (session) {
      if (seen_.size() >= kMostSeen) seen_.clear();
      seen_.emplace(std::move(id), Seen{*session, std::chrono::steady_clock::now()});
    }
    co_return session;
  } catch (const postgres::Error&) {
    auto session = seen(id, kLongestOutage);
    if (!session) throw;
    co_return session;
  }
}

std::optional<Session> Sessions::seen(const std::string& id, milliseconds within) const {
  const auto found = seen_.find(id);
  if (found == seen_.end() || std::chrono::steady_clock::now() - found->second.at > within || now() >= found->second.session.ends)
    return std::nullopt;
  return found->second.session;
}

asio::awaitable<Session> Sessions::of(const http::RawRequest& request) {
  const auto token = cookie_of(request.headers);
  if (token.empty()) throw http::Error(kSessionRequired, "Sign in first.");
  auto session = co_await find(hash_of(token), request.deadline);
  if (!session || !co_await has_valid_key(*session, request.deadline))
    throw http::Error(kSessionExpired, "Your session is over. Sign in again to go on.");
  co_return std::move(*session);
}

asio::awaitable<bool> Sessions::holds(const Session& session, Deadline deadline) {
  try {
    co_return (co_await find(session.id, deadline)).has_value() && co_await has_valid_key(session, deadline);
  } catch (const postgres::Error&) {
    co_return now() < session.ends;
  } catch (const http::Error&) {  // too busy
    co_return now() < session.ends;
  }
}

asio::awaitable<void> Sessions::sign_out(const http::RawRequest& request) {
  const auto token = cookie_of(request.headers);
  if (token.empty()) co_return;
  const auto id = hash_of(token);
  auto source = co_await context_.api.connect(request.deadline);
  co_await delete_session(*source, id, request.deadline);
  seen_.erase(id);
}

asio::awaitable<bool> Sessions::exists(std::string project, std::string branch, Deadline deadline) {
  const auto credentials = co_await projects_.find(std::move(project), std::move(branch), deadline);
  co_return credentials.has_value();
}

std::string Sessions::cookie(const std::optional<Begun>& begun, const http::RawRequest& request) const {
  const bool is_secure = request.headers.get("x-forwarded-proto") == "https";
  const auto left = begun ? std::chrono::duration_cast<std::chrono::seconds>(context_.session_lifetime).count() : 0;
  return fmt::format("{}={}; Path=/dashboard; Max-Age={}; HttpOnly; SameSite=Strict{}", kCookie, begun ? begun->token : "", left,
                     is_secure ? "; Secure" : "");
}

void need_own_page(const http::RawRequest& request) {
  const auto& headers = request.headers;
  const auto site = headers.get("sec-fetch-site");  // sent to https and to this machine only
  const auto origin = headers.get("origin");
  const auto host = headers.get("host");
  const bool is_own_origin =
      origin.empty() || (origin.ends_with(host) && origin.substr(0, origin.size() - host.size()).ends_with("://"));
  const bool is_own = site.empty() ? is_own_origin : site == "same-origin";
  if (headers.get("x-tributary-dashboard") != "1" || !is_own)
    throw http::Error(kCrossSite, "Only the dashboard's own page may ask for this.");
}

}  // namespace tributary::dashboard
