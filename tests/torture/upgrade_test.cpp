#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <thread>

#include "support/application.hpp"
#include "support/clickhouse.hpp"
#include "support/engine_of_service.hpp"
#include "support/load.hpp"
#include "support/source.hpp"
#include "support/torture.hpp"

/// `make test-upgrade`: the program of before beside the one of now, as docs/operations.md says to upgrade.
namespace tributary::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kLimit = 120s;

class Upgrade : public testing::Test {
 protected:
  void SetUp() override {
    if (previous_ == nullptr) GTEST_SKIP() << "TRIBUTARY_PREVIOUS names no program: see scripts/test-upgrade";
    ASSERT_EQ(migrate(previous_), 0);
  }
  int migrate(const std::string& program) const { return Process(program, {"migrate", "--quiet"}, settings()).wait().status; }
  std::unique_ptr<Process> serve(const std::string& program) const {
    return std::make_unique<Process>(program, std::vector<std::string>{"serve"}, settings());
  }
  long long version() const { return source_.session().number("SELECT schema_version FROM tributary.installation"); }
  Process::Environment settings() const {
    auto settings = torture_settings(source_);
    if (!ClickHouse::is_installed()) return settings;
    for (auto& [name, value] : engine_.settings()) settings.insert_or_assign(name, value);
    return settings;
  }
  void expect_equal_views(Session& session, const Application& application) const {
    if (!ClickHouse::is_installed()) return;
    const AskClickHouse ask = [this](const TenantName& tenant, const std::string& sql) { return engine_.strings(tenant, sql); };
    test::expect_equal_views(session, application, ask, kLimit);
  }

  const char* const previous_ = std::getenv("TRIBUTARY_PREVIOUS");
  const EngineOfService engine_;
  const Database source_{"source"};  // not migrated: that is the programs' business
};

// Of two processes of a machine one runs the embedded engine, the other uses that one. The one that is stopped takes its engine along, the other starts it on
// the same folder; so an old program writes to a new one's engine, or a new one to an old one's.
TEST_F(Upgrade, ARollingRestartUnderLoadEndsEqual) {
  std::array processes{serve(previous_), serve(previous_)};
  const Application application(source_);
  application.wait_until_equal(kLimit);
  {
    auto session = source_.session();
    expect_equal_views(session, application);
  }
  Load load(application, 20261126);
  // Not to wait for anything: this is how long each state of affairs lasts.
  const auto last = [] { std::this_thread::sleep_for(2s); };
  last();
  ASSERT_EQ(migrate(TRIBUTARY_BINARY), 0) << "while the old ones run";
  last();
  for (auto& process : processes) {
    ASSERT_GT(process->pid(), 0);
    ::kill(process->pid(), SIGTERM);
    EXPECT_EQ(process->wait().status, 0) << "an old one ran until it was told to stop";
    process = serve(TRIBUTARY_BINARY);
    last();  // for the first, an old one and a new one side by side
  }
  load.finish();
  auto session = source_.session();
  application.complete(session);
  application.wait_until_equal(kLimit);
  expect_equal_views(session, application);
  application.delete_everything(kLimit);
  expect_equal_views(session, application);
}

TEST_F(Upgrade, AnOldProgramThatIsStartedAfterwardsSaysWhatToDo) {
  const auto before = version();
  ASSERT_EQ(migrate(TRIBUTARY_BINARY), 0);
  if (version() == before) GTEST_SKIP() << "both programs know the same schema";
  EXPECT_EQ(serve(previous_)->wait().status, 1);  // "use a newer program": SourceTest has the text
  EXPECT_NE(migrate(previous_), 0) << "it must not undo anything";
}

TEST_F(Upgrade, ANewProgramThatIsStartedTooEarlySaysWhatToDo) {
  const auto before = version();
  Process early(TRIBUTARY_BINARY, {"serve"}, settings());
  const Database other("source");
  ASSERT_EQ(Process(TRIBUTARY_BINARY, {"migrate", "--quiet"}, torture_settings(other)).wait().status, 0);
  if (other.session().number("SELECT schema_version FROM tributary.installation") == before)
    GTEST_SKIP() << "both programs know the same schema";
  EXPECT_EQ(early.wait().status, 1);  // "run `tributary migrate`"
}

}  // namespace
}  // namespace tributary::test
