#pragma once
#include <boost/asio/awaitable.hpp>

#include "base/deadline.hpp"
#include "base/secrets.hpp"
#include "directory/error.hpp"
#include "postgres/connection.hpp"
#include "postgres/guard.hpp"

/// A project's configuration: an override of keys that may be dotted, of which Tributary knows `dbSync.externalDatabases`, the project's databases, and keeps
/// all others for whoever reads them. Connection strings must be what the guard allows a stranger's
/// to be, and are sealed where a key of the secrets is set (base/secrets.hpp).
/// Every operation is one transaction; it throws Error where it refuses (naming the key), postgres::Error where the database fails, SecretError.
namespace tributary::directory {

namespace asio = boost::asio;

/// A database of a project, as its configuration has it.
struct DestinationConfig {
  std::string connection_string;
  std::string branch = "main";
};

/// The override as JSON text, connection strings without their passwords.
asio::awaitable<std::string> read_configuration(postgres::Connection& connection, std::string project, Secrets secrets,
                                                Deadline deadline);
/// Merges an override, JSON text, into the project's: each key replaces what stood there and below, null removes it. A connection string as
/// read_configuration() shows it keeps its password.
asio::awaitable<void> update_configuration(postgres::Connection& connection, std::string project, std::string override_text,
                                           Secrets secrets, postgres::Guard guard, Deadline deadline);

/// false: there is one of this id, and it may not be replaced.
asio::awaitable<bool> put_destination(postgres::Connection& connection, std::string project, std::string id,
                                      DestinationConfig destination, bool replace, Secrets secrets, postgres::Guard guard,
                                      Deadline deadline);
/// false: there is none.
asio::awaitable<bool> remove_destination(postgres::Connection& connection, std::string project, std::string id,
                                         Deadline deadline);

/// Seals every connection string by the first key that is not yet. Returns of how many projects.
asio::awaitable<std::size_t> reseal(postgres::Connection& connection, Secrets secrets, Deadline deadline);

}  // namespace tributary::directory
