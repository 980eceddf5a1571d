#include "http/openapi.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace tributary::http {
namespace {

constexpr KnownError kUserNotFound{404, "USER_NOT_FOUND", "There is no such user"};
constexpr KnownError kKeyRequired{401, "ACCESS_TYPE_REQUIRED", "No key was given"};
constexpr KnownError kWrongKey{401, "INVALID_SECRET_SERVER_KEY", "The key is wrong"};

asio::awaitable<Response> nothing(const Request&) { co_return Response(); }

const auto kUser =
    Schema::object("User", {required("id", Schema::uuid()), optional("name", Schema::string(1, 5).or_null().described("Shown"))});

class OpenApiTest : public testing::Test {
 protected:
  OpenApiTest() {
    router.add({.method = Method::patch,
                .path = "/users/{user_id}",
                .group = "Users",
                .summary = "Changes a user",
                .path_parameters = {required("user_id", Schema::uuid())},
                .query = {optional("dry", Schema::boolean())},
                .body = kUser.partial("UserUpdate"),
                .answer = kUser,
                .errors = {kUserNotFound},
                .handle = nothing});
  }
  json::value at(std::string_view pointer) { return json::value(openapi(router)).at_pointer({pointer.data(), pointer.size()}); }

  Router router{
      {.title = "Test",
       .version = "1",
       .credentials = {{Access::server,
                        {.headers = {{"x-project", "x-key"}, {"authorization"}}, .errors = {kKeyRequired, kWrongKey}}}}},
      {}};
  static constexpr auto kPatch = "/paths/~1users~1{user_id}/patch";
};

TEST_F(OpenApiTest, WritesSchemasOnceAndRefersToThem) {
  EXPECT_EQ(at(std::string(kPatch) + "/responses/200/content/application~1json/schema"),
            json::parse(R"({"$ref": "#/components/schemas/User"})"));
  EXPECT_EQ(at("/components/schemas/User"), json::parse(R"({
    "type": "object",
    "properties": {
      "id": {"type": "string", "format": "uuid"},
      "name": {"type": ["string", "null"], "description": "Shown", "minLength": 1, "maxLength": 5}
    },
    "required": ["id"],
    "additionalProperties": false
  })"));
  EXPECT_FALSE(at("/components/schemas/UserUpdate").as_object().contains("required"));
}

TEST_F(OpenApiTest, RefusesTwoSchemasOfOneName) {
  router.add({.path = "/other", .answer = Schema::object("User", {}), .handle = nothing});
  EXPECT_THROW(openapi(router), std::invalid_argument);
}

TEST_F(OpenApiTest, DescribesParameters) {
  EXPECT_EQ(at(std::string(kPatch) + "/parameters"), json::parse(R"([
    {"name": "user_id", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}},
    {"name": "dry", "in": "query", "required": false, "schema": {"type": "boolean"}}
  ])"));
}

TEST_F(OpenApiTest, ListsErrorsOfHandlerChecksAndAuthenticator) {
  const auto responses = at(std::string(kPatch) + "/responses").as_object();
  std::vector<std::string> statuses;
  for (const auto& [status, response] : responses) statuses.emplace_back(status);
  EXPECT_THAT(statuses, testing::ElementsAre("200", "400", "401", "404", "500", "503"));
  EXPECT_EQ(at(std::string(kPatch) + "/responses/401/headers/x-stack-known-error/schema/enum"),
            json::parse(R"(["ACCESS_TYPE_REQUIRED", "INVALID_SECRET_SERVER_KEY"])"));
}

TEST_F(OpenApiTest, SaysWhatACallerSendsAlong) {
  EXPECT_EQ(at(std::string(kPatch) + "/security"), json::parse(R"([{"x-project": [], "x-key": []}, {"authorization": []}])"));
  EXPECT_EQ(at("/components/securitySchemes/x-key"), json::parse(R"({"type": "apiKey", "in": "header", "name": "x-key"})"));
  EXPECT_EQ(at("/components/securitySchemes/authorization"), json::parse(R"({"type": "http", "scheme": "bearer"})"));
}

TEST_F(OpenApiTest, NamesEachOperation) {
  EXPECT_EQ(at(std::string(kPatch) + "/operationId").as_string(), "patch_users_user_id");
}

}  // namespace
}  // namespace tributary::http
