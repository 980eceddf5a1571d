#include "directory/config_override.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>

#include "postgres/options.hpp"

namespace tributary::directory {
namespace {

constexpr std::string_view kSection = "dbSync";
constexpr std::string_view kConnectionString = "connectionString";
constexpr std::array<std::string_view, 3> kMembers{"type", kConnectionString, "branch"};
constexpr std::size_t kMostDepth = 64;
// Each key is looked for among those that are there, while the event loop waits; and whatever changes reads and writes the whole.
constexpr std::size_t kMostKeys = 1'000;
constexpr std::size_t kMostBytes = 256UL << 10;
constexpr std::size_t kLongestId = 255;
constexpr std::size_t kLongestText = 8UL << 10;  ///< of a database's branch or connection string

[[noreturn]] void refuse(std::string_view key, const std::string& mistake) {
  throw Error(Refusal::invalid, std::string(key) + ": " + mistake, {{"key", std::string(key)}});
}

bool is_below(std::string_view key, std::string_view parent) {
  return key.size() > parent.size() && key.starts_with(parent) && key[parent.size()] == '.';
}

bool is_id(std::string_view text) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
  return !text.empty() && std::ranges::all_of(text, plain);
}

json::object& object_at(json::object& parent, std::string_view key) {
  auto& value = parent[key];
  if (!value.is_object()) value = json::object();
  return value.get_object();
}

void set_or_erase(json::object& object, std::string_view key, const json::value& value) {
  if (value.is_null())
    object.erase(key);
  else
    object[key] = value;
}

/// Any key but Tributary's own: replaces what stands there, below it, or inside of an object above it.
void apply_foreign(json::object& config, std::string_view key, const json::value& value) {
  std::vector<std::string> replaced;
  for (const auto& [stored, content] : config) {
    if (stored == key || is_below(stored, key)) replaced.emplace_back(stored);
  }
  for (const auto& stored : replaced) config.erase(stored);
  for (auto& [stored, content] : config) {
    if (!is_below(key, stored) || !content.is_object()) continue;
    return apply_foreign(content.get_object(), key.substr(stored.size() + 1), value);
  }
  set_or_erase(config, key, value);
}

/// `path`: "<id>" or "<id>.<member>" below the databases.
void apply_destination(json::object& destinations, std::string_view path, const json::value& value) {
  const auto dot = path.rfind('.');
  const auto member = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  if (!std::ranges::count(kMembers, member)) return set_or_erase(destinations, path, value);
  set_or_erase(object_at(destinations, path.substr(0, dot)), member, value);
}

void apply(json::object& config, std::string_view key, const json::value& value) {
  if (key == kSection) {
    if (!value.is_null() && !value.is_object()) refuse(key, "must be an object");
    config.erase(kDestinations);
    if (value.is_null()) return;
    for (const auto& [member, content] : value.get_object())
      apply(config, std::string(kSection) + '.' + std::string(member), content);
  } else if (key == kDestinations) {
    if (!value.is_null() && !value.is_object()) refuse(key, "must be an object of databases by their ids");
    set_or_erase(config, key, value);
  } else if (is_below(key, kDestinations)) {
    apply_destination(object_at(config, kDestinations), key.substr(kDestinations.size() + 1), value);
  } else if (is_below(key, kSection)) {
    refuse(key, "there is no such key; databases stand at " + std::string(kDestinations));
  } else {
    apply_foreign(config, key, value);
  }
}

std::string text_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::string redacted_url(const std::string& stored, const Secrets& secrets) {
  try {
    return postgres::ConnectOptions::parse(secrets.open(stored)).redacted();
  } catch (const SecretError& error) {
    return "(" + std::string(error.what()) + ")";
  } catch (const postgres::Error&) {
    return "(not a connection string)";
  }
}

/// Why this connection string is none that may be used; empty where it is one. Repeats no password.
std::string mistake_of(std::string_view connection_string, const postgres::Guard& guard) {
  if (Secrets::is_sealed(connection_string)) return "is encrypted; give it as it is";
  try {
    postgres::parse_guarded(connection_string, guard);
    return "";
  } catch (const postgres::Error& error) {
    return error.what();
  }
}

/// The connection string as it is to be stored. The one before stays where it says the same, with or without its password.
std::string stored_url(std::string_view key, const std::string& given, const std::string& before, const Secrets& secrets,
                       const postgres::Guard& guard) {
  if (!before.empty() && (given == before || given == redacted_url(before, secrets))) return before;
  const auto mistake = mistake_of(given, guard);
  if (!mistake.empty()) refuse(std::string(key) + '.' + std::string(kConnectionString), mistake);
  try {
    if (!before.empty() && secrets.open(before) == given && secrets.is_current(before)) return before;
  } catch (const SecretError&) {
    // It is replaced by one that can be read.
  }
  return secrets.seal(given);
}

void check_destination(std::string_view id, json::value& value, const json::value* before, const Secrets& secrets,
                       const postgres::Guard& guard) {
  const auto key = std::string(kDestinations) + '.' + std::string(id);
  if (before != nullptr && value == *before) return;
  if (!is_id(id)) refuse(key, "an id is made of letters, digits, '-', '_' and '.'");
  if (id.size() > kLongestId) refuse(key, "an id has at most " + std::to_string(kLongestId) + " characters");
  if (!value.is_object()) refuse(key, "must be an object {type, connectionString}");
  auto& entry = value.get_object();
  for (const auto& [member, content] : entry) {
    if (!std::ranges::count(kMembers, std::string_view(member))) refuse(key + '.' + std::string(member), "there is no such key");
    if (!content.is_string() || content.get_string().empty())
      refuse(key + '.' + std::string(member), "must be a text that is not empty");
    if (content.get_string().size() > kLongestText)
      refuse(key + '.' + std::string(member), "is longer than " + std::to_string(kLongestText) + " bytes");
  }
  if (text_at(entry, "type") != "postgres") refuse(key + ".type", "must be \"postgres\"");
  if (!entry.contains(kConnectionString)) refuse(key + '.' + std::string(kConnectionString), "is missing");
  const auto stored = before != nullptr && before->is_object() ? text_at(before->get_object(), kConnectionString) : std::string();
  entry[kConnectionString] = stored_url(key, text_at(entry, kConnectionString), stored, secrets, guard);
}

const json::object* destinations_of(const json::object& config) {
  const auto* value = config.if_contains(kDestinations);
  return value != nullptr ? value->if_object() : nullptr;
}

/// Bytes of all but Tributary's own keys: databases are counted by themselves.
std::size_t size_of_foreign(const json::object& object) {
  std::size_t size = 0;
  for (const auto& [key, value] : object) {
    if (key != kSection && !is_below(key, kSection)) size += key.size() + json::serialize(value).size();
  }
  return size;
}

void require_short(const json::object& override_keys) {
  if (override_keys.size() > kMostKeys || size_of_foreign(override_keys) > kMostBytes)
    throw Error(Refusal::invalid, "an override has at most " + std::to_string(kMostKeys) + " keys and " +
                                      std::to_string(kMostBytes) + " bytes; send the rest in another one");
}

/// What was larger before there was a bound may still be made smaller.
void require_small(const json::object& before, const json::object& after) {
  const auto size = size_of_foreign(after);
  if (size > kMostBytes && size > size_of_foreign(before))
    throw Error(Refusal::invalid, "the configuration would have " + std::to_string(size) + " bytes, and may have " +
                                      std::to_string(kMostBytes) + "; remove keys of it by null");
}

/// Fewer than there were may still be too many: somebody is on the way.
void require_few(const json::object* before, const json::object* after, const postgres::Guard& guard) {
  if (after == nullptr || after->size() <= guard.most_destinations) return;
  if (before != nullptr && after->size() <= before->size()) return;
  refuse(kDestinations, "holds " + std::to_string(after->size()) + " databases, and a project may have " +
                            std::to_string(guard.most_destinations) +
                            "; remove some, or have the operator raise destinations.most_per_project");
}

}  // namespace

