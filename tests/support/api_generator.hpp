#pragma once
#include <boost/json.hpp>

#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"

/// What the fuzzer of the API makes requests of.
namespace tributary::test {

namespace json = boost::json;

inline std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

/// Chance, and the ids that answers gave: one that exists leads further than a random one.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  template <class Container>
  const auto& one_of(const Container& container) {
    return *std::next(container.begin(), static_cast<std::ptrdiff_t>(below(container.size())));
  }
  std::uint64_t number() { return random_(); }

  std::string uuid(const std::string& name) {
    const auto& known = seen_[name].empty() ? all_ : seen_[name];
    if (!known.empty() && !one_in(5)) {
      // Mostly one that was seen of late: where two are wanted, chances are that they belong together.
      const auto latest = std::min(known.size(), kLatest);
      return one_in(4) ? one_of(known) : known[known.size() - 1 - below(latest)];
    }
    std::array<std::byte, 16> bytes;
    for (auto& byte : bytes) byte = static_cast<std::byte>(random_());
    return Uuid::from_bytes(bytes).to_string();
  }
  /// An id that is no UUID; empty where none of this name was seen.
  std::string text_id(const std::string& name) { return seen_texts_[name].empty() ? "" : one_of(seen_texts_[name]); }
  /// Remembers the ids of an answer by their names. `owner`: what an "id" is one of ("user_id").
  void learn(const json::value& value, const std::string& name, const std::string& owner) {
    if (const auto* object = value.if_object()) {
      for (const auto& [key, member] : *object) learn(member, key == "id" ? owner : std::string(key), owner);
    } else if (const auto* array = value.if_array()) {
      for (const auto& member : *array) learn(member, name, owner);
    } else if (const auto* text = value.if_string(); text != nullptr && Uuid::parse(view(*text))) {
      see(all_, *text);
      see(seen_[name], *text);
    } else if (text != nullptr && name.ends_with("_id")) {
      seen_texts_[name].emplace(*text);
    }
  }

 private:
  using Ids = std::vector<std::string>;  ///< the latest last

  static constexpr std::size_t kLatest = 4;

  static void see(Ids& ids, std::string_view id) {
    std::erase(ids, id);
    ids.emplace_back(id);
  }

  std::mt19937_64 random_;
  Ids all_;
  std::map<std::string, Ids> seen_;
  std::map<std::string, std::set<std::string>> seen_texts_;
};

/// Values that a schema allows.
class Generator {
 public:
  /// `document` and `fields` outlive it.
  Generator(Chance& chance, const json::object& document, const std::map<std::string, json::array>& fields)
      : chance_(chance), document_(document), fields_(fields) {}

  json::value value(const json::value& schema, const std::string& name, int depth = 0);
  json::value anything(int depth = 0);
  std::string text(std::size_t least, std::size_t most);

 private:
  json::value string(const json::object& schema, const std::string& name);
  json::value object(const json::object& schema, int depth);

  Chance& chance_;
  const json::object& document_;
  const std::map<std::string, json::array>& fields_;  ///< values of fields by their names
};

}  // namespace tributary::test
