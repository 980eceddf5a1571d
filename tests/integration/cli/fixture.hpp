#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "binary.hpp"
#include "support/database.hpp"
#include "support/http_client.hpp"

namespace tributary::test {

/// A source of this test's own, and the binary pointed at it.
class Cli : public testing::Test {
 protected:
  Finished tributary(std::vector<std::string> arguments) { return run_binary(std::move(arguments), environment()); }
  /// One that must succeed.
  Finished done(std::vector<std::string> arguments) {
    auto finished = tributary(std::move(arguments));
    EXPECT_EQ(finished.status, 0) << finished.err << finished.out;
    return finished;
  }
  /// A lease that a killed process does not hold for long.
  Environment environment() const {
    return {{"TRIBUTARY_SOURCE_URL", source_.uri()},
            {"TRIBUTARY_QUEUE_LEASE", "2s"},
            {"TRIBUTARY_CLICKHOUSE_USE", "none"},
            {"TRIBUTARY_HTTP_LISTEN", "127.0.0.1:0"}};
  }

  void migrate() { done({"migrate", "--quiet"}); }
  /// Creates a project and returns its tenancy.
  std::string create_project(const std::string& id) {
    const auto created = done({"project", "create", id, "--json"});
    return std::string(boost::json::parse(created.out).at("tenancy").as_string());
  }
  void insert_teams(const std::string& tenancy, const std::string& project, int count) {
    source_.session().run(
        R"(INSERT INTO "Team" ("tenancyId", "teamId", "mirroredProjectId", "displayName", "createdAt", "updatedAt")
                            SELECT ')" +
        tenancy + R"(', gen_random_uuid(), ')" + project + R"(', 'team ' || i, now(), now()
                            FROM generate_series(1, )" +
        std::to_string(count) + ") AS i");
  }
  /// Address where nobody listens, with a password that must not be seen.
  static std::string nowhere() { return "postgresql://me:secret@127.0.0.1:1/nothing"; }

  Database source_{"cli_source"};
};

/// The port of a service that says it listens at one and has started.
inline std::uint16_t port_of(Binary& serve) {
  const std::string begin = R"("message":"listening","address":"127.0.0.1:)";
  serve.wait_for(begin);
  serve.wait_for("\"started\"");
  return static_cast<std::uint16_t>(std::stoi(serve.err().substr(serve.err().find(begin) + begin.size())));
}

/// With the gauges of the source, which are left out where it has not answered in time.
inline std::string whole_metrics(Binary& serve, std::uint16_t port) {
  std::string text;
  serve.wait_until([&] {
    text = HttpClient(port).get("/metrics").body;
    return text.find("\ntributary_quarantined_rows ") != std::string::npos;
  });
  return text;
}

inline boost::json::value json_of(const Finished& finished) { return boost::json::parse(finished.out); }

}  // namespace tributary::test
