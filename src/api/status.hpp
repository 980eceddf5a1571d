#pragma once
#include <boost/json/object.hpp>

#include "api/context.hpp"
#include "http/schema.hpp"

namespace tributary::api {

/// How the synchronisation stands: of one tenancy, or (nullopt) of all. Each destination is asked, all at once, so that one that is down costs no more than its own
/// time to connect. Throws postgres::Error of the source.
asio::awaitable<boost::json::object> read_status(Context& context, std::optional<directory::Tenancy> tenancy, Deadline deadline);

http::Schema status_schema();

}  // namespace tributary::api
