#include "postgres/detail/resolve.hpp"

#include <boost/asio/error.hpp>

#include <optional>

#include "base/address_rules.hpp"
#include "base/look_up.hpp"
#include "postgres/error.hpp"

namespace tributary::postgres::detail {
namespace {

std::string value_of(const ConnectOptions& options, const char* keyword) {
  const auto found = options.keywords.find(keyword);
  return found == options.keywords.end() ? "" : found->second;
}

std::vector<std::string> split(std::string_view list) {
  std::vector<std::string> parts;
  while (true) {
    const auto comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

/// What the options say, before names are looked up.
std::vector<Endpoint> named_endpoints(const ConnectOptions& options) {
  const auto hosts = split(value_of(options, "host"));
  const auto addresses = split(value_of(options, "hostaddr"));
  const auto ports = split(value_of(options, "port"));
  const auto count = std::max(hosts.size(), addresses.size());
  const auto fits = [count](const std::vector<std::string>& list) { return list.size() == 1 || list.size() == count; };
  const bool addresses_fit = addresses.size() == count || (addresses.size() == 1 && addresses[0].empty());
  const bool hosts_fit = hosts.size() == count || (hosts.size() == 1 && hosts[0].empty());
  if (!addresses_fit || !hosts_fit || !fits(ports)) {
    throw Error(ErrorKind::usage, "the lists of hosts, addresses and ports differ in length");
  }
  std::vector<Endpoint> endpoints(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (i < hosts.size()) endpoints[i].host = hosts[i];
    if (i < addresses.size()) endpoints[i].hostaddr = addresses[i];
    endpoints[i].port = ports.size() == 1 ? ports[0] : ports[i];
  }
  return endpoints;
}

bool needs_look_up(const Endpoint& endpoint) {
  const bool is_socket = endpoint.host.starts_with('/') || endpoint.host.starts_with('@');  // '@': Linux's abstract sockets
  return endpoint.hostaddr.empty() && !endpoint.host.empty() && !is_socket;
}

/// Empty, or why a connection to this address may not be tried. What it is is not repeated: it may tell a stranger what an internal name stands for.
std::string refusal(const ConnectOptions& options, const std::string& host, const asio::ip::address& address) {
  const auto kind = options.addresses ? options.addresses->refusal(address) : "";
  if (kind.empty()) return "";
  return "the host \"" + host + "\" has an address that is not allowed (" + std::string(kind) +
         "); the operator can open its network in destinations.allow_networks";
}

/// `hostaddr` is numeric, and only a numeric address goes to libpq.
std::optional<Error> refuse_named(const ConnectOptions& options, const Endpoint& named) {
  if (!options.addresses || named.hostaddr.empty()) return std::nullopt;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(named.hostaddr, error);
  if (error) return Error(ErrorKind::usage, "hostaddr is not an address");
  const auto why = refusal(options, named.hostaddr, address);
  return why.empty() ? std::nullopt : std::optional(Error(ErrorKind::usage, why));
}

}  // namespace

asio::awaitable<std::vector<Endpoint>> resolve(const ConnectOptions& options, Deadline deadline) {
  std::vector<Endpoint> endpoints;
  std::optional<Error> failure;
  for (auto& named : named_endpoints(options)) {
    if (!needs_look_up(named)) {
      failure = refuse_named(options, named);
      if (!failure) endpoints.push_back(std::move(named));
      continue;
    }
    const auto found = co_await (options.resolver ? options.resolver->look_up(named.host, options.owner, deadline)
                                                  : look_up(named.host, deadline));
    for (const auto& each : found.addresses) {
      const auto why = refusal(options, named.host, each);
      if (why.empty())
        endpoints.push_back({named.host, each.to_string(), named.port});
      else
        failure.emplace(ErrorKind::usage, why);
    }
    if (!found.error) continue;
    const auto kind = found.error == asio::error::timed_out ? ErrorKind::deadline : ErrorKind::connection;
    failure.emplace(kind, "could not look up the host \"" + named.host + "\": " + found.error.message());
  }
  if (endpoints.empty()) throw failure.value_or(Error(ErrorKind::connection, "the host has no address"));
  co_return endpoints;
}

}  // namespace tributary::postgres::detail
