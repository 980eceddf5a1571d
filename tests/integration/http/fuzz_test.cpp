// The fuzzer of tests/support on an API in memory: it finds nothing in a good one, and each kind of fault in a bad one.
#include "fixture.hpp"
#include "http/openapi.hpp"
#include "support/api_fuzzer.hpp"

namespace tributary::http {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr KnownError kUserNotFound{404, "USER_NOT_FOUND", "There is no such user"};
constexpr KnownError kUndeclared{409, "UNDECLARED", "Not in the document"};

enum class Fault { none, throws, extra_field, undeclared_status };

class FuzzTest : public HttpTest {
 protected:
  const Schema user =
      Schema::object("UserWrite", {optional("name", Schema::string(0, 100).or_null()), optional("age", Schema::integer(0, 150)),
                                   optional("email", Schema::email()), optional("data", Schema::map())});
  const Schema user_read = user.with("User", {required("id", Schema::uuid())});

  void add_users() {
    const std::vector<Field> id{required("id", Schema::uuid())};
    router.add({.method = Method::post,
                .path = "/users",
                .access = Access::none,
                .body = user,
                .status = 201,
                .answer = user_read,
                .handle = [this](const Request& request) { return create(request); }});
    router.add({.path = "/users",
                .access = Access::none,
                .query = {optional("limit", Schema::integer(1, 10)), optional("query", Schema::string(0, 200))},
                .answer = Schema::object({required("items", Schema::array(user_read))}),
                .handle = [this](const Request& request) { return list(request); }});
    router.add({.method = Method::patch,
                .path = "/users/{id}",
                .access = Access::none,
                .path_parameters = id,
                .body = user,
                .answer = user_read,
                .errors = {kUserNotFound},
                .handle = [this](const Request& request) { return update(request); }});
    router.add({.method = Method::delete_,
                .path = "/users/{id}",
                .access = Access::none,
                .path_parameters = id,
                .answer = Schema::object({required("success", Schema::boolean())}),
                .errors = {kUserNotFound},
                .handle = [this](const Request& request) { return remove(request); }});
  }
  json::object& found(const Request& request) {
    const auto user = users.find(request.uuid("id"));
    if (user == users.end()) throw Error(kUserNotFound, "There is no such user");
    return user->second;
  }
  asio::awaitable<Response> create(const Request& request) {
    const auto id = Uuid::random();
    auto& user = users[id] = request.body.as_object();
    user["id"] = id.to_string();
    co_return Response::of(user);
  }
  asio::awaitable<Response> list(const Request& request) {
    const auto* limit = request.query.if_contains("limit");
    json::array items;
    for (const auto& [id, user] : users) {
      if (items.size() < static_cast<std::size_t>(limit != nullptr ? limit->as_int64() : 10)) items.push_back(user);
    }
    co_return Response::of({{"items", items}});
  }
  asio::awaitable<Response> update(const Request& request) {
    auto& user = found(request);
    if (fault == Fault::undeclared_status) throw Error(kUndeclared, "not declared");
    for (const auto& [name, value] : request.body.as_object()) user[name] = value;
    if (const auto* name = user.if_contains("name"); fault == Fault::throws && name != nullptr && name->is_string() &&
                                                     name->as_string().find_first_of("'\"\\;%") != json::string::npos)
      throw std::runtime_error("a quote");
    auto answer = user;
    if (fault == Fault::extra_field) answer["password_hash"] = "x";
    co_return Response::of(answer);
  }
  asio::awaitable<Response> remove(const Request& request) {
    found(request);
    users.erase(request.uuid("id"));
    co_return Response::of({{"success", true}});
  }

  test::FuzzReport fuzz(Fault of, std::size_t requests = 1'000) {
    fault = of;
    add_users();
    add_documentation(router);
    start();
    const auto hangs = [](std::string_view, std::string_view path) {
      return path == "/wait" || path == "/ask" || path == "/events" || path == "/hold";
    };
    return test::fuzz_api({.port = port, .document = openapi(router), .requests = requests, .leave_out = hangs});
  }

  std::map<Uuid, json::object> users;
  Fault fault = Fault::none;
};

TEST_F(FuzzTest, FindsNothingInTenThousandRequestsToAGoodApi) {
  const auto report = fuzz(Fault::none, 10'000);
  EXPECT_THAT(report.failures, IsEmpty());
  for (const auto* operation :
       {"POST /users", "GET /users", "PATCH /users/{id}", "DELETE /users/{id}", "POST /echo", "GET /openapi.json"})
    EXPECT_GT(report.successes.count(operation) > 0 ? report.successes.at(operation) : 0, 100) << operation;
  EXPECT_GT(report.by_status.at(400), 1'000);
  EXPECT_GT(report.by_status.at(404), 100);
}

TEST_F(FuzzTest, FindsAnErrorOfTheServer) {
  EXPECT_THAT(fuzz(Fault::throws, 3'000).failures, Contains(HasSubstr("is an error of the server")));
}

TEST_F(FuzzTest, FindsAFieldThatIsNotInTheSchema) {
  EXPECT_THAT(fuzz(Fault::extra_field).failures, Contains(HasSubstr("password_hash is not in the schema")));
}

TEST_F(FuzzTest, FindsAStatusThatIsNotDeclared) {
  EXPECT_THAT(fuzz(Fault::undeclared_status).failures, Contains(HasSubstr("has a status that the document does not have")));
}

}  // namespace
}  // namespace tributary::http
