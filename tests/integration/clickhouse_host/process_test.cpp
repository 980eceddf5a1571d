#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>

#include <boost/asio/read_until.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "clickhouse/embedded/descriptor.hpp"
#include "clickhouse/embedded/host_file.hpp"
#include "host.hpp"
#include "support/fake_server.hpp"
#include "support/supervised_engine.hpp"

namespace tributary::clickhouse::embedded::test {
namespace {

using namespace std::chrono_literals;
using tributary::test::FakeServer;
using tributary::test::host_in;
using tributary::test::SupervisedEngine;
namespace wire = tributary::test::wire;

TEST(HostProcess, AFolderInUseIsRefused) {
  const Folder folder;
  const Host first(folder.path());
  EXPECT_THAT(output_of(fmt::format("{} clickhouse-host --unrestricted --data {}", TRIBUTARY_BINARY, folder.path().string())),
              testing::HasSubstr("the folder " + folder.path().string() +
                                 " is in use by another ClickHouse engine: stop that one, or name another folder"));
  EXPECT_EQ(first.run("SELECT 1"), "1\n");
}

TEST(HostProcess, EndsInOrderOnSigtermHoweverOftenItComes) {
  const Folder folder;
  Host host(folder.path());
  std::optional<int> status;
  while (!status) {
    host.kill(SIGTERM);
    status = host.wait(1ms);
  }
  EXPECT_EQ(status, 0);
}

TEST(HostProcess, EndsWhenItsParentIsGone) {
  const Folder folder;
  Host host(folder.path());
  host.close_input();
  EXPECT_EQ(host.wait(), 0);
}

TEST(HostProcess, WhatItAcknowledgedSurvivesKill) {
  const Folder folder;
  std::string expected;
  {
    Host host(folder.path());
    host.run("CREATE TABLE kept (n Int32) ENGINE = MergeTree ORDER BY n");
  }
  for (int round = 0; round < 3; ++round) {
    Host host(folder.path());
    EXPECT_EQ(host.run("SELECT groupArray(n) FROM (SELECT n FROM kept ORDER BY n)"), "[" + expected + "]\n");
    host.run(fmt::format("INSERT INTO kept VALUES ({})", round));
    expected += (round > 0 ? "," : "") + std::to_string(round);
    host.kill(SIGKILL);
    EXPECT_EQ(host.wait(), 128 + SIGKILL);
  }
}

TEST(HostProcess, WithoutUsersThereAreNoTenants) {
  const Folder folder;
  const Host host(folder.path());
  EXPECT_FALSE(host.ready().serves_tenants);
  EXPECT_EQ(host.ask_as("one", "SELECT 1").exception_code(), "497");
}

TEST(HostSupervisor, StartsItAgainWhenItDies) {
  const Folder folder;
  SupervisedEngine supervised(folder.path());
  const auto first = supervised.wait(1);
  ASSERT_TRUE(first);
  const auto pid = host_in(folder.path());
  ASSERT_GT(pid, 0);
  ::kill(pid, SIGKILL);
  EXPECT_FALSE(supervised.wait(2));
  const auto second = supervised.wait(3);
  ASSERT_TRUE(second);
  EXPECT_NE(first->credentials.admin_password, second->credentials.admin_password);
  supervised.stop();
  EXPECT_EQ(host_in(folder.path()), -1);
}

TEST(HostSupervisor, TellsItsOwnUserWhereTheHostIsWhileItIsThere) {
  const Folder folder;
  EXPECT_FALSE(read_host_file(folder.path()));
  SupervisedEngine supervised(folder.path());
  const auto host = supervised.wait(1);
  ASSERT_TRUE(host);
  const auto told = read_host_file(folder.path());
  ASSERT_TRUE(told);
  EXPECT_EQ(told->to_string(), host->to_string());
  EXPECT_EQ(std::filesystem::status(folder.path() / "host.json").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  supervised.stop();
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "host.json"));
}

/// Has a port, and says yes to everything.
class PortHolder {
 public:
  ReadyLine as_host(bool proves) const {
    return {.port = static_cast<std::uint16_t>(std::stoi(server_.port())),
            .credentials = {.admin_password = "s3cret", .tenant_password = "s3cret"},
            .version = "26",
            .serves_tenants = true,
            .confined = true,
            .proves = proves};
  }
  std::string said() const {
    const std::lock_guard lock(mutex_);
    return said_;
  }

 private:
  boost::asio::awaitable<void> answer(FakeServer::Socket& socket) {
    for (std::string piece;;) {
      const auto size = co_await boost::asio::async_read_until(socket, boost::asio::dynamic_buffer(piece), "\r\n\r\n",
                                                               boost::asio::use_awaitable);
      {
        const std::lock_guard lock(mutex_);
        said_.append(piece, 0, size);
      }
      piece.erase(0, size);
      co_await wire::send(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1\n");
    }
  }

  mutable std::mutex mutex_;
  std::string said_;
  FakeServer server_{[this](FakeServer::Socket& socket) { return answer(socket); }};
};

// Its port is free once it was killed, and any user of the machine may take it.
TEST(HostSupervisor, WhoeverGotThePortOfAHostThatIsGoneIsNotFollowedAndToldNoPassword) {
  for (const bool proves : {true, false}) {
    const PortHolder impostor;
    const Folder folder;
    const auto gone = impostor.as_host(proves);
    write_host_file(folder.path(), gone);
    SupervisedEngine supervised(folder.path());
    const auto host = supervised.wait(1);
    ASSERT_TRUE(host);
    EXPECT_NE(host->port, gone.port);
    EXPECT_EQ(impostor.said().find("/proof") != std::string::npos, proves);
    EXPECT_THAT(impostor.said(), testing::Not(testing::HasSubstr("s3cret")));
  }
}

// In a rolling restart. It keeps its folder, and knows no proof.
TEST(HostSupervisor, AnEarlierVersionsHostIsFollowedOnItsPassword) {
  const PortHolder earlier;
  const Folder folder;
  write_host_file(folder.path(), earlier.as_host(false));
  const Descriptor lock(::open((folder.path() / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  SupervisedEngine supervised(folder.path());
  const auto followed = supervised.wait(1);
  ASSERT_TRUE(followed);
  EXPECT_EQ(followed->port, earlier.as_host(false).port);
  EXPECT_THAT(earlier.said(), testing::HasSubstr("s3cret"));
}

TEST(HostSupervisor, AHostOfAnotherProcessIsFollowedHoweverBusyItIs) {
  const Folder folder;
  Host host(folder.path(), {"--unrestricted", "--admin-queries", "1"});
  const auto busy = host.send({.body = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1"});
  write_host_file(folder.path(), host.ready());
  SupervisedEngine supervised(folder.path());
  const auto followed = supervised.wait(1);
  ASSERT_TRUE(followed);
  EXPECT_EQ(followed->port, host.ready().port);
  host.kill(SIGKILL);
  EXPECT_FALSE(supervised.wait(2));
}

TEST(HostFile, OneThatIsNoHostsIsNone) {
  const Folder folder;
  std::ofstream(folder.path() / "host.json") << R"({"port": "many"})";
  EXPECT_FALSE(read_host_file(folder.path()));
}

}  // namespace
}  // namespace tributary::clickhouse::embedded::test
