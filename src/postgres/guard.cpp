#include "postgres/guard.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "postgres/error.hpp"

namespace tributary::postgres {
namespace {

constexpr std::size_t kLongest = 4'096;

/// What a connection string needs.
constexpr std::array<std::string_view, 10> kPlain{"application_name",
                                                  "channel_binding",
                                                  "connect_timeout",
                                                  "dbname",
                                                  "host",
                                                  "password",
                                                  "port",
                                                  "target_session_attrs",
                                                  "sslmode",
                                                  "user"};
/// What the operator may allow besides. "hosts" is a list of them, "socket" a path in place of a host.
constexpr std::array<std::string_view, 8> kOptional{"hostaddr", "hosts",   "options", "passfile",
                                                    "socket",   "sslcert", "sslkey",  "sslrootcert"};

template <std::size_t N>
bool is_among(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::ranges::find(names, name) != names.end();
}

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorKind::usage, "connection string: " + what); }

/// Looks at one connection string.
class Screening {
 public:
  Screening(const ConnectOptions& options, const Guard& guard) : options_(options), guard_(guard) {}

  void require_allowed_fields() const {
    for (const auto& [name, value] : options_.keywords) {
      if (is_among(name, kPlain)) continue;
      if (name == "sslrootcert" && value == "system") continue;  // libpq 16's word for what ca_file is
      require(name, '"' + name + '"');
    }
    const auto hosts = value("host");
    if (hosts.find(',') != std::string::npos || value("port").find(',') != std::string::npos ||
        value("hostaddr").find(',') != std::string::npos) {
      require("hosts", "a list of hosts in \"host\"");
    }
    if (hosts.find_first_of("/@") != std::string::npos) require("socket", "the path of a socket in \"host\"");
  }

  void require_necessary_fields() const {
    if (value("host").empty() && value("hostaddr").empty()) refuse("\"host\" is missing");
    if (has_empty_part(value("host")) && value("hostaddr").empty()) refuse("\"host\" has an empty part");
    if (value("user").empty()) refuse("\"user\" is missing");
  }

 private:
  std::string value(const char* name) const {
    const auto found = options_.keywords.find(name);
    return found == options_.keywords.end() ? "" : found->second;
  }

  static bool has_empty_part(std::string_view list) {
    return list.starts_with(',') || list.ends_with(',') || list.find(",,") != std::string_view::npos;
  }

  void require(const std::string& field, const std::string& shown) const {
    if (guard_.fields.contains(field)) return;
    const bool can_be = is_among(field, kOptional);
    refuse(shown + " is not allowed" + (can_be ? "; the operator can allow it in destinations.allow_fields: " + field : ""));
  }

  const ConnectOptions& options_;
  const Guard& guard_;
};

bool wants_certificate(const ConnectOptions& options) { return options.keywords.at("sslmode").starts_with("verify-"); }

/// A path at which nothing can be: libpq then goes without, and looks into no home folder.
constexpr const char* kNoFile = "/dev/null/none";

/// libpq takes what is absent or empty from the environment or the user's home.
void leave_nothing_open(ConnectOptions& options, const Guard& guard) {
  auto& keywords = options.keywords;
  std::erase_if(keywords, [](const auto& keyword) { return keyword.second.empty(); });
  keywords.emplace("port", "5432");
  keywords.emplace("dbname", keywords.at("user"));
  keywords.emplace("sslmode", "prefer");
  keywords.emplace("channel_binding", "prefer");
  keywords.emplace("target_session_attrs", "any");
  keywords.emplace("ssl_min_protocol_version", "TLSv1.2");
  keywords.emplace("sslsni", "1");
  if (const auto ca = keywords.find("sslrootcert"); ca != keywords.end() && ca->second == "system") keywords.erase(ca);
  // With a file that is there libpq would check certificates in the other modes, too.
  keywords.emplace("sslrootcert", wants_certificate(options) ? guard.ca_file : kNoFile);
  for (const char* file : {"passfile", "sslcert", "sslkey", "sslcrl"}) keywords.emplace(file, kNoFile);
}

}  // namespace

std::set<std::string, std::less<>> Guard::fields_of(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    if (is_among(name, kOptional)) continue;
    std::string all;
    for (const auto field : kOptional) all += (all.empty() ? "" : ", ") + std::string(field);
    throw Error(ErrorKind::usage, '"' + name + "\" is none of " + all);
  }
  return {names.begin(), names.end()};
}

std::shared_ptr<const AddressRules> Guard::rules_of(const std::vector<std::string>& networks) {
  std::vector<Network> opened;
  for (const auto& text : networks) {
    const auto network = Network::parse(text);
    if (!network) throw Error(ErrorKind::usage, '"' + text + "\" is no network such as 10.0.0.0/8 or fd00:12::/32");
    opened.push_back(*network);
  }
  return std::make_shared<AddressRules>(std::move(opened));
}

ConnectOptions parse_guarded(std::string_view connection_string, const Guard& guard, std::string owner) {
  if (connection_string.size() > kLongest) refuse("it is longer than " + std::to_string(kLongest) + " bytes");
  auto options = ConnectOptions::parse(connection_string);
  const Screening screening(options, guard);
  screening.require_allowed_fields();
  screening.require_necessary_fields();
  leave_nothing_open(options, guard);
  options.addresses = guard.addresses;
  options.resolver = guard.resolver;
  options.owner = std::move(owner);
  options.max_answer = guard.max_answer;
  return options;
}

}  // namespace tributary::postgres
