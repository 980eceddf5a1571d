#pragma once
#include "fixture.hpp"

namespace tributary::test {

/// A project whose rows go where they are wanted, once it was started, as `serve` does it.
class ApiSyncTest : public ApiTest {
 protected:
  ApiSyncTest() : ApiTest({.secrets = Secrets(kKey)}) {}

  static Service::Params params() {
    Service::Params params;
    params.sync.secrets = Secrets(kKey);
    return params;
  }
  void start(const Service::Params& params) { service_.emplace(source_, params); }
  static void connect(const ApiProject& project, const Database& database) { set_databases(project, {{"main", database.uri()}}); }
  void wait_until_equal(const ApiProject& project, const Database& database) {
    auto customer = database.session();
    test::wait_until_equal(session_, project.tenancy, customer);
  }
  void wait_until_idle() {
    wait_until([&] { return session_.number(R"(SELECT count(*) FROM "OutgoingRequest")") == 0; }, "the queue is empty");
  }
  void set_sequencer(bool on) { expect_ok(cron_.post("/internal/external-db-sync/fusebox", {{"sequencer_enabled", on}})); }

  static inline const std::string kKey = Secrets::generate_key();
  const ApiProject acme_ = add_project("acme");
  ApiClient server_ = acme_.server();
  std::optional<Service> service_;
};

}  // namespace tributary::test
