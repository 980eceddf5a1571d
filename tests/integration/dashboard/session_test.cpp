#include "fixture.hpp"

/// Who is let in to the dashboard, for how long, and from where.
namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class DashboardSession : public DashboardTest {};

TEST_F(DashboardSession, LetsInOperatorsAndAdministratorsAndNobodyElse) {
  const auto acme = add_project("acme");
  const auto internal = add_project("internal");
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  expect_refusal(viewer.get("/session"), 401, "SESSION_REQUIRED");
  expect_refusal(viewer.get("/overview"), 401, "SESSION_REQUIRED");
  for (const auto& wrong : {json::value{{"operator_key", "another"}}, json::value{{"operator_key", acme.admin_key}},
                            json::value{{"project_id", "acme"}, {"admin_key", kOperatorKey}},
                            json::value{{"project_id", "nobody"}, {"admin_key", acme.admin_key}}})
    expect_refusal(viewer.post("/session", wrong), 401, "WRONG_KEY");
  expect_refusal(viewer.post("/session", {{"project_id", "acme"}}), 400, "SCHEMA_ERROR");
  EXPECT_EQ(viewer.cookie, "");

  const auto in = sign_in(viewer);
  EXPECT_EQ(in.status, 200U);
  EXPECT_EQ(in.at("/role"), "operator");
  EXPECT_TRUE(in.at("/project_id").is_null());
  EXPECT_FALSE(in.at("/applies_here").as_bool());
  EXPECT_THAT(in.fields.at("set-cookie"),
              AllOf(HasSubstr("; HttpOnly"), HasSubstr("; SameSite=Strict"), HasSubstr("; Path=/dashboard"),
                    Not(HasSubstr("Secure")), Not(HasSubstr("operator"))));
  EXPECT_EQ(viewer.get("/session").body, in.body);
  EXPECT_EQ(viewer.get("/session").fields.at("cache-control"), "no-store");

  Viewer admin(port_of(serve));
  admin.extra["x-forwarded-proto"] = "https";
  const auto as_admin = sign_in(admin, acme);
  EXPECT_EQ(as_admin.at("/role"), "project");
  EXPECT_EQ(as_admin.at("/project_id"), "acme");
  EXPECT_THAT(as_admin.fields.at("set-cookie"), HasSubstr("; Secure"));
  EXPECT_EQ(sign_in(admin, internal).at("/role"), "operator");
}

TEST_F(DashboardSession, EndsWithItsTime) {
  auto variables = serving();
  variables["TRIBUTARY_HTTP_DASHBOARD_SESSION"] = "1500ms";
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, variables);
  Viewer viewer(port_of(serve));
  EXPECT_EQ(sign_in(viewer).status, 200U);
  serve.wait_until([&] { return viewer.get("/session").status == 401; });
  expect_refusal(viewer.get("/session"), 401, "SESSION_EXPIRED");
}

TEST_F(DashboardSession, CannotBeMadeUp) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  EXPECT_EQ(sign_in(viewer).status, 200U);
  viewer.cookie[viewer.cookie.size() - 6] ^= 1;
  expect_refusal(viewer.get("/session"), 401, "SESSION_EXPIRED");
  const auto stored = source_.session().value("SELECT encode(id, 'hex') FROM tributary.dashboard_session WHERE ends_at > now()");
  for (const auto& made_up : {std::string("me"), stored}) {
    viewer.cookie = "tributary_session=" + made_up;
    expect_refusal(viewer.get("/session"), 401, "SESSION_EXPIRED");
  }
}

TEST_F(DashboardSession, EndsSoonAfterItsKeyIsRevoked) {
  const auto acme = add_project("acme");
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  EXPECT_EQ(sign_in(viewer, acme).status, 200U);
  EXPECT_EQ(viewer.get("/overview").status, 200U);
  source_.session().run("UPDATE tributary.project_key SET expires_at = now() WHERE kind = 'admin'");
  serve.wait_until([&] { return viewer.get("/overview").status == 401; });
  expect_refusal(viewer.get("/session"), 401, "SESSION_EXPIRED");
}

