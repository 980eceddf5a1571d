#pragma once
#include <boost/asio/awaitable.hpp>

#include "base/deadline.hpp"
#include "directory/error.hpp"
#include "directory/values.hpp"
#include "postgres/connection.hpp"

/// Contact channels: the addresses of a user, at most one of a type primary, and of all those of a tenancy with the same value at most one used for
/// authentication. Every operation is one transaction; it throws Error where it refuses, postgres::Error where the database fails.
namespace tributary::directory {

namespace asio = boost::asio;

struct ContactChannel {
  Uuid user;
  Uuid id;
  std::string type;  ///< "email": there is no other yet
  std::string value;
  bool is_primary = false;
  bool is_verified = false;
  bool used_for_auth = false;
  Timestamp created_at;
};

struct ContactChannelFields {
  Change<std::string> value;
  Change<bool> is_primary;  ///< true: no other one of the user's is any more
  Change<bool> is_verified;  ///< where nothing is said of it, another value is not verified
  Change<bool> used_for_auth;
};

/// REQUIRES: a value.
asio::awaitable<ContactChannel> create_contact_channel(postgres::Connection& connection, Tenancy tenancy, Uuid user,
                                                       ContactChannelFields fields, Deadline deadline);
asio::awaitable<ContactChannel> read_contact_channel(postgres::Connection& connection, Tenancy tenancy, Uuid user, Uuid channel,
                                                     Deadline deadline);
asio::awaitable<ContactChannel> update_contact_channel(postgres::Connection& connection, Tenancy tenancy, Uuid user, Uuid channel,
                                                       ContactChannelFields fields, Deadline deadline);
/// Of the primary one: the user has no primary e-mail any more.
asio::awaitable<void> delete_contact_channel(postgres::Connection& connection, Tenancy tenancy, Uuid user, Uuid channel,
                                             Deadline deadline);
/// Oldest first, of one user or all.
asio::awaitable<Page<ContactChannel>> list_contact_channels(postgres::Connection& connection, Tenancy tenancy,
                                                            std::optional<Uuid> user, PageRequest page, Deadline deadline);

}  // namespace tributary::directory
