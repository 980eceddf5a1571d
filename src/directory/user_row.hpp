#pragma once
#include "directory/statement.hpp"
#include "directory/users.hpp"

namespace tributary::directory {

/// Columns in the order of read_user_row(), of "ProjectUser" AS u, "ContactChannel" AS c and "Team" AS t, which are joined by kUserJoins. A function: other
/// files' constants are made of it.
std::string user_columns();
extern const std::string_view kUserJoins;

User read_user_row(Row& row);
Error user_not_found();
Error membership_not_found(const Uuid& team, const Uuid& user);
Error project_not_found(const std::string& project);
/// The same, where it is a field of the request that names what is not there.
Error of_field(std::string_view field, const Error& error);

/// Throws Error{invalid} where this user could not be what the fields say; `now`: as it is, or a new one.
void check_consistency(const UserFields& fields, const User& now);
/// Throws Error where somebody else signs in with this address, which `field` would have made this user's too; else as refuse_value().
[[noreturn]] void refuse_email(const postgres::Error& error, const std::string& email, std::string_view field);

/// `address` as it is kept and compared: without blanks around it, in lower case. Throws Error{invalid} where it is none.
std::string normalized_email(std::string_view address, std::string_view field);

/// Locks a user ($1 tenancy, $2 user) until the end of the transaction: its contact channels are changed by one at a time.
extern const std::string_view kLockUser;
/// No channel of the user is primary any more, but for one of this value: $1 tenancy, $2 user, $3 value or NULL.
extern const std::string_view kDemoteChannels;

}  // namespace tributary::directory
