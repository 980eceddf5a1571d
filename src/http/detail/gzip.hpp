#pragma once
#include <string>
#include <string_view>

namespace tributary::http::detail {

/// Whether an Accept-Encoding field names gzip and does not rule it out (q=0).
bool accepts_gzip(std::string_view accept_encoding);
/// Whether text of this type gets smaller: JSON, HTML, not an image.
bool is_compressible(std::string_view content_type);
std::string gzip(std::string_view text);

}  // namespace tributary::http::detail
