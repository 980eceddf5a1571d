#pragma once
#include <optional>
#include <string>
#include <vector>

namespace tributary::test {

/// An entry of hostile.sql.
struct HostileQuery {
  std::string name;
  bool refused = false;  ///< else: answered, from own rows
  std::optional<std::string> answer;  ///< exactly that, where it is worth saying
  std::string url;                    ///< further parameters
  std::string text;
};

/// Throws std::runtime_error that names the line where the file is not as its head says.
std::vector<HostileQuery> read_hostile_queries(const std::string& file_name);

}  // namespace tributary::test
