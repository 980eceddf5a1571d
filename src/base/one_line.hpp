#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace tributary {

/// `text` as a stranger's server may have sent it, fit for a log or a table: runs of blanks and control characters become one space, bytes that are no
/// UTF-8 a question mark each (PostgreSQL and JSON take none), and at most `limit` bytes stay, cut between characters.
std::string one_line(std::string_view text, std::size_t limit);

}  // namespace tributary
