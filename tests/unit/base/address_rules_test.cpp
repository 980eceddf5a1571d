#include "base/address_rules.hpp"

#include <gtest/gtest.h>

namespace tributary {
namespace {

std::string_view refusal(const char* address, const AddressRules& rules = {}) {
  return rules.refusal(asio::ip::make_address(address));
}

TEST(AddressRules, ThePublicInternetIsAllowed) {
  for (const auto* address : {"8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1", "223.255.255.255",
                              "2606:4700::1111", "2001:4860:4860::8888", "2a00:1450::1", "64:ff9b::808:808", "::ffff:8.8.8.8"}) {
    EXPECT_EQ(refusal(address), "") << address;
  }
}

TEST(AddressRules, WhatIsNotPublicIsRefusedInEveryWayToWriteIt) {
  for (const auto* address : {"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"}) {
    EXPECT_EQ(refusal(address), "loopback") << address;
  }
  for (const auto* address : {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fdff::1", "fec0::1",
                              "::ffff:10.0.0.1", "64:ff9b::a00:1"}) {
    EXPECT_EQ(refusal(address), "private") << address;
  }
  for (const auto* address : {"169.254.1.1", "fe80::1", "fe80::1%2", "febf::1", "::ffff:169.254.1.1"}) {
    EXPECT_EQ(refusal(address), "link-local") << address;
  }
  for (const auto* address : {"169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "168.63.129.16",
                              "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"}) {
    EXPECT_EQ(refusal(address), "a metadata service") << address;
  }
  for (const auto* address : {"100.64.0.1", "100.127.255.255"}) EXPECT_NE(refusal(address), "") << address;
  for (const auto* address : {"224.0.0.1", "239.255.255.255", "ff02::1"}) EXPECT_EQ(refusal(address), "multicast") << address;
  for (const auto* address : {"0.0.0.0", "0.1.2.3", "::"}) EXPECT_EQ(refusal(address), "unspecified") << address;
  for (const auto* address : {"2002:7f00:1::", "2001:0:1::1", "192.88.99.1"}) EXPECT_EQ(refusal(address), "a tunnel") << address;
  for (const auto* address :
       {"255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "3fff::1",
        "64:ff9b:1::1", "::7f00:1", "::127.0.0.1", "4000::1", "100::1", "5f00::1", "2001:2::1"}) {
    EXPECT_EQ(refusal(address), "reserved") << address;
  }
}

TEST(AddressRules, TheOperatorOpensNetworks) {
  const AddressRules rules({*Network::parse("127.0.0.0/8"), *Network::parse("fd12:3456::/32"), *Network::parse("10.1.2.3")});
  for (const auto* address : {"127.0.0.1", "::ffff:127.9.9.9", "fd12:3456::9", "10.1.2.3"}) {
    EXPECT_EQ(refusal(address, rules), "") << address;
  }
  for (const auto* address : {"::1", "fd12:3457::1", "10.1.2.4", "169.254.169.254"})
    EXPECT_NE(refusal(address, rules), "") << address;
}

TEST(Network, IsWrittenWithAPrefixAndNothingBehindIt) {
  for (const auto* text : {"10.0.0.0/8", "10.0.0.1", "0.0.0.0/0", "::/0", "fe80::/10", "10.0.0.4/30"}) {
    EXPECT_TRUE(Network::parse(text)) << text;
  }
  for (const auto* text : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.0.0.1/8", "10.0.0/8", "localhost", "::1%1",
                           "::/129", "10.0.0.0/-1", "10.0.0.4/29 "}) {
    EXPECT_FALSE(Network::parse(text)) << text;
  }
}

TEST(Network, OfVersion4HoldsNoneOfVersion6) {
  EXPECT_FALSE(Network::parse("0.0.0.0/0")->contains(asio::ip::make_address("2606:4700::1111")));
  EXPECT_TRUE(Network::parse("0.0.0.0/0")->contains(asio::ip::make_address("255.255.255.255")));
}

}  // namespace
}  // namespace tributary
