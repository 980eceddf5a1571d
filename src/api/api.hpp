#pragma once
#include "api/context.hpp"
#include "http/router.hpp"

/// The REST API: endpoints over the directory, the synchronisation and the analytics.
namespace tributary::api {

/// Its endpoints for one event loop. `context` outlives it; `version`: of this program, for the document.
http::Router make_router(Context& context, std::string version);

/// Tells who calls: x-stack-project-id, x-stack-branch-id, x-stack-access-type and the key that goes with it, or a bearer token.
http::Authenticator make_authenticator(Context& context);

/// The same as router.add(), with what the directory refuses made an answer. That is no failure, which the router would log.
void add(http::Router& router, http::Endpoint endpoint);

void add_users(http::Router& router, Context& context);
void add_teams(http::Router& router, Context& context);
void add_memberships(http::Router& router, Context& context);
void add_contact_channels(http::Router& router, Context& context);
void add_projects(http::Router& router, Context& context);  ///< and their configuration
void add_sync(http::Router& router, Context& context);
void add_analytics(http::Router& router, Context& context);

}  // namespace tributary::api
