#include <fmt/format.h>

#include <boost/json.hpp>

#include "bench.hpp"
#include "http_load.hpp"
#include "pgbench.hpp"
#include "statistics.hpp"
#include "tenants.hpp"

// Requests of the REST API over 64 connections, beside what Postgres itself gives for the same row over as many.
namespace tributary::bench {
namespace {

using namespace std::chrono_literals;

constexpr const char* kSource = "api";
constexpr int kConnections = 64;
constexpr int kUsers = 1'000;

struct Project {
  std::string tenancy;
  std::string key;
};

std::string request(const Project& project, std::string_view method, const std::string& path, const std::string& body = "") {
  return fmt::format(
      "{} /api/v1{} HTTP/1.1\r\nHost: localhost\r\nx-stack-project-id: api\r\nx-stack-access-type: server\r\n"
      "x-stack-secret-server-key: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      method, path, project.key, body.size(), body);
}

/// As many clients that read one user each, over TCP as the API does.
PgbenchRun reads(const std::string& tenancy, int transactions) {
  auto script = fmt::format(
      "\\set user random(1, {})\nSELECT * FROM \"ProjectUser\" WHERE \"tenancyId\" = '{}' AND \"projectUserId\" = md5('{} user ' "
      "|| :user)::uuid;\n",
      kUsers, tenancy, tenancy);
  return {.script = std::move(script), .clients = kConnections, .threads = 2, .transactions = transactions};
}

Project make_project(Servers& servers) {
  const auto printed =
      servers.shell(R"sh("$TRIBUTARY" --source "$SOURCE" project create api --json)sh",
                    {{"TRIBUTARY", servers.tributary().string()}, {"SOURCE", servers.source(kSource).to_string()}});
  const auto made = boost::json::parse(printed);
  return {.tenancy = std::string(made.at("tenancy").as_string()),
          .key = std::string(made.at("keys").at(0).at("key").as_string())};
}

}  // namespace

std::vector<Result> api(Context& context) {
  auto& servers = context.servers;
  servers.create_source(kSource);
  const auto project = make_project(servers);
  Session source(servers.source(kSource));
  make_users(source, project.tenancy, kUsers);
  std::vector<std::string> users;
  for (const auto& row : source.rows(R"(SELECT "projectUserId" FROM "ProjectUser")")) users.push_back(row.at(0));
  const auto path = [&](std::size_t number) { return "/users/" + users.at(number % users.size()); };

  struct Kind {
    std::string name;
    std::function<std::string(std::size_t number)> make;
  };
  const std::vector<Kind> kinds{
      {"GET user", [&](std::size_t number) { return request(project, "GET", path(number)); }},
      {"PATCH user",
       [&](std::size_t number) {
         return request(project, "PATCH", path(number), fmt::format(R"({{"display_name":"name {}"}})", number));
       }},
      {"POST user",
       [&](std::size_t number) {
         return request(project, "POST", "/users", fmt::format(R"({{"primary_email":"{}@example.com"}})", number));
       }},
      {"list of 100", [&](std::size_t) { return request(project, "GET", "/users?limit=100"); }},
  };
  Service service(servers, kSource,
                  {"--roles", "api", "--threads", "2", "--set", "http.access_log=errors",
                   // How fast requests are answered is measured, and not how many are turned away.
                   "--set", "http.queue_timeout=30s"});
  const auto time = context.pick(4'000ms, 300ms);
  const auto bare = reads(project.tenancy, context.pick(2'000, 20));
  std::vector<Result> results;
  for (const auto& kind : kinds) {
    Pairs pairs;
    std::vector<double> p99_ms;
    for (int pair = 0; pair < context.pairs; ++pair) {
      servers.checkpoint();
      const auto measured = load_http(service.port(), kConnections, time, kind.make);
      pairs.add(measured.per_second, pgbench(servers, servers.source(kSource), bare).per_second);
      p99_ms.push_back(quantile(measured.milliseconds, 0.99));
    }
    results.push_back({.name = "api",
                       .measured = fmt::format("{}: {:.0f}/s, p99 {:.1f} ms", kind.name, median(pairs.ours), median(p99_ms)),
                       .beside = fmt::format("SELECT of a user, bare: {:.0f}/s", median(pairs.baseline)),
                       .value = pairs.ratio()});
  }
  return results;
}

}  // namespace tributary::bench