TEST_F(DashboardSession, HoldsAtEveryProcessAndEndsAtAllOfThemWhenSomebodySignsOut) {
  Binary first({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(first));
  Viewer colleague(viewer.port());
  sign_in(viewer);
  sign_in(colleague);
  const auto copied = viewer.cookie;
  Binary second({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer thief(port_of(second));
  thief.cookie = copied;
  EXPECT_EQ(thief.get("/session").status, 200U) << "nothing but the cookie is needed at a process that was started later";
  first.signal(SIGTERM);
  EXPECT_EQ(first.wait(), 0);

  Viewer there(thief.port());
  there.cookie = copied;
  EXPECT_EQ(there.call("DELETE", "/session").status, 200U);
  EXPECT_EQ(there.cookie, "tributary_session=");
  expect_refusal(thief.get("/overview"), 401, "SESSION_EXPIRED");
  there.cookie = colleague.cookie;
  EXPECT_EQ(there.get("/session").status, 200U) << "somebody else, by the same key";
  there.cookie.clear();
  EXPECT_EQ(there.call("DELETE", "/session").status, 200U) << "who is out already";
}

TEST_F(DashboardSession, IsOfTheKeyThatItBeganWith) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  sign_in(viewer);
  auto variables = serving();
  variables["TRIBUTARY_HTTP_OPERATOR_KEY"] = "another key of the operator";
  Binary changed({"serve", "--roles", "api", "--threads", "1"}, variables);
  Viewer there(port_of(changed));
  there.cookie = viewer.cookie;
  expect_refusal(there.get("/session"), 401, "SESSION_EXPIRED");
}

TEST_F(DashboardSession, AreNoMoreThanAHundredOfAKey) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer oldest(port_of(serve));
  sign_in(oldest);
  source_.session().run(R"(
    INSERT INTO tributary.dashboard_session (id, key_hash, begun_at, ends_at)
    SELECT sha256(i::text::bytea), key_hash, begun_at + i * interval '1 ms', CASE i WHEN 50 THEN now() ELSE ends_at END
    FROM tributary.dashboard_session, generate_series(1, 100) AS i)");
  Viewer viewer(oldest.port());
  sign_in(viewer);
  EXPECT_EQ(viewer.get("/session").status, 200U);
  expect_refusal(oldest.get("/session"), 401, "SESSION_EXPIRED");
  EXPECT_EQ(count("SELECT count(*) FROM tributary.dashboard_session"), 99) << "and those whose time is over are gone";
}

TEST_F(DashboardSession, GoesOnWhileTheSourceCannotBeAsked) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  sign_in(viewer);
  EXPECT_EQ(viewer.get("/session").status, 200U);
  const Database elsewhere("dashboard_elsewhere");
  auto session = elsewhere.session();
  session.run("ALTER DATABASE \"" + source_.name() + "\" ALLOW_CONNECTIONS false");
  session.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + source_.name() + "'");
  serve.wait_until([&] { return viewer.get("/overview").status == 503; });
  EXPECT_EQ(viewer.get("/session").status, 200U) << "as it was when the source was asked last";
  expect_refusal(viewer.call("DELETE", "/session"), 503, "SERVICE_UNAVAILABLE");
  session.run("ALTER DATABASE \"" + source_.name() + "\" ALLOW_CONNECTIONS true");
  EXPECT_EQ(viewer.call("DELETE", "/session").status, 200U);
}

TEST_F(DashboardSession, MakesAnAddressWaitAfterTenWrongKeys) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  for (int i = 0; i < 10; ++i) expect_refusal(viewer.post("/session", {{"project_id", "acme"}}), 400, "SCHEMA_ERROR");
  for (int i = 0; i < 10; ++i) expect_refusal(viewer.post("/session", {{"operator_key", "guess"}}), 401, "WRONG_KEY");
  const auto refused = sign_in(viewer);
  expect_refusal(refused, 429, "TOO_MANY_ATTEMPTS");
  EXPECT_GT(refused.number("/details/retry_in_ms"), 1'000);
  EXPECT_GT(std::stoi(refused.fields.at("retry-after")), 1) << "as the details say";
}

