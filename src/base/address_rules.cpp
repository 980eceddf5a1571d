#include "base/address_rules.hpp"

#include <boost/asio/ip/address_v6.hpp>

#include <algorithm>
#include <charconv>

namespace tributary {
namespace {

using asio::ip::address;
using Bytes = std::array<std::uint8_t, 16>;

constexpr unsigned kMappedBits = 96;

Bytes bytes_of(const address& given) {
  return given.is_v4() ? asio::ip::make_address_v6(asio::ip::v4_mapped, given.to_v4()).to_bytes() : given.to_v6().to_bytes();
}

struct Kind {
  const char* network;
  const char* name;
};

// IANA's registries of special-purpose addresses, and where clouds tell secrets to whoever asks. The first that fits names the refusal.
constexpr Kind kVersion4[] = {
    {"169.254.169.254/32", "a metadata service"},
    {"168.63.129.16/32", "a metadata service"},
    {"100.100.100.200/32", "a metadata service"},
    {"192.0.0.192/32", "a metadata service"},
    {"0.0.0.0/8", "unspecified"},
    {"10.0.0.0/8", "private"},
    {"100.64.0.0/10", "shared by a carrier's customers"},
    {"127.0.0.0/8", "loopback"},
    {"169.254.0.0/16", "link-local"},
    {"172.16.0.0/12", "private"},
    {"192.0.0.0/24", "reserved"},
    {"192.0.2.0/24", "reserved"},
    {"192.88.99.0/24", "a tunnel"},
    {"192.168.0.0/16", "private"},
    {"198.18.0.0/15", "reserved"},
    {"198.51.100.0/24", "reserved"},
    {"203.0.113.0/24", "reserved"},
    {"224.0.0.0/4", "multicast"},
    {"240.0.0.0/4", "reserved"},
};
constexpr Kind kVersion6[] = {
    {"fd00:ec2::254/128", "a metadata service"},
    {"fd20:ce::254/128", "a metadata service"},
    {"::/128", "unspecified"},
    {"::1/128", "loopback"},
    {"fe80::/10", "link-local"},
    {"fec0::/10", "private"},
    {"fc00::/7", "private"},
    {"ff00::/8", "multicast"},
    {"2001::/32", "a tunnel"},  // Teredo
    {"2002::/16", "a tunnel"},  // 6to4
    {"2001::/23", "reserved"},
    {"2001:db8::/32", "reserved"},
    {"3fff::/20", "reserved"},
};

std::vector<std::pair<Network, std::string_view>> parse_all(std::span<const Kind> kinds) {
  std::vector<std::pair<Network, std::string_view>> parsed;
  for (const auto& kind : kinds) parsed.emplace_back(Network::parse(kind.network).value(), kind.name);
  return parsed;
}

std::string_view kind_of(const address& given) {
  static const auto version4 = parse_all(kVersion4);
  static const auto version6 = parse_all(kVersion6);
  static const auto global = Network::parse("2000::/3").value();
  for (const auto& [network, name] : given.is_v4() ? version4 : version6) {
    if (network.contains(given)) return name;
  }
  return given.is_v4() || global.contains(given) ? "" : "reserved";
}

/// The address that packets to `given` end up at.
address meant(const address& given) {
  static const auto nat64 = Network::parse("64:ff9b::/96").value();
  if (given.is_v4()) return given;
  const bool embeds = given.to_v6().is_v4_mapped() || nat64.contains(given);
  if (!embeds) return given;
  const auto bytes = given.to_v6().to_bytes();
  return asio::ip::address_v4({bytes[12], bytes[13], bytes[14], bytes[15]});
}

}  // namespace

std::optional<Network> Network::parse(std::string_view text) {
  const auto slash = text.find('/');
  boost::system::error_code error;
  const auto address = asio::ip::make_address(std::string(text.substr(0, slash)), error);
  if (error || text.find('%') != std::string_view::npos) return std::nullopt;
  const unsigned bits = address.is_v4() ? 32 : 128;
  unsigned prefix = bits;
  if (slash != std::string_view::npos) {
    const auto number = text.substr(slash + 1);
    const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), prefix);
    if (failed != std::errc() || end != number.data() + number.size() || prefix > bits) return std::nullopt;
  }
  Network network{.bytes = bytes_of(address), .prefix = prefix + (address.is_v4() ? kMappedBits : 0)};
  for (auto bit = network.prefix; bit < 128; ++bit) {
    if ((network.bytes[bit / 8] >> (7 - bit % 8) & 1U) != 0) return std::nullopt;
  }
  return network;
}

bool Network::contains(const asio::ip::address& address) const {
  const auto other = bytes_of(address);
  const auto whole = prefix / 8;
  if (!std::equal(bytes.begin(), bytes.begin() + whole, other.begin())) return false;
  return prefix % 8 == 0 || (bytes[whole] ^ other[whole]) >> (8 - prefix % 8) == 0;
}

std::string_view AddressRules::refusal(const asio::ip::address& address) const {
  const auto judged = meant(address);
  const bool opened = std::ranges::any_of(opened_, [&](const Network& network) { return network.contains(judged); });
  return opened ? "" : kind_of(judged);
}

}  // namespace tributary
