#pragma once
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <string>
#include <vector>

namespace tributary::test {

/// Where `value` does not match a JSON schema of an OpenAPI document, written apart from the code under test. Throws std::runtime_error at a keyword that
/// it does not know, so that nothing passes unlooked at.
std::vector<std::string> schema_mistakes(const boost::json::value& schema, const boost::json::value& value,
                                         const boost::json::object& document);

/// The schema that a `$ref` stands for; any other is itself.
const boost::json::object& resolved(const boost::json::value& schema, const boost::json::object& document);

}  // namespace tributary::test