json::object parse_object(std::string_view text, std::string_view what) {
  json::parse_options options;
  options.max_depth = kMostDepth;
  boost::system::error_code error;
  auto value = json::parse(text, error, {}, options);
  if (error) refuse(what, "is not JSON: " + error.message());
  if (!value.is_object()) refuse(what, "must be a JSON object");
  return std::move(value.get_object());
}

json::object merged(json::object config, const json::object& override_keys, const Secrets& secrets,
                    const postgres::Guard& guard) {
  require_short(override_keys);
  const auto before = config;
  for (const auto& [key, value] : override_keys) apply(config, key, value);
  require_small(before, config);
  const auto* old = destinations_of(before);
  require_few(old, destinations_of(config), guard);
  if (auto* destinations = config.if_contains(kDestinations); destinations != nullptr && destinations->is_object()) {
    for (auto& [id, value] : destinations->get_object())
      check_destination(id, value, old != nullptr ? old->if_contains(id) : nullptr, secrets, guard);
  }
  return config;
}

json::object redacted(json::object config, const Secrets& secrets) {
  auto* destinations = config.if_contains(kDestinations);
  if (destinations == nullptr) return config;
  if (!destinations->is_object()) {
    config.erase(kDestinations);
    return config;
  }
  for (auto& [id, value] : destinations->get_object()) {
    if (!value.is_object() || !value.get_object().contains(kConnectionString)) continue;
    auto& entry = value.get_object();
    entry[kConnectionString] = redacted_url(text_at(entry, kConnectionString), secrets);
  }
  return config;
}

bool reseal_destinations(json::object& destinations, const Secrets& secrets) {
  bool changed = false;
  for (auto& [id, value] : destinations) {
    if (!value.is_object()) continue;
    const auto stored = text_at(value.get_object(), kConnectionString);
    if (stored.empty() || secrets.is_current(stored)) continue;
    value.get_object()[kConnectionString] = secrets.seal(secrets.open(stored));
    changed = true;
  }
  return changed;
}

}  // namespace tributary::directory
