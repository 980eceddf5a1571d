#include "base/secrets.hpp"

#include <gmock/gmock.h>

namespace tributary {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Secrets, WhatIsSealedIsOpenedAndNeverLooksTheSame) {
  const Secrets secrets(Secrets::generate_key());
  for (const auto* text : {"", "a", "postgresql://u:p@h/d", "\xF0\x9F\x9A\x80"}) {
    const auto sealed = secrets.seal(text);
    EXPECT_TRUE(Secrets::is_sealed(sealed));
    EXPECT_EQ(secrets.open(sealed), text);
    EXPECT_NE(secrets.seal(text), sealed);
  }
  EXPECT_THAT(secrets.seal("postgresql://u:p@h/d"), Not(HasSubstr("postgresql")));
}

TEST(Secrets, AnOldKeyOpensAndTheFirstOneSeals) {
  const auto old_key = Secrets::generate_key();
  const auto new_key = Secrets::generate_key();
  const auto sealed = Secrets(old_key).seal("text");
  const Secrets both(new_key + "\n" + old_key + "\n");
  EXPECT_EQ(both.open(sealed), "text");
  EXPECT_FALSE(both.is_current(sealed));
  EXPECT_TRUE(both.is_current(both.seal("text")));
  EXPECT_EQ(Secrets(new_key).open(both.seal("text")), "text");
}

TEST(Secrets, WhatWasTamperedWithOrHasAStrangeKeyIsRefused) {
  const Secrets secrets(Secrets::generate_key());
  const auto sealed = secrets.seal("text that is long enough to be changed");
  for (std::size_t i = sealed.rfind(':') + 1; i < sealed.size(); ++i) {
    auto changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_THROW(secrets.open(changed), SecretError) << i;
    EXPECT_THROW(secrets.open(sealed.substr(0, i)), SecretError) << i;
  }
  EXPECT_THROW(Secrets(Secrets::generate_key()).open(sealed), SecretError);
  EXPECT_THROW(Secrets().open(sealed), SecretError);
}

TEST(Secrets, WithoutAKeyTextStaysAsItIs) {
  EXPECT_EQ(Secrets().seal("text"), "text");
  EXPECT_EQ(Secrets().open("text"), "text");
  EXPECT_THROW(Secrets("0123"), SecretError);
}

}  // namespace
}  // namespace tributary
