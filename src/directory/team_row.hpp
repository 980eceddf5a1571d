#pragma once
#include "directory/statement.hpp"
#include "directory/teams.hpp"

namespace tributary::directory {

/// Columns of "Team" AS t, in the order of read_team_row().
inline constexpr std::string_view kTeamColumns = R"(t."teamId", t."displayName", t."profileImageUrl", t."clientMetadata",
       t."clientReadOnlyMetadata", t."serverMetadata", t."createdAt")";

Team read_team_row(Row& row);
Error team_not_found(const Uuid& team);

}  // namespace tributary::directory
