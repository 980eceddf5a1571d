#include "postgres/options.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "postgres/error.hpp"

namespace tributary::postgres {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string refusal(std::string_view connection_string) {
  try {
    ConnectOptions::parse(connection_string);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  ADD_FAILURE() << "was accepted: " << connection_string;
  return "";
}

TEST(ConnectOptions, ReadUrisAndKeywords) {
  const auto uri = ConnectOptions::parse("postgresql://me:secret@db.example:5433/shop?sslmode=verify-full");
  EXPECT_EQ(uri.keywords.at("host"), "db.example");
  EXPECT_EQ(uri.keywords.at("port"), "5433");
  EXPECT_EQ(uri.keywords.at("user"), "me");
  EXPECT_EQ(uri.keywords.at("password"), "secret");
  EXPECT_EQ(uri.keywords.at("dbname"), "shop");
  EXPECT_EQ(uri.keywords.at("sslmode"), "verify-full");
  EXPECT_EQ(uri, ConnectOptions::parse("host=db.example port=5433 user=me password=secret dbname=shop sslmode=verify-full"));
}

TEST(ConnectOptions, ConnectTimeoutOfTheStringIsTheLimit) {
  EXPECT_EQ(ConnectOptions::parse("host=a").connect_timeout, std::chrono::seconds(10));
  EXPECT_EQ(ConnectOptions::parse("host=a connect_timeout=3").connect_timeout, std::chrono::seconds(3));
  EXPECT_EQ(ConnectOptions::parse("host=a connect_timeout=0").connect_timeout, std::chrono::seconds(10)) << "never for ever";
  EXPECT_THAT(refusal("host=a connect_timeout=soon"), HasSubstr("connect_timeout"));
}

TEST(ConnectOptions, SayWhatIsWrong) {
  EXPECT_THAT(refusal("host=a port=0"), HasSubstr("port"));
  EXPECT_THAT(refusal("host=a port=65536"), HasSubstr("port"));
  EXPECT_THAT(refusal("host=a,b port=5432,x"), HasSubstr("port"));
  EXPECT_THAT(refusal("host=a sslmode=maybe"), HasSubstr("sslmode"));
  EXPECT_THAT(refusal("hostname=a"), HasSubstr("hostname"));
  EXPECT_THAT(refusal("service=a"), HasSubstr("service"));
  EXPECT_THAT(refusal("host"), HasSubstr("missing \"=\""));
  EXPECT_THAT(refusal(std::string_view("host=a\0b", 8)), HasSubstr("NUL"));
}

TEST(ConnectOptions, ComplaintsRepeatNoPassword) {
  for (const auto* text :
       {"postgresql://me:hunter2@[::1/db", "postgresql://me:hunter2@host:x/db?a=hunter2", "host=a password=my hunter2",
        "postgresql://me@h/db?password=a&hunter2=b", "postgresql://me:hunter2%zz@h/db", "password='hunter2",
        "postgresql://me:x\"hunter2\"y%zz@h/db", "password=hunter2 port=x", "password=hunter2 sslmode=hunter2"}) {
    EXPECT_THAT(refusal(text), Not(HasSubstr("hunter2"))) << text;
  }
}

RC_GTEST_PROP(ConnectOptions, NoPasswordIsShownWhateverItsCharacters, ()) {
  const auto noise = *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab:/@?&=%\"' \\#[],"))));
  const auto password = "hunter2" + noise;
  const std::string text = *rc::gen::elementOf(std::vector<std::string>{
      "postgresql://me:" + password + "@host/db", "host=a password=" + password, "postgresql://me@h/db?password=" + password});
  try {
    const auto options = ConnectOptions::parse(text);
    // The password may end early and the rest be taken for a host; what libpq takes for the password is hidden.
    const auto kept = options.keywords.find("password");
    if (kept != options.keywords.end())
      RC_ASSERT(options.redacted().find(kept->second) == std::string::npos || kept->second.empty());
  } catch (const Error& error) {
    RC_ASSERT(std::string(error.what()).find("hunter2") == std::string::npos);
  }
}

TEST(ConnectOptions, RedactedIsForPeopleToRead) {
  EXPECT_EQ(ConnectOptions::parse("postgresql://me:secret@db:5433/shop?sslmode=require").redacted(),
            "postgresql://me@db:5433/shop");
  EXPECT_EQ(ConnectOptions::parse("host=::1 dbname=shop").redacted(), "postgresql://[::1]/shop");
  EXPECT_EQ(ConnectOptions::parse("host=/run/postgresql user=me dbname=shop").redacted(),
            "postgresql://me@/shop?host=/run/postgresql");
  EXPECT_EQ(ConnectOptions::parse("").redacted(), "postgresql://");
}

RC_GTEST_PROP(ConnectOptions, SurviveTheWayThroughAString, ()) {
  const auto value = rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange<char>(1, 127)));
  const auto options = ConnectOptions().with("host", *value).with("password", *value).with("user", *value);
  RC_ASSERT(ConnectOptions::parse(options.to_string()) == options);
}

TEST(ConnectOptions, SettingsAreAppendedAndEscaped) {
  const auto options =
      ConnectOptions::parse("options='-c a=1'").with_setting("search_path", "my schema\\x").with_setting("b", "2");
  EXPECT_EQ(options.keywords.at("options"), "-c a=1 -c search_path=my\\ schema\\\\x -c b=2");
}

}  // namespace
}  // namespace tributary::postgres
