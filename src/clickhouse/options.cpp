#include "clickhouse/options.hpp"

#include <fmt/format.h>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

#include <charconv>

#include "clickhouse/error.hpp"

namespace tributary::clickhouse {

namespace urls = boost::urls;

namespace {

std::uint16_t port_of(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool is_port = error == std::errc() && end == digits.data() + digits.size() && port != 0;
  if (!is_port) throw Error(ErrorKind::usage, "the ClickHouse URL's port is not one");
  return port;
}

}  // namespace

ConnectOptions ConnectOptions::parse(std::string_view url) {
  const auto parsed = urls::parse_uri(url);
  if (!parsed)
    throw Error(ErrorKind::usage, "the ClickHouse URL is not a URL: it looks like http://user:password@host:8123/database");
  const urls::url_view view = *parsed;
  ConnectOptions options;
  if (view.scheme() == "https")
    options.tls = true;
  else if (view.scheme() != "http")
    throw Error(ErrorKind::usage, "the ClickHouse URL begins with neither http:// nor https://");
  if (view.host().empty()) throw Error(ErrorKind::usage, "the ClickHouse URL names no host");
  if (view.has_query() || view.has_fragment())
    throw Error(ErrorKind::usage, "the ClickHouse URL has something behind its database");
  options.host = view.host_type() == urls::host_type::ipv6 ? std::string(view.host_ipv6_address().to_string()) : view.host();
  options.port = view.has_port() ? port_of(view.port()) : options.tls ? 8443 : 8123;
  if (view.has_userinfo()) {
    options.user = view.user();
    options.password = view.password();
  }
  const auto segments = view.segments();
  if (segments.size() > 1) throw Error(ErrorKind::usage, "the ClickHouse URL has a path of more than a database");
  if (!segments.empty()) options.database = *segments.begin();
  return options;
}

std::string ConnectOptions::redacted() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}@{}:{}{}{}", tls ? "https" : "http", user, is_ipv6 ? '[' + host + ']' : host, port,
                     database.empty() ? "" : "/", database);
}

}  // namespace tributary::clickhouse
