#include "cli/demo/sql.hpp"

#include <algorithm>
#include <stdexcept>

namespace tributary::cli::demo {

std::vector<SqlSection> sql_sections(std::string_view file) {
  constexpr std::string_view kMark = "\n--; ";
  const auto files = embedded_demo_sql();
  const auto found = std::ranges::find(files, file, &EmbeddedFile::name);
  if (found == files.end()) throw std::logic_error("no file sql/" + std::string(file));
  std::vector<SqlSection> sections;
  auto rest = found->text;
  for (auto mark = rest.find(kMark); mark != std::string_view::npos; mark = rest.find(kMark)) {
    rest.remove_prefix(mark + kMark.size());
    const auto line_end = rest.find('\n');
    sections.push_back({rest.substr(0, line_end), rest.substr(line_end, rest.find(kMark) - line_end)});
  }
  return sections;
}

std::string sql_section(std::string_view file, std::string_view name) {
  const auto sections = sql_sections(file);
  const auto found = std::ranges::find(sections, name, &SqlSection::name);
  if (found == sections.end()) throw std::logic_error("no section " + std::string(name) + " in sql/" + std::string(file));
  return std::string(found->text);
}

}  // namespace tributary::cli::demo
