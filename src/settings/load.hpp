#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "settings/settings.hpp"

namespace tributary::settings {

/// A setting given on the command line.
struct Flag {
  std::string origin;  ///< what the user typed, for messages: "--log-level" or "--set sync.load_rows"
  std::string name;
  std::string value;
};

/// Everything from outside that settings are made from. Later members win over earlier ones.
struct Sources {
  struct File {
    std::string name;  ///< for messages
    std::string yaml;
  };
  std::optional<File> file;
  std::map<std::string, std::string> environment;  ///< all variables; only those that begin with TRIBUTARY_ are looked at
  std::vector<Flag> flags;
};

/// What is wrong, and where: `tributary.yaml:4:18`, an environment variable's or a flag's name.
struct Problem {
  std::string where;
  std::string message;
  std::string to_string() const { return where + ": " + message; }
  friend bool operator==(const Problem&, const Problem&) = default;
};

/// The settings are to be used only where there is no problem.
struct Loaded {
  Settings settings;
  std::vector<Problem> problems;
};

/// Reads and checks everything once, and reports all that is wrong, not only the first. Pure.
Loaded load(const Sources& sources);

}  // namespace tributary::settings
