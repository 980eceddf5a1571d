#include "cli/demo/private_cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "cli/demo/child_process.hpp"
#include "cli/demo/server_binaries.hpp"
#include "folder.hpp"
#include "support/database.hpp"

namespace tributary::cli::demo {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

/// Runs `work` in a process of its own, which is then killed without any chance to clean up.
void run_and_kill(const std::function<void()>& work) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    work();
    [[maybe_unused]] const auto written = ::write(ends[1], "x", 1);
    for (;;) ::pause();
  }
  ::close(ends[1]);
  char ready = 0;
  ASSERT_EQ(::read(ends[0], &ready, 1), 1) << "the child did not get so far";
  ::close(ends[0]);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

TEST(PrivateCluster, AnswersAndLeavesNothingRunning) {
  test::Folder folder;
  {
    auto cluster = PrivateCluster::start({.folder = folder.path()});
    EXPECT_TRUE(cluster.created());
    test::Session session(cluster.database("postgres").to_string());
    EXPECT_EQ(session.value("SHOW fsync"), "on");
    EXPECT_EQ(session.value("SHOW synchronous_commit"), "on");
    EXPECT_EQ(session.value("SHOW listen_addresses"), "127.0.0.1");
    EXPECT_FALSE(test::processes_in(folder.path()).empty());
  }
  EXPECT_THAT(test::processes_in(folder.path()), IsEmpty());
}

TEST(PrivateCluster, AsksOthersForThePassword) {
  test::Folder folder;
  auto cluster = PrivateCluster::start({.folder = folder.path()});
  EXPECT_THROW(test::Session(cluster.database("postgres").with("password", "a guess").to_string()), std::runtime_error);
  EXPECT_EQ(fs::status(folder.path() / "password").permissions() & fs::perms(0077), fs::perms::none);
  EXPECT_EQ(fs::status(folder.path() / "socket").permissions() & fs::perms(0077), fs::perms::none);
}

TEST(PrivateCluster, FindsItsDataAgain) {
  test::Folder folder;
  {
    auto cluster = PrivateCluster::start({.folder = folder.path()});
    test::Session(cluster.database("postgres").to_string()).run("CREATE TABLE kept AS SELECT 42 AS answer");
  }
  {
    auto again = PrivateCluster::start({.folder = folder.path()});
    EXPECT_FALSE(again.created());
    EXPECT_EQ(test::Session(again.database("postgres").to_string()).value("SELECT answer FROM kept"), "42");
  }
  auto fresh = PrivateCluster::start({.folder = folder.path(), .fresh = true});
  EXPECT_TRUE(fresh.created());
  EXPECT_EQ(test::Session(fresh.database("postgres").to_string()).value("SELECT to_regclass('kept')"), "");
  fresh.remove();
  EXPECT_FALSE(fs::exists(folder.path()));
}

TEST(PrivateCluster, StopsWhenItsOwnerIsKilled) {
  test::Folder folder;
  run_and_kill([&] { new PrivateCluster(PrivateCluster::start({.folder = folder.path()})); });
  const auto left = test::processes_in(folder.path());
  for (const auto& pid : left) EXPECT_TRUE(wait_until_gone(std::stoi(pid), std::chrono::seconds(60))) << pid;
  EXPECT_FALSE(fs::exists(folder.path() / "data/postmaster.pid"));
}

TEST(PrivateCluster, StartsOverAServerThatWasKilled) {
  test::Folder folder;
  {
    auto cluster = PrivateCluster::start({.folder = folder.path()});
    test::Session(cluster.database("postgres").to_string()).run("CREATE TABLE kept AS SELECT 42 AS answer");
    ::kill(cluster.pid(), SIGKILL);
  }
  ASSERT_TRUE(fs::exists(folder.path() / "data/postmaster.pid"));
  auto again = PrivateCluster::start({.folder = folder.path()});
  EXPECT_EQ(test::Session(again.database("postgres").to_string()).value("SELECT answer FROM kept"), "42");
}

// After a reboot or in a container the stale file's process id belongs to somebody else, whom PostgreSQL takes for a living server when it
// runs as the same user.
TEST(PrivateCluster, IsNotMisledByAReusedProcessId) {
  test::Folder folder;
  PrivateCluster::start({.folder = folder.path()}).stop();
  auto bystander = ChildProcess::spawn({.program = "/bin/sleep",
                                        .arguments = {"60"},
                                        .environment = {},
                                        .output = "/dev/null",
                                        .user = ::geteuid() == 0 ? SystemUser::named("postgres") : std::nullopt});
  std::ofstream(folder.path() / "data/postmaster.pid") << bystander.pid() << "\n" << (folder.path() / "data").string() << "\n";
  auto again = PrivateCluster::start({.folder = folder.path()});
  EXPECT_EQ(test::Session(again.database("postgres").to_string()).value("SELECT 1"), "1");
  EXPECT_FALSE(bystander.wait(std::chrono::milliseconds(0))) << "the bystander was hit";
}

TEST(PrivateCluster, RefusesAFolderThatIsInUse) {
  test::Folder folder;
  auto cluster = PrivateCluster::start({.folder = folder.path()});
  try {
    PrivateCluster::start({.folder = folder.path()});
    FAIL() << "two servers on one folder";
  } catch (const ClusterError& error) {
    EXPECT_THAT(error.what(), HasSubstr("another tributary is using"));
  }
  EXPECT_EQ(test::Session(cluster.database("postgres").to_string()).value("SELECT 1"), "1");
}

TEST(PrivateCluster, LeavesAStrangersFolderAlone) {
  test::Folder folder;
  fs::create_directories(folder.path());
  std::ofstream(folder.path() / "letters.txt") << "dear";
  EXPECT_THROW(PrivateCluster::start({.folder = folder.path(), .fresh = true}), ClusterError);
  EXPECT_TRUE(fs::exists(folder.path() / "letters.txt"));
}

TEST(PrivateCluster, IsNotInTheWayOfTheNextWhenItWasKilledHalfMade) {
  test::Folder folder;
  fs::create_directories(folder.path() / "data.new/base");
  std::ofstream(folder.path() / "tributary-cluster");
  auto cluster = PrivateCluster::start({.folder = folder.path()});
  EXPECT_TRUE(cluster.created());
  EXPECT_EQ(test::Session(cluster.database("postgres").to_string()).value("SELECT 1"), "1");
}

TEST(PrivateCluster, SaysWhatToInstall) {
  test::Folder folder;
  fs::create_directories(folder.path() / "15/bin");  // a client without a server
  try {
    ServerBinaries::newest(folder.path());
    FAIL();
  } catch (const ClusterError& error) {
    EXPECT_THAT(error.what(), HasSubstr("apt-get install postgresql"));
  }
}

TEST(PrivateCluster, TakesTheNewestServer) {
  test::Folder folder;
  for (const auto* version : {"9.6", "13", "15", "16"}) {
    fs::create_directories(folder.path() / version / "bin");
    std::ofstream(folder.path() / version / "bin/initdb");
    if (std::string_view(version) != "16") std::ofstream(folder.path() / version / "bin/postgres");
  }
  EXPECT_EQ(ServerBinaries::newest(folder.path()).version, "15");
}

TEST(ChildProcess, SaysWhyAProgramCannotBeRun) {
  EXPECT_THROW(
      ChildProcess::spawn({.program = "/no/such/program", .arguments = {}, .environment = {}, .output = "/dev/null", .user = {}}),
      std::system_error);
}

}  // namespace
}  // namespace tributary::cli::demo
