#include "settings/load.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "settings/definition.hpp"

namespace tributary::settings {
namespace {

/// Levenshtein's: how many letters have to be added, left out or exchanged.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto cost = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, cost});
    }
  }
  return row[b.size()];
}

template <class Name>
std::string unknown(std::string_view given, Name name_of) {
  std::string nearest;
  std::size_t distance = 4;  // farther ones are no typing mistakes
  for (const auto& definition : definitions()) {
    const std::string name(name_of(definition));
    // Each letter that one has more than the other has to be added: most names need no closer look.
    if (const auto [fewer, more] = std::minmax({given.size(), name.size()}); more - fewer >= distance) continue;
    if (const auto d = edit_distance(given, name); d < distance) {
      distance = d;
      nearest = name;
    }
  }
  const auto hint = nearest.empty() ? "`tributary settings` lists all" : "did you mean \"" + nearest + "\"?";
  return "there is no setting \"" + std::string(given) + "\"; " + hint;
}

std::string unknown_setting(std::string_view given) {
  return unknown(given, [](const Definition& definition) { return definition.name; });
}

class Loader {
 public:
  Loaded result;

  void read_file(const Sources::File& file) {
    file_ = file.name;
    try {
      const auto root = YAML::Load(file.yaml);
      if (root.IsNull()) return;
      if (!root.IsMap()) return problem_at(root.Mark(), "must be a map of settings");
      read_map(root, "");
    } catch (const YAML::Exception& error) {
      problem_at(error.mark, "is not YAML: " + error.msg);
    }
  }

  void read_environment(const std::map<std::string, std::string>& environment) {
    for (const auto& definition : definitions()) {
      const auto found = environment.find(std::string(definition.standard_variable));
      if (found != environment.end() && !found->second.empty()) set(definition, found->second, found->first);
    }
    for (const auto& [name, value] : environment) {
      const auto found = std::ranges::find(definitions(), name, environment_name);
      if (found != definitions().end()) {
        set(*found, value, name);
      } else if (begins_like_a_setting(name)) {
        problem(name, unknown(name, environment_name));
      }
    }
  }

  void read_flags(const std::vector<Flag>& flags) {
    for (const auto& flag : flags) {
      const auto* definition = find_definition(flag.name);
      if (definition == nullptr) {
        problem(flag.origin, unknown_setting(flag.name));
      } else {
        set(*definition, flag.value, flag.origin);
      }
    }
  }

  /// What only shows when several are taken together. `origin_` knows which of them was given.
  void check_together() {
    const auto& s = result.settings;
    require(s.sequencer.rows_per_tenancy <= s.sequencer.rows_per_batch, "sequencer.rows_per_tenancy", "sequencer.rows_per_batch",
            "must not be more than");
    require(s.sync.retry_first <= s.sync.retry_longest, "sync.retry_first", "sync.retry_longest", "must not be longer than");
  }

 private:
  void read_map(const YAML::Node& map, const std::string& prefix) {
    std::set<std::string> seen;
    for (const auto& entry : map) {
      const auto mark = entry.first.Mark();
      if (!entry.first.IsScalar()) {
        problem_at(mark, "must be the name of a setting");
        continue;
      }
      const auto name = prefix + entry.first.Scalar();
      if (!seen.insert(name).second) {
        problem_at(mark, "\"" + name + "\" stands here a second time");
      } else if (is_group(name)) {
        read_group(entry.second, name);
      } else if (const auto* definition = find_definition(name)) {
        read_setting(entry.second, mark, *definition);
      } else {
        problem_at(mark, unknown_setting(name));
      }
    }
  }

  void read_group(const YAML::Node& node, const std::string& name) {
    if (node.IsMap()) {
      read_map(node, name + '.');
    } else if (!node.IsNull()) {  // `sync:` with everything below commented out
      problem_at(node.Mark(), "\"" + name + "\" must be a map of settings");
    }
  }

  void read_setting(const YAML::Node& node, YAML::Mark name_mark, const Definition& definition) {
    const auto name = '"' + std::string(definition.name) + '"';
    if (node.IsScalar()) {
      set(definition, node.Scalar(), place(node.Mark()));
    } else if (node.IsNull()) {  // the parser puts what is not there at the next token
      problem_at(name_mark, name + " has no value");
    } else if (is_list(definition) && node.IsSequence()) {
      read_list(node, definition);
    } else {
      problem_at(node.Mark(), name + " must be a " + type_name(definition));
    }
  }

  void read_list(const YAML::Node& sequence, const Definition& definition) {
    std::string text;
    for (const auto& item : sequence) {
      if (!item.IsScalar()) return problem_at(item.Mark(), "\"" + std::string(definition.name) + "\" must be a list of texts");
      text += (text.empty() ? "" : ",") + item.Scalar();
    }
    set(definition, text, place(sequence.Mark()));
  }

  void set(const Definition& definition, std::string_view text, const std::string& where) {
    const auto wrong = assign(definition, text, result.settings);
    if (!wrong.empty()) problem(where, "\"" + std::string(definition.name) + "\" " + wrong);
    origin_[definition.name] = where;
  }

  static bool is_group(std::string_view name) {
    return std::ranges::any_of(definitions(), [&](const Definition& definition) {
      return definition.name.size() > name.size() && definition.name.starts_with(name) && definition.name[name.size()] == '.';
    });
  }

  /// Other variables may share the prefix TRIBUTARY_; those that begin like a group are taken for misspelt settings.
  static bool begins_like_a_setting(std::string_view variable) {
    return std::ranges::any_of(definitions(), [&](const Definition& definition) {
      const auto name = environment_name(definition);
      const auto group = definition.name.find('.');
      return group != std::string_view::npos && variable.starts_with(name.substr(0, sizeof("TRIBUTARY_") + group));
    });
  }

  void require(bool holds, std::string_view name, std::string_view other, std::string_view relation) {
    if (holds) return;
    const auto given = origin_.contains(name) ? name : other;
    problem(origin_.contains(given) ? origin_[given] : std::string(given),
            "\"" + std::string(name) + "\" " + std::string(relation) + " \"" + std::string(other) + '"');
  }

  std::string place(YAML::Mark mark) const {
    return mark.is_null() ? file_ : file_ + ':' + std::to_string(mark.line + 1) + ':' + std::to_string(mark.column + 1);
  }
  void problem_at(YAML::Mark mark, std::string message) { problem(place(mark), std::move(message)); }
  void problem(std::string where, std::string message) { result.problems.push_back({std::move(where), std::move(message)}); }

  std::string file_;
  std::map<std::string_view, std::string> origin_;
};

}  // namespace

Loaded load(const Sources& sources) {
  Loader loader;
  if (sources.file) loader.read_file(*sources.file);
  loader.read_environment(sources.environment);
  loader.read_flags(sources.flags);
  loader.check_together();
  return std::move(loader.result);
}

}  // namespace tributary::settings
