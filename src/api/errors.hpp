#pragma once
#include <exception>
#include <optional>

#include "directory/error.hpp"
#include "http/error.hpp"

/// The refusals of this API, and what of the inside becomes which.
namespace tributary::api {

using http::KnownError;

inline constexpr KnownError kUserNotFound{404, "USER_NOT_FOUND", "The project has no such user"};
inline constexpr KnownError kUserEmailExists{409, "USER_EMAIL_ALREADY_EXISTS", "Another user signs in with this e-mail address"};
inline constexpr KnownError kTeamNotFound{404, "TEAM_NOT_FOUND", "The project has no such team"};
inline constexpr KnownError kMembershipNotFound{404, "TEAM_MEMBERSHIP_NOT_FOUND", "The user is not in the team"};
inline constexpr KnownError kMembershipExists{409, "TEAM_MEMBERSHIP_ALREADY_EXISTS", "The user is in the team already"};
inline constexpr KnownError kChannelNotFound{404, "CONTACT_CHANNEL_NOT_FOUND", "The user has no such contact channel"};
inline constexpr KnownError kChannelUsedForAuth{409, "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE",
                                                "Another user signs in with this contact channel"};
inline constexpr KnownError kProjectNotFound{404, "PROJECT_NOT_FOUND", "There is no such project, or no such branch of it"};
inline constexpr KnownError kProjectExists{409, "PROJECT_ALREADY_EXISTS", "There is a project of this id already"};
inline constexpr KnownError kItemNotFound{404, "ITEM_NOT_FOUND", "There is nothing of this id"};
inline constexpr KnownError kAnalyticsQueryError{400, "ANALYTICS_QUERY_ERROR", "The query cannot be answered"};

inline constexpr KnownError kAccessTypeRequired{400, "ACCESS_TYPE_REQUIRED", "The header x-stack-access-type is missing"};
inline constexpr KnownError kInvalidAccessType{400, "INVALID_ACCESS_TYPE",
                                               "The header x-stack-access-type is neither server nor admin"};
inline constexpr KnownError kInsufficientAccessType{401, "INSUFFICIENT_ACCESS_TYPE", "This needs another access type"};
inline constexpr KnownError kProjectIdRequired{400, "ACCESS_TYPE_WITHOUT_PROJECT_ID", "The header x-stack-project-id is missing"};
inline constexpr KnownError kInvalidServerKey{401, "INVALID_SECRET_SERVER_KEY",
                                              "The key is missing, or not a valid one of the project"};
inline constexpr KnownError kInvalidAdminKey{401, "INVALID_SUPER_SECRET_ADMIN_KEY",
                                             "The key is missing, or not a valid one of the project"};
inline constexpr KnownError kExpectedInternalProject{401, "EXPECTED_INTERNAL_PROJECT", "This is for the project `internal`"};
inline constexpr KnownError kInvalidBearer{401, "INVALID_BEARER_TOKEN",
                                           "The token of the header Authorization is not valid here"};

inline constexpr KnownError kTooManyQueries{429, "TOO_MANY_QUERIES", "The project has as many queries under way as it may"};
inline constexpr KnownError kUnavailable{503, "SERVICE_UNAVAILABLE",
                                         "A database cannot be reached now; the request may have been carried out"};

/// What the directory refuses, as an answer.
http::Error to_http(const directory::Error& error);

/// What a handler threw, as an answer where it is a database that is not there. nullopt: a defect.
std::optional<http::Error> map_error(std::exception_ptr thrown);

}  // namespace tributary::api
