#include <boost/json.hpp>

#include "dashboard/errors.hpp"
#include "dashboard/parts.hpp"

/// The overview, once and as it changes.
namespace tributary::dashboard {
namespace {

using namespace std::chrono_literals;
using http::Access;
using http::Request;
using http::Response;

constexpr auto kHeartbeat = 15s;  ///< so that a connection that nothing is sent over is not taken for dead
constexpr auto kPatience = 2s;    ///< with the source, when it is asked whether a key is still valid

/// Until the session ends, the client goes, or the server stops.
asio::awaitable<void> tell(Dashboard::Parts& parts, Session session, std::shared_ptr<Quota::Place> /*counts*/,
                           http::Writer& writer) {
  const auto project = session.is_operator() ? std::nullopt : std::optional(session.project);
  const auto listener = parts.sampler.listen(project);
  co_await writer.write("retry: 1000\n\n");
  co_await writer.write(co_await parts.sampler.events(project));
  while (!writer.stop().stop_requested()) {
    const bool is_fresh = co_await listener->fresh.wait(Deadline::after(kHeartbeat), writer.stop());
    if (!co_await parts.sessions.holds(session, Deadline::after(kPatience))) {
      co_await writer.write(
          to_event("ended", {{"code", kSessionExpired.code}, {"error", "Your session is over. Sign in again to go on."}}));
      co_return;
    }
    const auto events = listener->events;
    co_await writer.write(is_fresh ? std::string_view(*events) : ":\n\n");
  }
}

}  // namespace

void add_overview(http::Router& router, Dashboard::Parts& parts) {
  router.add(
      {.path = "/overview", .access = Access::admin, .handle = [&parts](const Request& request) -> asio::awaitable<Response> {
         co_return Response::of(co_await parts.sampler.overview(project_of(request.identity), request.deadline));
       }});
  router.add({.path = "/history", .access = Access::operator_, .handle = [&parts](const Request&) -> asio::awaitable<Response> {
                co_return Response::of(parts.sampler.rates().history());
              }});
  router.add(
      {.path = "/events", .access = Access::admin, .handle = [&parts](const Request& request) -> asio::awaitable<Response> {
         auto session = co_await parts.sessions.of(request.raw);
         auto place = parts.streams.enter(session.key);
         if (!place) throw http::Error(http::kBusy, "Too many pages are open with this key; close some of them.");
         const auto kept = std::make_shared<Quota::Place>(std::move(*place));
         auto response = Response::of_stream(
             "text/event-stream",
             [&parts, session = std::move(session), kept](http::Writer& writer) { return tell(parts, session, kept, writer); });
         response.headers.add("x-accel-buffering", "no");  // as a proxy would hold them back
         co_return response;
       }});
}

}  // namespace tributary::dashboard
