#include "fixture.hpp"

namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class CliPause : public Cli {
 protected:
  void SetUp() override { migrate(); }
  Database warehouse_{"cli_warehouse"};
};

TEST_F(CliPause, WhatIsPausedIsShownAndFlowsOnceItIsResumed) {
  const auto tenancy = create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  EXPECT_THAT(done({"pause", "--project", "acme"}).out, HasSubstr("Paused: 1"));
  EXPECT_THAT(done({"pause", "--tenancy", tenancy}).out, HasSubstr("Paused already."));
  insert_teams(tenancy, "acme", 3);

  const auto synced = tributary({"sync", "--once"});
  EXPECT_EQ(synced.status, 3);
  EXPECT_THAT(synced.err, HasSubstr("tributary resume"));
  const auto status = tributary({"status"});
  EXPECT_EQ(status.status, 3);
  EXPECT_THAT(status.out, AllOf(HasSubstr("paused for"), HasSubstr("tributary resume")));
  EXPECT_EQ(json_of(tributary({"status", "--json"})).at("destinations").at(0).at("state").as_string(), "paused");
  // To try again what failed is not to resume.
  done({"retry"});
  EXPECT_EQ(tributary({"status"}).status, 3);

  EXPECT_THAT(done({"resume", "--destination", "warehouse"}).out, HasSubstr("Resumed: 1"));
  done({"sync", "--once"});
  EXPECT_EQ(warehouse_.session().number("SELECT count(*) FROM teams"), 3);
}

TEST_F(CliPause, WhatIsNotThereIsNotPaused) {
  create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  EXPECT_EQ(tributary({"pause"}).status, 2);
  EXPECT_EQ(tributary({"pause", "--tenancy", "acme"}).status, 2);
  const auto unknown = tributary({"pause", "--mapping", "user"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("one of contact_channels"));
  const auto nobody = tributary({"pause", "--project", "nobody"});
  EXPECT_EQ(nobody.status, 1);
  EXPECT_THAT(nobody.err, HasSubstr("destination list"));
  EXPECT_THAT(done({"resume", "--project", "acme"}).out, HasSubstr("Nothing is paused there."));
  EXPECT_THAT(done({"pause", "--mapping", "users"}).out, HasSubstr("Paused users: 1 destination"));
}

TEST_F(CliPause, ProgramsAreToldHowMany) {
  create_project("acme");
  done({"destination", "add", "acme", "warehouse", "--url", warehouse_.uri()});
  EXPECT_EQ(done({"pause", "--project", "acme", "--json"}).out, "{\"paused\":1}\n");
  EXPECT_EQ(done({"pause", "--project", "acme", "--json"}).out, "{\"paused\":0}\n");
  EXPECT_EQ(done({"resume", "--project", "acme", "--json"}).out, "{\"resumed\":1}\n");
}

}  // namespace
}  // namespace tributary::test
