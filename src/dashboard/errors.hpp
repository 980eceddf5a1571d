#pragma once
#include "http/error.hpp"

/// What the dashboard refuses beside what the API does (api/errors.hpp).
namespace tributary::dashboard {

using http::KnownError;

inline constexpr KnownError kSessionRequired{401, "SESSION_REQUIRED", "Nobody has signed in"};
inline constexpr KnownError kSessionExpired{401, "SESSION_EXPIRED", "The session is over, or its key is not valid any more"};
inline constexpr KnownError kWrongKey{401, "WRONG_KEY", "The key is not valid"};
inline constexpr KnownError kTooManyAttempts{429, "TOO_MANY_ATTEMPTS", "Too many keys were wrong"};
inline constexpr KnownError kOperatorOnly{403, "OPERATOR_ONLY", "This is for operators"};
inline constexpr KnownError kCrossSite{403, "CROSS_SITE_REQUEST", "Another site's page asks"};
inline constexpr KnownError kDestinationNotFound{404, "DESTINATION_NOT_FOUND", "There is no such destination"};
inline constexpr KnownError kTenancyNotFound{404, "TENANCY_NOT_FOUND", "There is no such tenancy"};

}  // namespace tributary::dashboard
