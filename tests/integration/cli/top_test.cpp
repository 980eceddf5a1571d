#include <csignal>

#include "fixture.hpp"
#include "terminal.hpp"

/// `tributary top`, for programs and on a terminal.
namespace tributary::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class CliTop : public Cli {
 protected:
  CliTop() {
    migrate();
    tenancy_ = create_project("acme");
  }
  std::string tenancy_;
};

TEST_F(CliTop, ShowsTheSourceAndWhatARunningServeApplies) {
  Database warehouse("cli_warehouse");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse.uri()});
  done({"destination", "add", "acme", "broken", "--url", nowhere(), "--no-test"});
  Binary serve({"serve", "--threads", "1"}, environment());
  const auto process = fmt::format("http://127.0.0.1:{}", port_of(serve));
  insert_teams(tenancy_, "acme", 3);
  auto session = source_.session();
  serve.wait_until([&] { return session.number("SELECT count(*) FROM tributary.destination_state WHERE error <> ''") == 1; });
  serve.wait_until([&] {
    return warehouse.session().attempt("SELECT FROM teams") != "42P01" &&
           warehouse.session().number("SELECT count(*) FROM teams") == 3;
  });
  HttpClient client(port_of(serve));
  serve.wait_until([&] {
    return client.get("/metrics").body.find("\ntributary_lag_seconds_count{kind=\"postgres\"} 0\n") == std::string::npos;
  });
  serve.wait_until([&] { return session.number("SELECT count(*) FROM \"OutgoingRequest\"") == 0; });

  const auto frame = json_of(done({"top", "--once", "--json", "--process", process}));
  EXPECT_EQ(frame.at("fusebox"), json_of({0, R"({"sequencer": true, "poller": true})", ""}));
  EXPECT_EQ(frame.at("troubled"), 1);
  EXPECT_EQ(frame.at("worst").at(0).at("destination"), "acme/broken");
  EXPECT_EQ(frame.at("worst").at(0).at("state"), "failing");
  EXPECT_EQ(frame.at("lag").at(0).at("kind"), "postgres");
  EXPECT_GT(frame.at("lag").at(0).at("batches").as_int64(), 0);
  EXPECT_EQ(frame.at("mappings").as_array().size(), 4U);
  EXPECT_FALSE(frame.as_object().contains("process_errors"));

  const auto plain = done({"top", "--process", process, "--process", "http://127.0.0.1:1"}).out;  // no terminal: one frame
  EXPECT_THAT(plain, testing::AllOf(HasSubstr("acme/broken"), HasSubstr("lag         postgres: p50 "),
                                    HasSubstr("http://127.0.0.1:1: Connection refused"), HasSubstr("teams"),
                                    Not(HasSubstr("secret")), Not(HasSubstr("\033"))));
}

TEST_F(CliTop, OnATerminalKeysWorkAndItIsLeftAsItWas) {
  const auto variables = environment();
  OnTerminal top({"top"}, variables);
  top.wait_for("p pause  s sort: oldest");
  EXPECT_FALSE(top.reads_lines());
  top.press('s');
  top.wait_for("s sort: attempts");
  top.press('p');
  top.wait_for("p go on");
  top.press('p');
  top.wait_for("p pause");
  top.press('q');
  EXPECT_EQ(top.wait(), 0) << top.out();
  EXPECT_THAT(top.out(), testing::AllOf(testing::StartsWith("\033[?1049h\033[?25l"), testing::EndsWith("\033[?25h\033[?1049l")));
  EXPECT_TRUE(top.reads_lines());
}

TEST_F(CliTop, CtrlCAndSigtermLeaveTheTerminalAsItWas) {
  const auto variables = environment();
  for (const bool by_key : {true, false}) {
    OnTerminal top({"top"}, variables);
    top.wait_for("q quit");
    if (by_key)
      top.press('\003');
    else
      top.signal(SIGTERM);
    EXPECT_EQ(top.wait(), 0) << top.out();
    EXPECT_THAT(top.out(), testing::EndsWith("\033[?25h\033[?1049l"));
    EXPECT_TRUE(top.reads_lines());
  }
}

TEST_F(CliTop, WhatCannotBeAskedIsSaid) {
  const auto away = tributary({"top", "--once", "--source", nowhere()});
  EXPECT_EQ(away.status, 1);
  EXPECT_THAT(away.err, testing::AllOf(HasSubstr("cannot connect to the source"), Not(HasSubstr("secret"))));
  const auto no_url = tributary({"top", "--once", "--process", "localhost"});
  EXPECT_EQ(no_url.status, 2);
  EXPECT_THAT(no_url.err, HasSubstr("such as http://127.0.0.1:8080"));
}

}  // namespace
}  // namespace tributary::test
