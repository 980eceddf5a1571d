#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "api/context.hpp"
#include "http/schema.hpp"

namespace tributary::api {

/// How the synchronisation stands: of one tenancy, or (nullopt) of all, with the progress of each destination. Throws postgres::Error of the source.
asio::awaitable<boost::json::object> read_status(Context& context, std::optional<directory::Tenancy> tenancy, Deadline deadline);

/// How far the customers' databases are, or only the one with this id where it is not empty. They are asked, all at once, so that one that is down costs no more
/// than its own time to connect. Throws postgres::Error of the source.
asio::awaitable<boost::json::array> read_progress(Context& context, std::optional<directory::Tenancy> tenancy, std::string id,
                                                  Deadline deadline);

/// One row: changes of a mapping's that a destination has to get (bigint), highest sequence id of its rows (bigint or NULL). $1 uuid: the tenancy, $2 bigint: the
/// destination's watermark, $3 text: the table's name in "DeletedRow".
std::string backlog_sql(const mapping::Mapping& mapping);

http::Schema status_schema();

}  // namespace tributary::api
