#pragma once
#include <boost/json/object.hpp>

#include <string>
#include <string_view>

#include "base/secrets.hpp"
#include "directory/configuration.hpp"

/// What an override does to a configuration: decisions without I/O. All throw Error{invalid}, naming the key.
namespace tributary::directory {

namespace json = boost::json;

inline constexpr std::string_view kDestinations = "dbSync.externalDatabases";

/// JSON text of an object.
json::object parse_object(std::string_view text, std::string_view what);

/// `config` with the override merged in; what is new is checked and sealed, what is the same as before stays as it was stored. Of an override 1,000 keys are
/// taken at once; it, and the whole, have 256 KiB besides the databases.
json::object merged(json::object config, const json::object& override_keys, const Secrets& secrets, const postgres::Guard& guard);

/// `config` as its owner may see it: connection strings without passwords.
json::object redacted(json::object config, const Secrets& secrets);

/// Seals what the first key has not sealed. Returns whether there was something.
bool reseal_destinations(json::object& destinations, const Secrets& secrets);

}  // namespace tributary::directory
