#pragma once
#include <boost/json/object.hpp>

#include "http/router.hpp"

namespace tributary::http {

/// The OpenAPI 3.1 document of what a router has at this moment. Throws std::invalid_argument where two schemas of one name differ.
json::object openapi(const Router& router);

/// Adds the document as `/openapi.json` of the API, and its page as `/docs`. Call last: it shows what was added before.
void add_documentation(Router& router);

}  // namespace tributary::http
