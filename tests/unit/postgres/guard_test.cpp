#include "postgres/guard.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "postgres/error.hpp"

namespace tributary::postgres {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string refusal(std::string_view connection_string, const std::vector<std::string>& allowed = {}) {
  Guard guard;
  guard.fields = Guard::fields_of(allowed);
  try {
    parse_guarded(connection_string, guard);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "";
}

TEST(Guard, WhatAConnectionStringNeedsIsAllowed) {
  for (const auto* text :
       {"postgresql://me:secret@db.example:5433/shop?sslmode=verify-full&channel_binding=require",
        "host=db.example user=me password=secret dbname=shop connect_timeout=3 application_name=shop",
        "postgresql://me@[2606:4700::1111]/shop", "postgresql://me@db.example/shop?sslmode=verify-full&sslrootcert=system",
        "postgresql://me@db.example/shop?target_session_attrs=read-write"}) {
    EXPECT_EQ(refusal(text), "") << text;
  }
}

TEST(Guard, EverythingElseIsRefusedByName) {
  const std::string head = "host=db.example user=me ";
  for (const auto* field : {"hostaddr", "options", "passfile", "sslcert", "sslkey", "sslrootcert"}) {
    const auto text = head + field + "=1.2.3.4";
    EXPECT_THAT(refusal(text),
                testing::AllOf(HasSubstr(field), HasSubstr("destinations.allow_fields"), Not(HasSubstr("1.2.3.4"))));
    EXPECT_EQ(refusal(text, {field}), "") << field;
  }
  for (const auto* field : {"service", "sslcrl", "sslcrldir", "sslpassword", "requirepeer", "krbsrvname", "gsslib", "replication",
                            "client_encoding", "fallback_application_name", "keepalives", "ssl_max_protocol_version"}) {
    EXPECT_THAT(refusal(head + field + "=1"), HasSubstr(std::string_view(field) == "service" ? "service files" : field));
  }
  EXPECT_THAT(refusal("host=a,b user=me"), HasSubstr("a list of hosts"));
  EXPECT_THAT(refusal("postgresql://me@a:1,b:2/shop"), HasSubstr("a list of hosts"));
  EXPECT_EQ(refusal("host=a,b user=me", {"hosts"}), "");
  for (const auto* host : {"/run/postgresql", "@abstract", "a,/run"}) {
    EXPECT_THAT(refusal("user=me host=" + std::string(host), {"hosts"}), HasSubstr("socket")) << host;
  }
  EXPECT_EQ(refusal("user=me host=/run/postgresql", {"socket"}), "");
}

TEST(Guard, WhatLibpqWouldTakeFromElsewhereHasToBeThere) {
  EXPECT_THAT(refusal("user=me"), HasSubstr("\"host\" is missing"));
  EXPECT_THAT(refusal("postgresql:///shop?user=me"), HasSubstr("\"host\" is missing"));
  EXPECT_THAT(refusal("host=a,,b user=me", {"hosts"}), HasSubstr("empty part"));
  EXPECT_THAT(refusal("host=a"), HasSubstr("\"user\" is missing"));
  EXPECT_THAT(refusal("host=a user=me password=" + std::string(5'000, 'x')), HasSubstr("longer than"));
}

TEST(Guard, NothingIsLeftToBeFilledIn) {
  const auto options = parse_guarded("host=db.example user=me sslmode=require", {});
  const auto& keywords = options.keywords;
  EXPECT_EQ(keywords.at("port"), "5432");
  EXPECT_EQ(keywords.at("dbname"), "me");
  EXPECT_EQ(keywords.at("sslmode"), "require");
  for (const auto* file : {"passfile", "sslcert", "sslkey", "sslcrl", "sslrootcert"})
    EXPECT_EQ(keywords.at(file), "/dev/null/none");
  EXPECT_NE(options.addresses, nullptr);
  EXPECT_GT(options.max_answer, 0U);
  EXPECT_EQ(parse_guarded("host=a user=me", {}).keywords.at("sslmode"), "prefer");
}

TEST(Guard, VerifyingTakesTheOperatorsCertificates) {
  Guard guard;
  guard.ca_file = "/etc/our.pem";
  for (const auto* mode : {"verify-ca", "verify-full"}) {
    EXPECT_EQ(parse_guarded("host=a user=me sslmode=" + std::string(mode), guard).keywords.at("sslrootcert"), "/etc/our.pem");
  }
}

TEST(Guard, OptionsOfTheOperatorAreChecked) {
  EXPECT_THROW(Guard::fields_of({"service"}), Error);
  EXPECT_THROW(Guard::rules_of({"10.0.0.0/8", "ten"}), Error);
}

TEST(Environment, IsTakenAndGivenToWhomItIsFor) {
  ::setenv("PGPASSWORD", "hunter2", 1);
  ::setenv("PGTZ", "Asia/Tokyo", 1);
  const auto taken = take_environment();
  EXPECT_EQ(taken.at("password"), "hunter2");
  EXPECT_EQ(std::getenv("PGPASSWORD"), nullptr);
  EXPECT_EQ(std::getenv("PGTZ"), nullptr);
  const auto options = ConnectOptions::parse("host=a").with_defaults(taken);
  EXPECT_EQ(options.keywords.at("password"), "hunter2");
  EXPECT_EQ(ConnectOptions::parse("host=a password=own").with_defaults(taken).keywords.at("password"), "own");
  EXPECT_THROW((void)options.with_defaults({{"service", "s"}}), Error);
}

}  // namespace
}  // namespace tributary::postgres
