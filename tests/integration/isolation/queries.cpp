#include "queries.hpp"

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace tributary::test {
namespace {

constexpr std::string_view kRule = "-- ----";

/// \xNN as that byte.
std::string unescaped(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text.compare(i, 2, "\\x") == 0;
    result += escape ? static_cast<char>(std::stoi(text.substr(i + 2, 2), nullptr, 16)) : text[i];
    if (escape) i += 3;
  }
  return result;
}

std::string repeated(const std::string& count_and_text) {
  const auto blank = count_and_text.find(' ');
  const auto piece = count_and_text.substr(blank);
  std::string result;
  for (int i = std::stoi(count_and_text.substr(0, blank)); i > 0; --i) result += piece;
  return result;
}

/// One entry, line by line.
class Entry {
 public:
  explicit Entry(std::string name) { query_.name = std::move(name); }

  /// False where it is not a line of the head.
  bool take_head(const std::string& line) {
    const auto value = [&](std::string_view key) -> std::optional<std::string> {
      const auto prefix = fmt::format("-- {}: ", key);
      return line.starts_with(prefix) ? std::optional(line.substr(prefix.size())) : std::nullopt;
    };
    if (!in_head_) return false;
    if (const auto expected = value("expect")) {
      if (*expected != "refused" && *expected != "own rows") throw std::runtime_error("expects neither: " + *expected);
      query_.refused = *expected == "refused";
      has_expectation_ = true;
    } else if (auto answer = value("answer")) {
      query_.answer = std::move(answer);
    } else if (const auto url = value("url")) {
      query_.url = '&' + *url;
    } else if (const auto repeat = value("repeat")) {
      repeat_ = repeated(*repeat);
    } else if (value("escapes")) {
      escapes_ = true;
    } else {
      in_head_ = false;
    }
    return in_head_;
  }

  void take_text(const std::string& line) { query_.text += line + '\n'; }

  HostileQuery finish() {
    if (!has_expectation_) throw std::runtime_error("says not what is expected: " + query_.name);
    while (query_.text.ends_with('\n')) query_.text.pop_back();
    query_.text += repeat_;
    if (escapes_) query_.text = unescaped(query_.text);
    return std::move(query_);
  }

 private:
  HostileQuery query_;
  std::string repeat_;
  bool in_head_ = true;
  bool has_expectation_ = false;
  bool escapes_ = false;
};

}  // namespace

std::vector<HostileQuery> read_hostile_queries(const std::string& file_name) {
  constexpr std::string_view kName = "-- name: ";
  std::ifstream file(file_name);
  std::vector<HostileQuery> queries;
  std::optional<Entry> entry;
  int number = 0;
  try {
    for (std::string line; ++number, std::getline(file, line);) {
      const bool begins = line.starts_with(kName);
      if (entry && (begins || line.starts_with(kRule))) {
        queries.push_back(entry->finish());
        entry.reset();
      }
      if (begins) entry.emplace(line.substr(kName.size()));
      if (!entry || begins || entry->take_head(line)) continue;
      entry->take_text(line);
    }
    if (entry) queries.push_back(entry->finish());
  } catch (const std::exception& error) {
    throw std::runtime_error(fmt::format("{}:{}: {}", file_name, number, error.what()));
  }
  return queries;
}

}  // namespace tributary::test
