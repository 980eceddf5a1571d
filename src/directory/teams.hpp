#pragma once
#include <boost/asio/awaitable.hpp>

#include "base/deadline.hpp"
#include "directory/error.hpp"
#include "directory/values.hpp"
#include "postgres/connection.hpp"

/// Teams. Every operation is one transaction; it throws Error where it refuses, postgres::Error where the database fails.
namespace tributary::directory {

namespace asio = boost::asio;

struct Team {
  Uuid id;
  std::string display_name;
  std::optional<std::string> profile_image_url;
  std::optional<Json> client_metadata;
  std::optional<Json> client_read_only_metadata;
  std::optional<Json> server_metadata;
  Timestamp created_at;
};

struct TeamFields {
  Change<std::string> display_name;
  Change<std::optional<std::string>> profile_image_url;
  Change<std::optional<Json>> client_metadata;
  Change<std::optional<Json>> client_read_only_metadata;
  Change<std::optional<Json>> server_metadata;
};

/// With `creator`, that user is its first member. REQUIRES: a display name.
asio::awaitable<Team> create_team(postgres::Connection& connection, Tenancy tenancy, TeamFields fields,
                                  std::optional<Uuid> creator, Deadline deadline);
asio::awaitable<Team> read_team(postgres::Connection& connection, Tenancy tenancy, Uuid team, Deadline deadline);
asio::awaitable<Team> update_team(postgres::Connection& connection, Tenancy tenancy, Uuid team, TeamFields fields,
                                  Deadline deadline);
/// With its memberships.
asio::awaitable<void> delete_team(postgres::Connection& connection, Tenancy tenancy, Uuid team, Deadline deadline);
/// Oldest first; `member`: those that this user is in.
asio::awaitable<Page<Team>> list_teams(postgres::Connection& connection, Tenancy tenancy, std::optional<Uuid> member,
                                       PageRequest page, Deadline deadline);

}  // namespace tributary::directory
