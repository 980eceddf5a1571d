#pragma once
#include <string>
#include <string_view>

namespace tributary::destination::clickhouse_target {

/// Enough to recognise a value by: its first character, and what follows the last @. "jane@example.com" → "j•••@example.com", "Jane" → "J•••". Where there is
/// but one character before that, not even this one.
std::string masked(std::string_view text);

/// What stands for a project's value: HMAC-SHA-256 in hexadecimal digits, under a key of the project's own that is made of `key`. Equal values of a project
/// give the same, those of different projects do not. Throws std::runtime_error where the cryptographic library fails.
std::string hashed(std::string_view key, std::string_view project, std::string_view text);

}  // namespace tributary::destination::clickhouse_target
