#pragma once
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>

#include <string>

#include "http/message.hpp"

namespace tributary::http::detail {

namespace wire = boost::beast::http;

/// A request's id as its client named it where that is fit for a log, else a new one.
std::string request_id(const Headers& headers);

/// The fields of every answer: what the handler set, ids, CORS, how the browser may use it. Of the body's length and coding nothing.
void write_fields(const RawRequest& request, const Response& response, std::string_view allowed_origin, wire::fields& fields);

}  // namespace tributary::http::detail
