#pragma once
#include <boost/asio/ip/address.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tributary {

namespace asio = boost::asio;

/// A range of addresses, `10.0.0.0/8`. Those of version 4 stand where RFC 4291 maps them to, so that there is one comparison for both.
struct Network {
  std::array<std::uint8_t, 16> bytes{};
  unsigned prefix = 0;  ///< bits that count, of 128

  /// An address alone is a network of one. nullopt where it is neither, or has bits behind its prefix.
  static std::optional<Network> parse(std::string_view text);
  bool contains(const asio::ip::address& address) const;
};

/// Which addresses a server that a stranger named may have: those of the public internet, and what the operator opens. Pure values.
class AddressRules {
 public:
  AddressRules() = default;
  explicit AddressRules(std::vector<Network> opened) : opened_(std::move(opened)) {}

  /// What kind of address it is that is not allowed ("loopback", "private"); empty where it is allowed. An address of version 6 that stands for one of version 4
  /// (mapped, NAT64) is judged as that one.
  std::string_view refusal(const asio::ip::address& address) const;

 private:
  std::vector<Network> opened_;
};

}  // namespace tributary
