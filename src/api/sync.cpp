#include "api/api.hpp"
#include "api/errors.hpp"
#include "api/shapes.hpp"
#include "api/status.hpp"
#include "directory/projects.hpp"
#include "queue/health.hpp"

namespace tributary::api {
namespace {

using namespace std::chrono_literals;
using http::Access;
using http::Method;
using http::optional;
using http::Request;
using http::required;
using http::Response;

constexpr auto kDefaultDuration = 10'000ms;
constexpr auto kLongestDuration = 600'000ms;
constexpr int kLongestCursor = 4'000;  ///< a tenancy and a destination's id; a whole URL fits into a request's header
constexpr auto kToFinish = 3s;  ///< what is left of a request's time for what is under way when a stage is to end

std::vector<Field> duration_query() {
  return {optional("maxDurationMs", Schema::integer(0, kLongestDuration.count()).described("For how long it runs"))};
}

std::chrono::milliseconds duration_of(const Request& request) {
  const auto* given = request.query.if_contains("maxDurationMs");
  const auto wanted = given != nullptr ? std::chrono::milliseconds(given->to_number<std::int64_t>()) : kDefaultDuration;
  const auto left = request.deadline.is_never()
                        ? wanted
                        : std::chrono::duration_cast<std::chrono::milliseconds>(request.deadline.remaining() - kToFinish);
  return std::clamp(left, std::chrono::milliseconds(0), wanted);
}

Schema fusebox_schema() {
  return Schema::object("Fusebox",
                        {required("sequencer_enabled", Schema::boolean()), required("poller_enabled", Schema::boolean())});
}

asio::awaitable<Response> read_fusebox(Context& context, Deadline deadline) {
  auto connection = co_await context.connect(deadline);
  const auto fusebox = co_await queue::read_fusebox(*connection, deadline);
  co_return Response::of(json::object{{"sequencer_enabled", fusebox.sequencer}, {"poller_enabled", fusebox.poller}});
}

asio::awaitable<Response> write_fusebox(Context& context, const Request& request) {
  const auto& body = request.body.as_object();
  {
    auto connection = co_await context.connect(request.deadline);
    co_await queue::write_fusebox(*connection, flag_field(body, "sequencer_enabled"), flag_field(body, "poller_enabled"),
                                  request.deadline);
  }
  co_return co_await read_fusebox(context, request.deadline);
}

DestinationPage page_of_destinations(const json::object& query) {
  const auto* given = query.if_contains("limit");
  const auto limit = given != nullptr ? given->to_number<std::int64_t>() : DestinationPage::kMost;
  const auto cursor = text_field(query, "cursor");
  if (!cursor) return {.after = std::nullopt, .limit = limit};
  auto page = DestinationPage::behind(*cursor, limit);
  if (!page) refuse_cursor();
  return *page;
}

asio::awaitable<Response> status(Context& context, const Request& request) {
  const bool all = text_field(request.query, "scope") == "all";
  if (all && request.identity.project != directory::kInternalProject)
    throw http::Error(kExpectedInternalProject, "scope=all is for administrators of the project \"internal\".");
  const auto whose = all ? std::nullopt : std::optional(tenancy_of(request));
  co_return Response::of(co_await read_status(context, whose, all ? Audience::operator_ : Audience::project, request.deadline,
                                              page_of_destinations(request.query)));
}

void add_stages(http::Router& router, Context& context, const std::string& group) {
  const auto ok = Schema::boolean();
  add(router, {.path = "/internal/external-db-sync/sequencer",
               .access = Access::cron,
               .group = group,
               .summary = "Give changes their order now, for installations that drive this from outside",
               .query = duration_query(),
               .answer = Schema::object({required("ok", ok), required("iterations", Schema::integer())}),
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 const auto iterations = co_await context.sync.sequence(duration_of(request));
                 co_return Response::of(json::object{{"ok", true}, {"iterations", iterations}});
               },
               .timeout = kLongestDuration + kToFinish});
  add(router, {.path = "/internal/external-db-sync/poller",
               .access = Access::cron,
               .group = group,
               .summary = "Sync queued tenancies now, for installations that drive this from outside",
               .query = duration_query(),
               .answer = Schema::object({required("ok", ok), required("requests_processed", Schema::integer())}),
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 const auto processed = co_await context.sync.poll(duration_of(request));
                 co_return Response::of(json::object{{"ok", true}, {"requests_processed", processed}});
               },
               .timeout = kLongestDuration + kToFinish});
  add(router, {.method = Method::post,
               .path = "/internal/external-db-sync/sync-engine",
               .access = Access::cron,
               .group = group,
               .summary = "Sync one tenancy now; one that is not there any more is done with",
               .body = Schema::object("SyncTenancy", {required("tenancyId", Schema::uuid())}),
               .answer = success_schema(),
               .handle = [&context](const Request& request) -> asio::awaitable<Response> {
                 co_await context.sync.sync(uuid_field(request.body.as_object(), "tenancyId").value(), request.deadline);
                 co_return success();
               }});
}

}  // namespace

void add_sync(http::Router& router, Context& context) {
  const std::string group = "Synchronisation";
  const std::string fusebox = "/internal/external-db-sync/fusebox";
  add_stages(router, context, group);
  add(router, {.path = fusebox,
               .access = Access::cron,
               .group = group,
               .summary = "Whether sequencer and poller are switched on, for everybody",
               .answer = fusebox_schema(),
               .handle = [&context](const Request& request) { return read_fusebox(context, request.deadline); }});
  add(router, {.method = Method::post,
               .path = fusebox,
               .access = Access::cron,
               .group = group,
               .summary = "Switch sequencer or poller on or off, for everybody",
               .body = fusebox_schema().partial("FuseboxUpdate"),
               .answer = fusebox_schema(),
               .handle = [&context](const Request& request) { return write_fusebox(context, request); }});
  add(router,
      {.path = "/internal/external-db-sync/status",
       .access = Access::admin,
       .group = group,
       .summary = "How the synchronisation of the project stands, each destination of a page asked; scope=all: of every project",
       .query = {optional("scope", Schema::one_of({"tenancy", "all"})),
                 optional("cursor",
                          Schema::string(1, kLongestCursor).described("next_cursor of the page of destinations before")),
                 optional("limit", Schema::integer(1, DestinationPage::kMost).described("Destinations at most"))},
       .answer = status_schema(),
       .errors = {kExpectedInternalProject},
       .handle = [&context](const Request& request) { return status(context, request); },
       .ends_with_client = true});
}

}  // namespace tributary::api
