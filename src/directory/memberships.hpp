#pragma once
#include <boost/asio/awaitable.hpp>

#include "base/deadline.hpp"
#include "directory/error.hpp"
#include "directory/users.hpp"
#include "directory/values.hpp"
#include "postgres/connection.hpp"

/// Who is in which team, and how a member appears there. Every operation is one transaction; it throws Error where it refuses, postgres::Error where the
/// database fails.
namespace tributary::directory {

namespace asio = boost::asio;

asio::awaitable<void> create_membership(postgres::Connection& connection, Tenancy tenancy, Uuid team, Uuid user,
                                        Deadline deadline);
asio::awaitable<void> delete_membership(postgres::Connection& connection, Tenancy tenancy, Uuid team, Uuid user,
                                        Deadline deadline);

struct MemberProfile {
  Uuid team;
  User user;
  std::optional<std::string> display_name;  ///< the user's own, where the team knows none
  std::optional<std::string> profile_image_url;  ///< the same
  Timestamp created_at;
};

/// nullopt inside: the user's own again.
struct MemberProfileFields {
  Change<std::optional<std::string>> display_name;
  Change<std::optional<std::string>> profile_image_url;
};

asio::awaitable<MemberProfile> read_member_profile(postgres::Connection& connection, Tenancy tenancy, Uuid team, Uuid user,
                                                   Deadline deadline);
asio::awaitable<MemberProfile> update_member_profile(postgres::Connection& connection, Tenancy tenancy, Uuid team, Uuid user,
                                                     MemberProfileFields fields, Deadline deadline);
/// Oldest membership first; of one team, one user, or all. A team or user that does not exist is refused.
asio::awaitable<Page<MemberProfile>> list_member_profiles(postgres::Connection& connection, Tenancy tenancy,
                                                          std::optional<Uuid> team, std::optional<Uuid> user, PageRequest page,
                                                          Deadline deadline);

}  // namespace tributary::directory
