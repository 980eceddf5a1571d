#include "postgres/options.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>

#include "base/private_memory.hpp"
#include "base/secrets.hpp"
#include "postgres/error.hpp"

namespace tributary::postgres {
namespace {

/// libpq's complaints quote what they stumble over, which may be (part of) a password, with quotes of its own.
std::string without_quoted_text(std::string_view message) {
  constexpr std::string_view kMissing = "missing \"=\" after ";  // the one whose first quotes are its own
  const auto quote = message.find('"', message.starts_with(kMissing) ? kMissing.size() : 0);
  return std::string(message.substr(0, quote)) + (quote == std::string_view::npos ? "" : "(hidden, as it may hold a password)");
}

bool may_hold_password(std::string_view connection_string) {
  return connection_string.find("pass") != std::string_view::npos || connection_string.find('@') != std::string_view::npos;
}

[[noreturn]] void refuse(std::string reason) { throw Error(ErrorKind::usage, "connection string: " + std::move(reason)); }

std::optional<long> to_number(std::string_view text) {
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void check_ports(std::string_view ports) {
  while (true) {
    const auto comma = ports.find(',');
    const auto port = ports.substr(0, comma);
    const auto number = to_number(port);
    if (!port.empty() && (!number || *number < 1 || *number > 65535)) refuse("port is not a number from 1 to 65535");
    if (comma == std::string_view::npos) return;
    ports.remove_prefix(comma + 1);
  }
}

void check_ssl_mode(std::string_view mode) {
  static constexpr std::array<std::string_view, 6> kModes{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
  if (std::find(kModes.begin(), kModes.end(), mode) == kModes.end()) {
    refuse("sslmode is none of disable, allow, prefer, require, verify-ca, verify-full");
  }
}

std::string escaped(std::string_view value, std::string_view special) {
  std::string result;
  for (const char c : value) {
    if (special.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

}  // namespace

ConnectOptions ConnectOptions::parse(std::string_view connection_string) {
  if (connection_string.find('\0') != std::string_view::npos) refuse("it holds a NUL character");
  char* raw_message = nullptr;
  std::string text(connection_string);
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(text.c_str(), &raw_message),
                                                                            &PQconninfoFree);
  wipe(text);
  const std::unique_ptr<char, decltype(&PQfreemem)> message(raw_message, &PQfreemem);
  if (!parsed) {
    const std::string_view reason = message ? message.get() : "out of memory";
    refuse(may_hold_password(connection_string) ? without_quoted_text(reason) : std::string(reason));
  }

  ConnectOptions options;
  for (const auto* option = parsed.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) options.keywords[option->keyword] = option->val;
  }
  // It would name a host that nobody but libpq sees, and libpq looks names up on the calling thread.
  if (options.keywords.contains("service")) refuse("service files are not read");
  if (const auto port = options.keywords.find("port"); port != options.keywords.end()) check_ports(port->second);
  if (const auto mode = options.keywords.find("sslmode"); mode != options.keywords.end()) check_ssl_mode(mode->second);
  if (const auto timeout = options.keywords.find("connect_timeout"); timeout != options.keywords.end()) {
    const auto seconds = to_number(timeout->second);
    if (!seconds || *seconds > 86'400) refuse("connect_timeout is not a number of seconds up to 86400");
    // To libpq zero and less are "for ever", which nothing here ever waits.
    if (*seconds > 0) options.connect_timeout = std::chrono::seconds(*seconds);
  }
  return options;
}

Keywords take_environment() {
  Keywords taken;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> known(PQconndefaults(), &PQconninfoFree);
  for (const auto* option = known.get(); option != nullptr && option->keyword != nullptr; ++option) {
    if (option->envvar == nullptr) continue;
    if (const char* value = std::getenv(option->envvar); value != nullptr && *value != '\0') taken[option->keyword] = value;
    ::unsetenv(option->envvar);
  }
  // Those that are no keywords of a connection string.
  for (const char* name : {"PGDATESTYLE", "PGTZ", "PGGEQO", "PGSERVICEFILE", "PGSYSCONFDIR"}) ::unsetenv(name);
  return taken;
}

ConnectOptions ConnectOptions::with_defaults(const Keywords& defaults) const {
  if (defaults.contains("service")) refuse("service files are not read, but PGSERVICE is set");
  auto copy = *this;
  copy.keywords.insert(defaults.begin(), defaults.end());
  return copy;
}

ConnectOptions ConnectOptions::with(std::string_view keyword, std::string_view value) const {
  auto copy = *this;
  copy.keywords[std::string(keyword)] = value;
  return copy;
}

ConnectOptions ConnectOptions::with_setting(std::string_view name, std::string_view value) const {
  auto copy = *this;
  auto& options = copy.keywords["options"];
  if (!options.empty()) options += ' ';
  options += "-c " + escaped(std::string(name) + "=" + std::string(value), " \t\n\v\f\r\\");
  return copy;
}

std::string ConnectOptions::to_string() const {
  std::string result;
  for (const auto& [keyword, value] : keywords) {
    if (!result.empty()) result += ' ';
    result += keyword + "='" + escaped(value, "'\\") + "'";
  }
  return result;
}

std::string ConnectOptions::redacted() const {
  const auto value = [this](const char* keyword) {
    const auto found = keywords.find(keyword);
    return found == keywords.end() ? std::string() : found->second;
  };
  auto host = value("host").empty() ? value("hostaddr") : value("host");
  const bool is_socket = host.starts_with('/');
  if (host.find(':') != std::string::npos) host = "[" + host + "]";

  std::string result = "postgresql://";
  if (!value("user").empty()) result += value("user") + "@";
  if (!is_socket) result += host;
  if (!value("port").empty()) result += ":" + value("port");
  if (!value("dbname").empty()) result += "/" + value("dbname");
  if (is_socket) result += "?host=" + host;
  return result;
}

std::string redacted(std::string_view connection_string) {
  if (Secrets::is_sealed(connection_string)) return "(encrypted with a key that is not known here)";
  try {
    return ConnectOptions::parse(connection_string).redacted();
  } catch (const Error&) {
    return "(not a connection string)";
  }
}

}  // namespace tributary::postgres
