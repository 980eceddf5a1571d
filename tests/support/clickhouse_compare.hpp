#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "support/clickhouse.hpp"
#include "support/database.hpp"

namespace tributary::test {

/// A tenancy and how the shared ClickHouse names it.
struct TenantName {
  std::string tenancy;
  std::string project;
  std::string branch = "main";
};

/// The rows of a SELECT of one String for this tenant, whoever asks it. Throws clickhouse::Error where nobody answers.
using AskClickHouse = std::function<std::vector<std::string>(const TenantName& tenant, const std::string& sql)>;

/// The first differences between what a tenancy's rows in the source mean and what the views of the shared ClickHouse show of it; empty where there are none.
/// Written by hand like difference(): the second opinion.
std::string clickhouse_difference(Session& source, const TenantName& tenant, const AskClickHouse& ask);
std::string clickhouse_difference(Session& source, const TenantName& tenant, const ClickHouse& clickhouse);
/// Until there is none; throws with the difference.
void wait_until_equal(Session& source, const TenantName& tenant, const AskClickHouse& ask, std::chrono::seconds limit);
void wait_until_equal(Session& source, const TenantName& tenant, const ClickHouse& clickhouse,
                      std::chrono::seconds limit = std::chrono::seconds(120));

}  // namespace tributary::test