TEST_F(DashboardSession, TakesNoOrdersFromOtherSitesPages) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  Viewer viewer(port_of(serve));
  sign_in(viewer);
  const auto fusebox = [&] { return viewer.post("/system/fusebox", {{"poller_enabled", false}}); };
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"x-tributary-dashboard", "0"},
                                                                                    {"sec-fetch-site", "cross-site"},
                                                                                    {"sec-fetch-site", "same-site"},
                                                                                    {"origin", "https://evil.example"},
                                                                                    {"origin", "http://evillocalhost"}}) {
    viewer.extra = {{name, value}};
    expect_refusal(fusebox(), 403, "CROSS_SITE_REQUEST");
    expect_refusal(sign_in(viewer), 403, "CROSS_SITE_REQUEST");
  }
  EXPECT_EQ(count(R"(SELECT count(*) FROM "ExternalDbSyncMetadata" WHERE NOT "pollerEnabled")"), 0);
  viewer.extra = {{"origin", "http://localhost"}};
  EXPECT_EQ(fusebox().status, 200U);
  viewer.extra = {{"sec-fetch-site", "same-origin"}, {"origin", "https://tributary.example"}};  // behind a proxy
  EXPECT_EQ(fusebox().status, 200U);
}

TEST_F(DashboardSession, IsToBeHadNowhereWhereItsTimeIsZero) {
  auto variables = serving();
  variables["TRIBUTARY_HTTP_DASHBOARD_SESSION"] = "0";
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, variables);
  Viewer viewer(port_of(serve));
  EXPECT_EQ(viewer.get("/session").status, 404U);
  EXPECT_EQ(HttpClient(viewer.port()).get("/dashboard/").status, 404U);
}

TEST_F(DashboardSession, ThePageIsGuardedAndWhatItLoadsIsKept) {
  Binary serve({"serve", "--roles", "api", "--threads", "1"}, serving());
  HttpClient client(port_of(serve));
  const auto moved = client.get("/dashboard");
  EXPECT_EQ(moved.status, 308U);
  EXPECT_EQ(moved.fields.at("location"), "/dashboard/");
  const auto page = client.get("/dashboard/");
  EXPECT_EQ(page.status, 200U);
  EXPECT_THAT(page.fields.at("content-security-policy"),
              AllOf(HasSubstr("default-src 'self'"), HasSubstr("frame-ancestors 'none'"), Not(HasSubstr("script-src"))));
  EXPECT_EQ(page.fields.at("x-frame-options"), "DENY");
  EXPECT_EQ(page.fields.at("x-content-type-options"), "nosniff");
  EXPECT_EQ(page.fields.at("cache-control"), "no-cache");
  EXPECT_EQ(client.get("/dashboard/", {{"If-None-Match", page.fields.at("etag")}}).status, 304U);
  std::size_t compressed = 0;
  for (auto at = page.body.find("/dashboard/assets/"); at != std::string::npos;
       at = page.body.find("/dashboard/assets/", at + 1)) {
    const auto path = page.body.substr(at, page.body.find('"', at) - at);
    const auto asset = client.get(path, {{"Accept-Encoding", "gzip"}});
    EXPECT_EQ(asset.status, 200U) << path;
    EXPECT_THAT(asset.fields.at("cache-control"), HasSubstr("immutable")) << path;
    EXPECT_THAT(asset.fields.at("content-type"), AllOf(Not(HasSubstr("octet-stream")), HasSubstr("/"))) << path;
    compressed += std::stoul(asset.fields.at("content-length"));
  }
  EXPECT_GT(compressed, 0U);
  EXPECT_LT(compressed, 200U * 1024);
  EXPECT_EQ(client.get("/dashboard/assets/nothing.js").status, 404U);
}

}  // namespace
}  // namespace tributary::test
