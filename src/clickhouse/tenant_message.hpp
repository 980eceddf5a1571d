#pragma once
#include <string>
#include <string_view>

namespace tributary::clickhouse {

/// What a tenant is told of a query that failed with `code` and `message` (without "Code: …"): the one rule for all who answer tenants.
///
/// A message can show values of rows that the tenant may not see (a conversion that failed), so it is passed on for one code only, that of a statement that
/// cannot be parsed. Five more have a sentence each. Everything else is the same sentence, which says nothing.
std::string tenant_message(int code, std::string_view message);

}  // namespace tributary::clickhouse
