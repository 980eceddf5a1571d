#include <boost/json.hpp>

#include "api/shapes.hpp"
#include "dashboard/parts.hpp"
#include "source/check.hpp"
#include "telemetry/log.hpp"

/// Sequencer, queue and the switches that stop them for everybody.
namespace tributary::dashboard {
namespace {

namespace json = boost::json;
using http::Access;
using http::Method;
using http::optional;
using http::Request;
using http::Response;
using http::Schema;

asio::awaitable<Response> show(Dashboard::Parts& parts, const Request& request) {
  const auto& context = parts.context;
  auto source = co_await context.api.connect(request.deadline);
  json::object system{{"fusebox", to_json(co_await queue::read_fusebox(*source, request.deadline))}};
  system["queue"] = to_json(co_await queue::counts(*source, request.deadline));
  system["sequencer"] = co_await parts.sampler.sequence().read(*source, request.deadline);
  system["installation_id"] = context.installation.id.to_string();
  system["version"] = context.version;
  system["schema_version"] = source::schema_version();
  system["is_drained"] = co_await queue::is_drained(*source, context.api.mappings, request.deadline);
  co_return Response::of(std::move(system));
}

asio::awaitable<Response> switch_fuses(Dashboard::Parts& parts, const Request& request) {
  const auto& body = request.body.as_object();
  auto source = co_await parts.context.api.connect(request.deadline);
  co_await queue::write_fusebox(*source, api::flag_field(body, "sequencer_enabled"), api::flag_field(body, "poller_enabled"),
                                request.deadline);
  const auto fusebox = co_await queue::read_fusebox(*source, request.deadline);
  telemetry::log(telemetry::Level::warning, "dashboard", "the fusebox was switched",
                 {{"by", name_of(request.identity)}, {"sequencer", fusebox.sequencer}, {"poller", fusebox.poller}});
  co_return Response::of(json::object{{"fusebox", to_json(fusebox)}});
}

}  // namespace

void add_system(http::Router& router, Dashboard::Parts& parts) {
  const auto flag = Schema::boolean();
  router.add({.path = "/system", .access = Access::operator_, .handle = [&parts](const Request& request) {
                return show(parts, request);
              }});
  router.add({.method = Method::post,
              .path = "/system/fusebox",
              .access = Access::operator_,
              .body = Schema::object({optional("sequencer_enabled", flag), optional("poller_enabled", flag)}),
              .handle = [&parts](const Request& request) { return switch_fuses(parts, request); }});
}

}  // namespace tributary::dashboard
