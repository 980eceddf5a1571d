#pragma once
#include <string_view>

namespace tributary::http::detail {

/// Well-formed UTF-8: no overlong form, no surrogate, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

}  // namespace tributary::http::detail
