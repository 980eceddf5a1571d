#include <stdexcept>

#include "base/embedded.hpp"
#include "source/migrate.hpp"

namespace tributary::source {
namespace {

constexpr std::string_view kSeparator = "--; ";
constexpr std::string_view kConcurrently = " concurrently";

/// CREATE INDEX CONCURRENTLY IF NOT EXISTS passes over an index that an interrupted run left invalid, so that one is dropped first.
Step drop_invalid(const Step& create) {
  constexpr std::string_view kBefore = "IF NOT EXISTS ";
  const auto begin = create.sql.find(kBefore);
  const auto end = begin == std::string::npos ? begin : create.sql.find_first_of(" \n", begin + kBefore.size());
  if (end == std::string::npos)
    throw std::logic_error(create.name + ": a concurrent step is one CREATE INDEX CONCURRENTLY IF NOT EXISTS");
  const auto index = create.sql.substr(begin + kBefore.size(), end - begin - kBefore.size());
  return {create.name + ": drop if invalid", "DROP INDEX CONCURRENTLY IF EXISTS " + index,
          "NOT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('" + index + "') AND NOT indisvalid)", true};
}

void append_steps(const EmbeddedFile& file, std::vector<Step>& steps) {
  auto rest = file.text;
  for (auto start = rest.find(kSeparator); start != std::string_view::npos; start = rest.find(kSeparator)) {
    rest.remove_prefix(start + kSeparator.size());
    const auto line_end = rest.find('\n');
    auto name = rest.substr(0, line_end);
    const bool concurrently = name.ends_with(kConcurrently);
    if (concurrently) name.remove_suffix(kConcurrently.size());
    const auto body = rest.substr(line_end, rest.find("\n" + std::string(kSeparator)) - line_end);
    Step step{std::string(file.name) + ": " + std::string(name), std::string(body), {}, concurrently};
    if (concurrently) steps.push_back(drop_invalid(step));
    steps.push_back(std::move(step));
  }
}

}  // namespace

std::vector<Step> migration_steps() {
  std::vector<Step> steps;
  for (const auto& file : embedded_migrations()) append_steps(file, steps);
  return steps;
}

}  // namespace tributary::source
