#include <string>

#include "settings/definition.hpp"

namespace tributary::settings {
namespace {

constexpr std::string_view kHead = R"(# Configuration

Made from the table in `src/settings/definition.cpp` by `tributary settings --markdown`; a test compares the two. Change it there.

A setting can stand in four places. A later one wins over an earlier:

1. its default, below;
2. a YAML file, given with `--config FILE` or in `TRIBUTARY_CONFIG`:

       source:
         url: postgresql://tributary@db.example.com/app
       sync:
         retry_longest: 2min
       log: {level: debug}

3. an environment variable: `TRIBUTARY_` and the name in capitals, with `_` for each dot: `TRIBUTARY_SYNC_RETRY_LONGEST=2min`. It wins over a variable
   that other programs know, too, where the table names one;
4. the command line: `--set sync.retry_longest=2min`, and for some a flag of their own (`tributary --help`).

Everything is checked before anything starts. An unknown name, a value of the wrong type or out of its range is an error that says where it
stands (`tributary.yaml:4:18`), and all of them are reported together.

Durations are a whole number with a unit: `250ms`, `10s`, `5min`, `2h`. Sizes too: `512B`, `256KiB`, `8MiB`, `1GiB`.

| setting | type | default | range | zero or empty | what it is |
| --- | --- | --- | --- | --- | --- |
)";

}  // namespace

std::string reference_markdown() {
  std::string text(kHead);
  for (const auto& definition : definitions()) {
    text += "| `" + std::string(definition.name) + "` | " + type_name(definition) + " | `" + default_text(definition) + "` | " +
            range_text(definition) + " | " + std::string(definition.zero) + " | " + std::string(definition.about) +
            (definition.standard_variable.empty() ? "" : " Also `" + std::string(definition.standard_variable) + "`.") + " |\n";
  }
  return text;
}

}  // namespace tributary::settings
