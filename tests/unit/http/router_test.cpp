#include "http/router.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace tributary::http {
namespace {

using testing::HasSubstr;

constexpr KnownError kUserNotFound{404, "USER_NOT_FOUND", "There is no such user"};
constexpr KnownError kKeyRequired{401, "ACCESS_TYPE_REQUIRED", "No key was given"};
constexpr auto kId = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

asio::awaitable<Identity> authenticate(Access access, const RawRequest& request) {
  if (request.headers.get("x-key") != "secret") throw Error(kKeyRequired, "a key is required");
  co_return Identity{.access = access, .project = "p1"};
}

/// Answers with what it was given.
asio::awaitable<Response> echo(const Request& request) {
  co_return Response::of(
      {{"path", request.path}, {"query", request.query}, {"body", request.body}, {"project", request.identity.project}});
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    router.add({.method = Method::get,
                .path = "/users",
                .access = Access::none,
                .query = {optional("limit", Schema::integer(1, 100)), optional("desc", Schema::boolean()),
                          optional("text", Schema::string())},
                .handle = echo});
    router.add({.method = Method::post, .path = "/users", .body = user, .status = 201, .handle = echo});
    router.add({.method = Method::patch,
                .path = "/users/{id}",
                .access = Access::none,
                .path_parameters = {required("id", Schema::uuid())},
                .body = user,
                .handle = echo});
    router.add({.method = Method::get,
                .path = "/users/me",
                .access = Access::none,
                .handle = [](const Request&) -> asio::awaitable<Response> {
                  throw Error(kUserNotFound, "nobody is me", {{"id", "me"}});
                }});
    router.add({.method = Method::get,
                .path = "/broken",
                .access = Access::none,
                .handle = [](const Request&) -> asio::awaitable<Response> { throw std::runtime_error("password=hunter2"); }});
    router.add_page(
        {"/app/*", [](const Request& request) -> asio::awaitable<Response> { co_return Response::of_text(request.raw.target); }});
  }

  Response answer(std::string method, std::string target, std::string body = "", bool with_key = true) {
    RawRequest raw{.method = std::move(method), .target = std::move(target), .body = std::move(body), .id = "id-1"};
    if (with_key) raw.headers.add("X-Key", "secret");
    asio::io_context loop;
    std::optional<Response> response;
    asio::co_spawn(loop, router.answer(raw), [&](std::exception_ptr thrown, Response given) {
      if (thrown) std::rethrow_exception(thrown);
      response = std::move(given);
    });
    loop.run();
    return response.value();
  }
  /// The message of a refusal for its schema.
  std::string refusal(std::string method, std::string target, std::string body = "") {
    const auto response = answer(std::move(method), std::move(target), std::move(body));
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.headers.get("x-stack-known-error"), "SCHEMA_ERROR");
    const auto object = json::parse(response.body).as_object();
    EXPECT_EQ(object.at("code").as_string(), "SCHEMA_ERROR");
    EXPECT_EQ(object.at("details").at("message"), object.at("error"));
    return std::string(object.at("error").as_string());
  }

  const Schema user = Schema::object("User", {required("name", Schema::string()), optional("data", Schema::any())});
  Router router{{.title = "Test", .version = "1"}, authenticate, [](std::exception_ptr) { return std::nullopt; }};
};

TEST_F(RouterTest, AnswersBelowEachPrefix) {
  EXPECT_EQ(answer("GET", "/api/v1/users").status, 200);
  EXPECT_EQ(answer("GET", "/api/latest/users").status, 200);
  EXPECT_EQ(answer("GET", "/users").status, 404);
  EXPECT_EQ(answer("GET", "/api/v1/users/").status, 404);
}

TEST_F(RouterTest, GivesTheStatusThatIsDeclaredAndTheIdentity) {
  const auto response = answer("POST", "/api/v1/users", R"({"name": "Ann"})");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(json::parse(response.body).at("project").as_string(), "p1");
}

