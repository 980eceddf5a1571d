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

/// Looks again and again until `done`, and throws with `what` after `limit`.
void wait_until(const std::function<bool()>& done, std::string_view what, std::chrono::seconds limit = std::chrono::seconds(30));
/// Until every row and tombstone of a source has its sequence id.
void wait_until_numbered(Session& source);
/// Until there is no difference; throws with the difference.
void wait_until_equal(Session& source, std::string_view tenancy, Session& customer,
                      std::chrono::seconds limit = std::chrono::seconds(30));

}  // namespace tributary::test
