#include "fixture.hpp"
#include "http/openapi.hpp"
#include "support/api_fuzzer.hpp"

namespace tributary::test {
namespace {

class ApiFuzz : public ApiTest {};

TEST_F(ApiFuzz, TenThousandRequestsFindNoFailureAndNoAnswerOutsideOfTheSchema) {
  const auto internal = add_project("internal");
  const auto document = HttpClient(api_.port()).get("/api/v1/openapi.json");
  ASSERT_EQ(document.status, 200U) << document.body;
  const auto report = fuzz_api({.port = api_.port(),
                                .document = json::parse(document.body).as_object(),
                                .credentials = {{"x-stack-project-id", "internal"},
                                                {"x-stack-access-type", "admin"},
                                                {"x-stack-secret-server-key", internal.server_key},
                                                {"x-stack-super-secret-admin-key", internal.admin_key}},
                                .leave_out = [](std::string_view, std::string_view path) {
                                  // They run for as long as they are asked to; there is no ClickHouse; and databases of a fuzzer's would be connected to.
                                  return path.ends_with("/sequencer") || path.ends_with("/poller") ||
                                         path.find("/analytics/") != std::string_view::npos || path.ends_with("/config/override");
                                }});
  for (const auto& failure : report.failures) ADD_FAILURE() << failure;
  for (const auto* operation :
       {"POST /users", "GET /users", "PATCH /users/{user_id}", "POST /teams", "GET /teams", "POST /contact-channels"})
    EXPECT_GT(report.successes.contains(operation) ? report.successes.at(operation) : 0, 0U) << operation;
}

}  // namespace
}  // namespace tributary::test
