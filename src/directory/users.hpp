#pragma once
#include <boost/asio/awaitable.hpp>

#include "base/deadline.hpp"
#include "directory/error.hpp"
#include "directory/teams.hpp"
#include "directory/values.hpp"
#include "postgres/connection.hpp"

/// Users. Every operation is one transaction; it throws Error where it refuses, postgres::Error where the database fails.
namespace tributary::directory {

namespace asio = boost::asio;

struct User {
  Uuid id;
  std::optional<std::string> display_name;
  std::optional<std::string> profile_image_url;
  std::optional<std::string> primary_email;  ///< the value of the primary contact channel of this type, as are the next two
  bool primary_email_verified = false;
  bool primary_email_auth_enabled = false;
  std::optional<Json> client_metadata;
  std::optional<Json> client_read_only_metadata;
  std::optional<Json> server_metadata;
  bool is_anonymous = false;
  bool restricted_by_admin = false;
  std::optional<std::string> restricted_by_admin_reason;
  std::optional<std::string> restricted_by_admin_private_details;
  std::int16_t sign_up_risk_bot = 0;  ///< 0 to 100
  std::int16_t sign_up_risk_free_trial_abuse = 0;
  Timestamp signed_up_at;
  Timestamp last_active_at;
  std::optional<Team> selected_team;
};

/// Empty texts count as cleared. A reason or details need restricted_by_admin, and go when it ends.
struct UserFields {
  Change<std::optional<std::string>> display_name;
  Change<std::optional<std::string>> profile_image_url;
  Change<std::optional<std::string>> primary_email;
  Change<bool> primary_email_verified;
  Change<bool> primary_email_auth_enabled;
  Change<std::optional<Json>> client_metadata;
  Change<std::optional<Json>> client_read_only_metadata;
  Change<std::optional<Json>> server_metadata;
  Change<bool> is_anonymous;
  Change<bool> restricted_by_admin;
  Change<std::optional<std::string>> restricted_by_admin_reason;
  Change<std::optional<std::string>> restricted_by_admin_private_details;
  Change<std::optional<Uuid>> selected_team;  ///< of an update only
};

asio::awaitable<User> create_user(postgres::Connection& connection, Tenancy tenancy, UserFields fields, Deadline deadline);
asio::awaitable<User> read_user(postgres::Connection& connection, Tenancy tenancy, Uuid user, Deadline deadline);
/// Another primary e-mail is another contact channel, made where the user has none of that value; the old one stays, no longer primary. Where
/// nothing is said of it, the new one is used for authentication as the old one was.
asio::awaitable<User> update_user(postgres::Connection& connection, Tenancy tenancy, Uuid user, UserFields fields,
                                  Deadline deadline);
/// With contact channels and memberships.
asio::awaitable<void> delete_user(postgres::Connection& connection, Tenancy tenancy, Uuid user, Deadline deadline);

struct UserFilter {
  std::optional<Uuid> team;  ///< members of it
  std::string text;  ///< in the display name or a contact channel, whatever the case, or the id; empty: any
  bool include_restricted = false;
  bool include_anonymous = false;  ///< and the restricted ones
  bool only_anonymous = false;
  bool descending = false;
};
/// In the order in which they signed up.
asio::awaitable<Page<User>> list_users(postgres::Connection& connection, Tenancy tenancy, UserFilter filter, PageRequest page,
                                       Deadline deadline);

}  // namespace tributary::directory
