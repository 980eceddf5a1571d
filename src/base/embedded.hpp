#pragma once
#include <span>
#include <string_view>

namespace tributary {

/// A text file compiled into the binary (cmake/embed.cmake), so that one file is all an installation needs.
struct EmbeddedFile {
  std::string_view name;  ///< file name without folder
  std::string_view text;
};

std::span<const EmbeddedFile> embedded_migrations();  ///< migrations/*.sql, sorted by name
std::span<const EmbeddedFile> embedded_mappings();    ///< mappings/*.yaml, sorted by name
/// index.html and what it loads, as npm built them (dashboard/), sorted by name; empty where that was left out.
std::span<const EmbeddedFile> embedded_dashboard();

}  // namespace tributary
