#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "api/context.hpp"
#include "http/schema.hpp"

namespace tributary::api {

/// Who is told: an operator, or those of one project, from whom the shared ClickHouse's errors are kept.
enum class Audience { operator_, project };

/// How the synchronisation stands: of one tenancy, or (nullopt) of all, with the progress of each destination. Throws postgres::Error of the source.
asio::awaitable<boost::json::object> read_status(Context& context, std::optional<directory::Tenancy> tenancy, Audience audience,
                                                 Deadline deadline);

/// How far the destinations are, or only those with this id where it is not empty; no more than the first 200. The customers' databases are asked all at once, so
/// that one that is down costs no more than its own time to connect. What one that is not reached has is null. Throws postgres::Error of the source.
asio::awaitable<boost::json::array> read_progress(Context& context, std::optional<directory::Tenancy> tenancy, std::string id,
                                                  Audience audience, Deadline deadline);

/// One row: changes of a mapping's that a destination has to get (bigint), highest sequence id of its rows (bigint or NULL). $1 uuid: the tenancy, $2 bigint: the
/// destination's watermark, $3 text: the table's name in "DeletedRow".
std::string backlog_sql(const mapping::Mapping& mapping);

http::Schema status_schema();

}  // namespace tributary::api