TEST_F(RouterTest, AsksForAccessBeforeItTellsWhatIsWrong) {
  const auto response = answer("POST", "/api/v1/users", "not json", false);
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(response.headers.get("X-Stack-Known-Error"), "ACCESS_TYPE_REQUIRED");
}

TEST_F(RouterTest, DecodesPathAndQuery) {
  const auto response = answer("GET", "/api/v1/users?limit=5&desc=false&text=a%26b+%C3%A4");
  EXPECT_EQ(json::parse(response.body).at("query"), json::parse(R"({"limit": 5, "desc": false, "text": "a&b ä"})"));
  EXPECT_EQ(
      json::parse(answer("PATCH", std::string("/api/v1/users/") + kId, R"({"name": "x"})").body).at("path").at("id").as_string(),
      kId);
}

TEST_F(RouterTest, NamesTheParameterThatIsWrong) {
  EXPECT_THAT(refusal("GET", "/api/v1/users?limit=many"), HasSubstr("on GET /api/v1/users:\n  - query.limit must be an integer"));
  EXPECT_THAT(refusal("GET", "/api/v1/users?limit=0"), HasSubstr("query.limit must be at least 1"));
  EXPECT_THAT(refusal("GET", "/api/v1/users?limits=1"), HasSubstr("query.limits is not known here"));
  EXPECT_THAT(refusal("GET", "/api/v1/users?desc=true&desc=true"), HasSubstr("query.desc is given twice"));
  EXPECT_THAT(refusal("PATCH", "/api/v1/users/5", R"({"name": "x"})"), HasSubstr("params.id must be a UUID"));
}

TEST_F(RouterTest, RefusesATargetThatIsNotUtf8) {
  EXPECT_THAT(refusal("GET", "/api/v1/users?text=%ff"), HasSubstr("target is no path and query in UTF-8"));
  EXPECT_THAT(refusal("GET", "/api/v1/users?text=%00"), HasSubstr("target is no path and query in UTF-8"));
  EXPECT_THAT(refusal("GET", "/api/v1/users/%c0%af"), HasSubstr("target is no path and query in UTF-8"));
  EXPECT_THAT(refusal("GET", "/api/v1/users?text=%zz"), HasSubstr("target is no path and query in UTF-8"));
}

TEST_F(RouterTest, RefusesABodyThatIsNotJson) {
  EXPECT_THAT(refusal("POST", "/api/v1/users", ""), HasSubstr("body is required"));
  EXPECT_THAT(refusal("POST", "/api/v1/users", "{"), HasSubstr("body is not JSON in UTF-8"));
  EXPECT_THAT(refusal("POST", "/api/v1/users", R"({"name": "a"} x)"), HasSubstr("body is not JSON in UTF-8"));
  EXPECT_THAT(refusal("POST", "/api/v1/users", "{\"name\": \"\xff\"}"), HasSubstr("body is not JSON in UTF-8"));
  EXPECT_THAT(refusal("POST", "/api/v1/users", R"({"name": "\ud800"})"), HasSubstr("body is not JSON in UTF-8"));
  EXPECT_THAT(refusal("POST", "/api/v1/users", R"({"nam": "a"})"),
              HasSubstr("body.name is required\n  - body.nam is not known here"));
}

