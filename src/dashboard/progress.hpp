#pragma once
#include <boost/json/array.hpp>

#include "dashboard/entries.hpp"

namespace tributary::dashboard {

/// How far a destination is with each mapping (docs/dashboard.md). `databases`: what api::read_progress() gave; the shared ClickHouse is asked here. Its own words
/// are for operators. Throws postgres::Error of the source.
asio::awaitable<boost::json::object> describe_progress(const Context& context, postgres::Connection& source, const Entry& entry,
                                                       const boost::json::array& databases, bool to_operator, Deadline deadline);

}  // namespace tributary::dashboard
