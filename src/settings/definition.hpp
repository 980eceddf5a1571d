#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "settings/settings.hpp"

namespace tributary::settings {

/// Where a setting's value lives. The alternative is its type.
using Target = std::variant<std::string& (*)(Settings&), std::int64_t& (*)(Settings&), double& (*)(Settings&),
                            std::chrono::milliseconds& (*)(Settings&), Bytes& (*)(Settings&),
                            std::vector<std::string>& (*)(Settings&), telemetry::Level& (*)(Settings&),
                            telemetry::LogFormat& (*)(Settings&), ClickHouseUse& (*)(Settings&), AccessLog& (*)(Settings&)>;

/// One setting: the row of the one table from which reading, checking, `tributary settings` and docs/configuration.md derive.
/// Its default is what a default-constructed Settings holds.
struct Definition {
  std::string_view name = {};  ///< dotted: as in YAML and --set
  Target target = {};
  std::int64_t least = 0;  ///< in the type's own unit (milliseconds, bytes; of a text, its bytes); both 0 where there is no range
  std::int64_t most = 0;
  std::string_view zero = {};  ///< what 0 (or empty text) means; empty where it is a number like any other, or not legal
  std::string_view about = {};
  bool secret = false;  ///< may hold a password: never repeated in a message
  std::string_view standard_variable = {};  ///< of the environment, which other programs know, too; our own wins over it
};

/// Every setting, in the order of the reference.
std::span<const Definition> definitions();
const Definition* find_definition(std::string_view name);

/// Written as a sequence in YAML, else with commas.
bool is_list(const Definition& definition);
std::string type_name(const Definition& definition);  ///< "duration", "one of debug, info, warning, error"
std::string default_text(const Definition& definition);  ///< as it is written in YAML
std::string range_text(const Definition& definition);  ///< "1ms to 1h", empty where there is none
/// TRIBUTARY_SYNC_LOAD_ROWS for sync.load_rows.
std::string environment_name(const Definition& definition);

/// Puts `text` into `settings`. Empty, or what is wrong with it: "must be a duration such as 250ms or 10s, not "fast"".
std::string assign(const Definition& definition, std::string_view text, Settings& settings);

/// docs/configuration.md.
std::string reference_markdown();

}  // namespace tributary::settings
