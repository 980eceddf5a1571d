#include "base/uuid.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <unordered_set>

namespace tributary {
namespace {

Uuid any_uuid() {
  Uuid id;
  for (auto& byte : id.bytes) byte = static_cast<std::byte>(*rc::gen::arbitrary<unsigned char>());
  return id;
}

TEST(Uuid, TextAndBytesRoundTrip) {
  ASSERT_TRUE(rc::check([] {
    const auto id = any_uuid();
    RC_ASSERT(Uuid::parse(id.to_string()) == id);
    RC_ASSERT(Uuid::from_bytes(id.bytes) == id);
  }));
}

TEST(Uuid, OrderIsThatOfItsTextAsInPostgres) {
  ASSERT_TRUE(rc::check([] {
    const auto a = any_uuid();
    const auto b = any_uuid();
    RC_ASSERT((a < b) == (a.to_string() < b.to_string()));
  }));
}

TEST(Uuid, AcceptsTheCanonicalFormInAnyCaseAndNothingElse) {
  const auto id = Uuid::parse("6B3c0f1e-9d24-4A57-8f10-0123456789aB");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->to_string(), "6b3c0f1e-9d24-4a57-8f10-0123456789ab");
  for (const auto* text :
       {"", "6b3c0f1e9d244a578f100123456789ab", "{6b3c0f1e-9d24-4a57-8f10-0123456789ab}", "6b3c0f1e-9d24-4a57-8f10-0123456789a",
        "6b3c0f1e-9d24-4a57-8f10-0123456789abc", "6b3c0f1e-9d24-4a57-8f10-0123456789ag", "6b3c0f1e+9d24-4a57-8f10-0123456789ab",
        "6b3c0f1e-9d24-4a57-8f1-00123456789ab"}) {
    EXPECT_FALSE(Uuid::parse(text)) << text;
  }
}

TEST(Uuid, RandomOnesAreVersionFourAndDiffer) {
  std::unordered_set<Uuid> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto id = Uuid::random();
    EXPECT_EQ(id.to_string()[14], '4');
    EXPECT_NE(std::string("89ab").find(id.to_string()[19]), std::string::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(Uuid, RefusesAnythingButSixteenBytes) {
  const std::array<std::byte, 15> bytes{};
  EXPECT_THROW(Uuid::from_bytes(bytes), std::invalid_argument);
}

}  // namespace
}  // namespace tributary
