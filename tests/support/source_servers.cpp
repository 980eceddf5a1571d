#include "support/source_servers.hpp"

#include <unistd.h>

#include <fstream>
#include <stdexcept>

#include "base/uuid.hpp"
#include "cli/demo/child_process.hpp"
#include "cli/demo/server_binaries.hpp"
#include "support/compare.hpp"
#include "support/database.hpp"

namespace tributary::test {
namespace {

namespace fs = std::filesystem;
using cli::demo::ChildProcess;
using cli::demo::PrivateCluster;
using cli::demo::ServerBinaries;
using cli::demo::SystemUser;

constexpr std::chrono::seconds kCopyTime{60};

fs::path make_folder() {
  auto folder = fs::temp_directory_path() / ("tributary-servers-" + Uuid::random().to_string().substr(0, 8));
  fs::create_directory(folder);
  fs::permissions(folder, fs::perms::all);  // for root: the server's user makes its copies there
  return folder;
}

}  // namespace

SourceServers::SourceServers() : folder_(make_folder()) {
  present_.emplace(start(new_folder()));
  proxy_.emplace(present_->database("postgres"), 0);
}

SourceServers::~SourceServers() {
  replica_.reset();
  present_.reset();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string SourceServers::uri() const {
  const auto& keywords = present_->database("postgres").keywords;
  return "postgresql://" + keywords.at("user") + ":" + keywords.at("password") + "@127.0.0.1:" + proxy_->port() + "/postgres";
}

void SourceServers::restart() {
  const auto folder = present_->folder();
  present_.reset();
  present_.emplace(start(folder));
  lead_to_present();
}

void SourceServers::prepare(Successor successor) {
  successor_ = successor;
  next_folder_ = new_folder();
  fs::create_directory(next_folder_);
  fs::permissions(next_folder_, fs::perms::all);
  fs::copy(present_->folder() / "password", next_folder_);
  std::vector<std::string> arguments{"--pgdata=" + (next_folder_ / "data").string(), "--checkpoint=fast", "--no-sync",
                                     "--dbname=" + present_->database("postgres").to_string()};
  if (successor == Successor::replica) arguments.emplace_back("--write-recovery-conf");
  auto copy = ChildProcess::spawn({.program = ServerBinaries::newest().folder / "pg_basebackup",
                                   .arguments = std::move(arguments),
                                   .environment = {{"PATH", "/usr/bin:/bin"}},
                                   .output = folder_ / "copy.log",
                                   .user = ::geteuid() == 0 ? SystemUser::named("postgres") : std::nullopt});
  if (copy.wait(kCopyTime) != 0) throw std::runtime_error("pg_basebackup failed, see " + (folder_ / "copy.log").string());
  std::ofstream(next_folder_ / "tributary-cluster").flush();
  if (successor != Successor::replica) return;
  replica_.emplace(start(next_folder_));
  Session session(present_->database("postgres").to_string());
  wait_until([&] { return session.number("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") == 1; },
             "the replica follows");
}

void SourceServers::cut_off() {
  Session session(replica_->database("postgres").to_string());
  session.run("ALTER SYSTEM SET primary_conninfo = ''");
  session.run("SELECT pg_reload_conf()");
  wait_until([&] { return session.number("SELECT count(*) FROM pg_stat_wal_receiver") == 0; }, "the replica gets nothing more");
}

void SourceServers::replace() {
  present_.reset();  // in order: a replica that follows gets all of it first
  if (successor_ == Successor::replica) {
    if (Session(replica_->database("postgres").to_string()).value("SELECT pg_promote()") != "t")
      throw std::runtime_error("the replica was not promoted in time");
    present_.emplace(std::move(*replica_));
    replica_.reset();
  } else {
    present_.emplace(start(next_folder_));
  }
  lead_to_present();
}

PrivateCluster SourceServers::start(const fs::path& folder) const {
  return PrivateCluster::start(
      {.folder = folder,
       .settings = {{"fsync", "off"}, {"max_connections", "100"}, {"wal_level", "replica"}, {"hot_standby", "on"}}});
}

fs::path SourceServers::new_folder() { return folder_ / ("server-" + std::to_string(made_++)); }

void SourceServers::lead_to_present() { proxy_->lead_to(present_->database("postgres")); }

}  // namespace tributary::test
