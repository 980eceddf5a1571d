#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "support/database.hpp"

namespace tributary::test {

/// The first differences between what a tenancy's rows in the source mean (design: target schema) and what a customer's database holds; empty where
/// there are none. The SQL is written by hand here, not generated from a mapping: it is the second opinion.
std::string difference(Session& source, std::string_view tenancy, Session& customer);

/// On a busy machine, under a sanitizer, too: it ends what would wait for ever.
inline constexpr std::chrono::seconds kLongEnough{60};

/// Looks again and again until `done`, and throws with `what` after `limit`.
void wait_until(const std::function<bool()>& done, std::string_view what, std::chrono::seconds limit = kLongEnough);
/// Until every row and tombstone of a source has its sequence id.
void wait_until_numbered(Session& source);
/// Until there is no difference; throws with the difference.
void wait_until_equal(Session& source, std::string_view tenancy, Session& customer, std::chrono::seconds limit = kLongEnough);

}  // namespace tributary::test
