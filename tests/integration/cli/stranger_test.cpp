#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "base/uuid.hpp"
#include "fixture.hpp"
#include "support/fake_server.hpp"

/// What a destination that a stranger named gets to see of this machine, and of whoever runs Tributary.
namespace tributary::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Stranger : public Cli {
 protected:
  static Finished test_destination(const std::string& url, Environment environment) {
    return run_binary({"destination", "test", "--url", url}, environment);
  }
};

TEST_F(Stranger, NoVariableAndNoFileOfTheHomeFolderReachesTheirServer) {
  std::mutex mutex;
  std::string seen;  // guarded by mutex
  const FakeServer server([&](FakeServer::Socket& socket) -> asio::awaitable<void> {
    auto parameters = co_await wire::startup(socket);
    {
      const std::lock_guard lock(mutex);
      seen += parameters;
    }
    co_await wire::send(socket, wire::message('R', wire::number(3)));  // the password, in clear
    const auto answer = co_await wire::receive(socket);
    const std::lock_guard lock(mutex);
    seen += answer.payload;
  });
  const auto home = std::filesystem::temp_directory_path() / Uuid::random().to_string();
  std::filesystem::create_directory(home);
  const auto passfile = home / ".pgpass";
  std::ofstream(passfile) << "*:*:*:*:from-the-file\n";
  std::filesystem::permissions(passfile, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::ofstream(home / ".pg_service.conf") << "[s]\noptions=-cfrom.service=1\n";

  const auto url = "postgresql://tenant@127.0.0.1:" + server.port() + "/shop";
  const Environment environment{{"HOME", home.string()},
                                {"PGPASSWORD", "from-the-variable"},
                                {"PGOPTIONS", "-cfrom.options=1"},
                                {"PGTZ", "Asia/Tokyo"},
                                {"PGSERVICE", "s"},
                                {"PGPASSFILE", passfile.string()},
                                {"PGSSLMODE", "verify-full"},
                                {"PGAPPNAME", "from-appname"},
                                {"PGCHANNELBINDING", "require"},
                                {"PGTARGETSESSIONATTRS", "standby"}};
  const auto finished = test_destination(url, environment);
  std::filesystem::remove_all(home);
  EXPECT_EQ(finished.status, 1);
  EXPECT_THAT(finished.err, HasSubstr("no password supplied"));
  const std::lock_guard lock(mutex);
  EXPECT_THAT(seen, AllOf(HasSubstr("tenant"), Not(HasSubstr("from")), Not(HasSubstr("Tokyo")), Not(HasSubstr("options"))));
}

TEST_F(Stranger, AnAddressOfThisMachineIsNotConnectedToUnlessOpened) {
  std::atomic<int> visits{0};
  const FakeServer server([&](FakeServer::Socket&) -> asio::awaitable<void> {
    ++visits;
    co_return;
  });
  const Environment closed{{"TRIBUTARY_DESTINATIONS_ALLOW_NETWORKS", ""}};
  for (const auto* host : {"127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"}) {
    const auto finished = test_destination("postgresql://me:secret@" + std::string(host) + ":" + server.port() + "/shop", closed);
    EXPECT_EQ(finished.status, 1) << host;
    EXPECT_THAT(finished.err, AllOf(HasSubstr("destinations.allow_networks"), Not(HasSubstr("secret")))) << host;
  }
  EXPECT_EQ(visits, 0);
  EXPECT_EQ(test_destination("postgresql://me@localhost:" + server.port() + "/shop", {}).status, 1);
  EXPECT_GE(visits, 1) << "the tests' own settings open it";
}

TEST_F(Stranger, AFieldThatIsNotAllowedIsNamedAndNothingIsBegun) {
  const auto refused = test_destination("postgresql://me:secret@127.0.0.1/shop?sslkey=/etc/shadow", {});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("sslkey"), HasSubstr("destinations.allow_fields"), Not(HasSubstr("secret"))));
  const auto socket = test_destination("postgresql:///shop?host=/run/postgresql&user=me", {});
  EXPECT_EQ(socket.status, 2);
  EXPECT_THAT(socket.err, HasSubstr("socket"));
}

TEST_F(Stranger, AMistakeInWhatIsAllowedIsNamed) {
  const auto network =
      test_destination("postgresql://me@db.invalid/shop", {{"TRIBUTARY_DESTINATIONS_ALLOW_NETWORKS", "10.0.0.0/8, ten"}});
  EXPECT_EQ(network.status, 2);
  EXPECT_THAT(network.err, AllOf(HasSubstr("destinations.allow_networks"), HasSubstr("\"ten\"")));
  const auto field = test_destination("postgresql://me@db.invalid/shop", {{"TRIBUTARY_DESTINATIONS_ALLOW_FIELDS", "service"}});
  EXPECT_EQ(field.status, 2);
  EXPECT_THAT(field.err, HasSubstr("destinations.allow_fields"));
}

}  // namespace
}  // namespace tributary::test