TEST_F(RouterTest, RefusesANestedBodyWithoutEndOfStack) {
  const auto nested = [](std::size_t depth) {
    return R"({"name": "a", "data": )" + std::string(depth, '[') + std::string(depth, ']') + '}';
  };
  EXPECT_THAT(refusal("POST", "/api/v1/users", nested(10'000)), HasSubstr("body is nested deeper than 64 levels"));
  EXPECT_EQ(answer("POST", "/api/v1/users", nested(Router::kMostDepth - 1)).status, 201);
}

TEST_F(RouterTest, RefusesABodyWhereNoneIsTaken) {
  EXPECT_THAT(refusal("GET", "/api/v1/users", R"({"a": 1})"), HasSubstr("body must be empty"));
  EXPECT_EQ(answer("GET", "/api/v1/users", "{}").status, 200);
}

TEST_F(RouterTest, PrefersALiteralToAParameterAndStillFindsTheOtherMethods) {
  EXPECT_EQ(answer("GET", "/api/v1/users/me").headers.get("x-stack-known-error"), "USER_NOT_FOUND");
  const auto response = answer("GET", std::string("/api/v1/users/") + kId);
  EXPECT_EQ(response.status, 405);
  EXPECT_EQ(response.headers.get("allow"), "OPTIONS, PATCH");
}

TEST_F(RouterTest, GivesErrorsTheirFormAndKeepsInternalsBack) {
  EXPECT_EQ(json::parse(answer("GET", "/api/v1/users/me").body),
            json::parse(R"({"code": "USER_NOT_FOUND", "error": "nobody is me", "details": {"id": "me"}})"));
  const auto response = answer("GET", "/api/v1/broken");
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, HasSubstr("id-1"));
  EXPECT_THAT(response.body, testing::Not(HasSubstr("hunter2")));
}

TEST_F(RouterTest, AnswersWithPagesAndWhatLiesBelowThem) {
  EXPECT_EQ(answer("GET", "/app").body, "/app");
  EXPECT_EQ(answer("HEAD", "/app/a/b?c").body, "/app/a/b?c");
  EXPECT_EQ(answer("GET", "/application").status, 404);
  EXPECT_EQ(answer("POST", "/app").status, 405);
}

TEST_F(RouterTest, TellsMethods) {
  const auto response = answer("OPTIONS", "/api/v1/users", "", false);
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(response.headers.get("allow"), "OPTIONS, GET, HEAD, POST");
  EXPECT_EQ(answer("OPTIONS", "/nowhere").status, 404);
  EXPECT_EQ(answer("TRACE", "/api/v1/users").status, 405);
}

TEST_F(RouterTest, RefusesDeclarationsThatContradictThemselves) {
  EXPECT_THROW(router.add({.path = "/users", .access = Access::none, .handle = echo}), std::invalid_argument);
  EXPECT_THROW(router.add({.path = "/teams/{id}", .handle = echo}), std::invalid_argument);
  EXPECT_THROW(router.add({.path = "/teams", .path_parameters = {required("id", Schema::uuid())}, .handle = echo}),
               std::invalid_argument);
  EXPECT_THROW(router.add({.path = "/teams"}), std::invalid_argument);
  EXPECT_THROW(router.add({.path = "/teams", .body = Schema::any(), .handle = echo}), std::invalid_argument);
}

TEST_F(RouterTest, WhatLiesBelowAMountedRoutersPrefixIsItsBusinessAlone) {
  const auto let_in = [](Access access, const RawRequest&) -> asio::awaitable<Identity> {
    co_return Identity{.access = access, .project = "p2"};
  };
  Router other({.title = "Other", .version = "1", .prefixes = {"/app/api"}}, let_in);
  other.add({.method = Method::post, .path = "/users", .body = user, .handle = echo, .timeout = std::chrono::seconds(7)});
  router.mount(std::move(other));
  const auto response = answer("POST", "/app/api/users", R"({"name": "Ann"})", false);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.project, "p2");
  EXPECT_EQ(response.route, "/users");
  EXPECT_EQ(answer("GET", "/app/api/users").status, 405);
  EXPECT_EQ(answer("GET", "/app/api/nothing").status, 404);
  EXPECT_EQ(answer("GET", "/app/apis").body, "/app/apis");
  EXPECT_EQ(router.find({.method = "POST", .target = "/app/api/users"})->timeout, std::chrono::seconds(7));
  EXPECT_EQ(router.find({.method = "POST", .target = "/app/api/nothing"}), nullptr);
  EXPECT_EQ(router.endpoints().size(), 5U);
}

}  // namespace
}  // namespace tributary::http
