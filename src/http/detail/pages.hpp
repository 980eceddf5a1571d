#pragma once
#include <span>

#include "base/embedded.hpp"

namespace tributary {

std::span<const EmbeddedFile> embedded_api_pages();  ///< src/http/pages/*, sorted by name

}  // namespace tributary
