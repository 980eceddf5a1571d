#include "servers.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "base/uuid.hpp"
#include "cli/demo/server_binaries.hpp"
#include "clickhouse.hpp"

namespace tributary::bench {
namespace fs = std::filesystem;
namespace {

using namespace std::chrono_literals;
using cli::demo::ChildCommand;
using cli::demo::ChildProcess;

// Durability is the default. What differs from it: logical decoding for the baseline that needs it, room for the WAL of a whole benchmark, so
// that a checkpoint seldom falls into one, and the time of each commit, which costs 10 bytes.
const std::map<std::string, std::string> kSettings{{"wal_level", "logical"},
                                                   {"max_wal_size", "8GB"},
                                                   {"shared_buffers", "512MB"},
                                                   {"max_connections", "200"},
                                                   {"track_commit_timestamp", "on"}};

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string fresh_name(std::string_view prefix) {
  static std::atomic<int> number{0};
  return fmt::format("{}-{}", prefix, ++number);
}

ChildCommand serve_command(const Servers& servers, const std::string& database, std::vector<std::string> arguments,
                           const EngineFolder* engine, const fs::path& log) {
  std::map<std::string, std::string> environment{{"TRIBUTARY_SOURCE_URL", servers.source(database).to_string()},
                                                 {"TRIBUTARY_DESTINATIONS_ALLOW_NETWORKS", "127.0.0.0/8"},
                                                 {"TRIBUTARY_HTTP_LISTEN", "127.0.0.1:0"}};
  if (engine == nullptr)
    environment.emplace("TRIBUTARY_CLICKHOUSE_USE", "none");
  else
    environment.emplace("TRIBUTARY_CLICKHOUSE_FOLDER", engine->path().string());
  arguments.insert(arguments.begin(), {"serve", "--log-format", "json"});
  arguments.insert(arguments.end(), servers.serve_arguments().begin(), servers.serve_arguments().end());
  return {.program = servers.tributary(),
          .arguments = std::move(arguments),
          .environment = std::move(environment),
          .output = log,
          .death_signal = SIGKILL};
}

}  // namespace

Servers::Servers(fs::path tributary, std::vector<std::string> serve_arguments, bool durable)
    : tributary_(fs::absolute(std::move(tributary))),
      serve_arguments_(std::move(serve_arguments)),
      folder_(fs::temp_directory_path() / ("tributary-bench-" + Uuid::random().to_string().substr(0, 8))),
      programs_(cli::demo::ServerBinaries::newest().folder) {
  if (!fs::exists(tributary_)) throw std::runtime_error(tributary_.string() + " is not there: build the target tributary");
  fs::create_directory(folder_);
  auto settings = kSettings;
  if (!durable) settings["fsync"] = "off";
  const auto start = [&](const char* name) {
    return cli::demo::PrivateCluster::start({.folder = folder_ / name, .settings = settings});
  };
  source_.emplace(start("source"));
  target_.emplace(start("target"));
  Session(source("postgres")).run("CREATE DATABASE migrated");
  shell("\"$TRIBUTARY\" migrate --quiet",
        {{"TRIBUTARY", tributary_.string()}, {"TRIBUTARY_SOURCE_URL", source("migrated").to_string()}});
}

Servers::~Servers() {
  for (auto* cluster : {&source_, &target_}) {
    if (*cluster) (*cluster)->stop();
    cluster->reset();
  }
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void Servers::create_source(const std::string& database) {
  Session(source("postgres")).run("CREATE DATABASE " + database + " TEMPLATE migrated");
}

void Servers::clone_source(const std::string& database, const std::string& original) {
  Session(source("postgres")).run("CREATE DATABASE " + database + " TEMPLATE " + original + " STRATEGY file_copy");
}

void Servers::drop_source(const std::string& database) {
  Session(source("postgres")).run("DROP DATABASE " + database + " WITH (FORCE)");
}

void Servers::create_target(const std::string& database) {
  Session admin(target("postgres"));
  admin.run("DROP DATABASE IF EXISTS " + database + " WITH (FORCE)");
  admin.run("CREATE DATABASE " + database);
}

void Servers::drop_target(const std::string& database) {
  Session(target("postgres")).run("DROP DATABASE " + database + " WITH (FORCE)");
}

void Servers::checkpoint() {
  Session(source("postgres")).run("CHECKPOINT");
  Session(target("postgres")).run("CHECKPOINT");
}

std::string Servers::shell(const std::string& script, std::map<std::string, std::string> environment) {
  const auto output = folder_ / fresh_name("shell");
  environment.emplace("PATH", programs_.string() + ":/usr/bin:/bin");
  auto process = ChildProcess::spawn({.program = "/bin/bash",
                                      .arguments = {"-c", "set -euo pipefail\n" + script},
                                      .environment = std::move(environment),
                                      .output = output,
                                      .death_signal = SIGKILL});
  const auto status = process.wait(10min);
  auto printed = read_file(output);
  fs::remove(output);
  if (status != 0) throw std::runtime_error("failed: " + script + "\n" + printed);
  return printed;
}

Service::Service(Servers& servers, const std::string& source_database, std::vector<std::string> arguments,
                 const EngineFolder* engine)
    : log_(servers.folder() / fresh_name("serve")),
      process_(ChildProcess::spawn(serve_command(servers, source_database, std::move(arguments), engine, log_))) {
  wait_until(
      "tributary serve has started", 5ms,
      [&] {
        if (process_.wait(0ms)) throw std::runtime_error("tributary serve ended:\n" + read_file(log_));
        return read_file(log_).find("\"started\"") != std::string::npos;
      },
      60s);
}

Service::~Service() {
  process_.signal(SIGTERM);
  process_.wait(15s);  // its own destructor kills what is left
}

std::uint16_t Service::port() const {
  constexpr std::string_view kBegin = R"("message":"listening","address":"127.0.0.1:)";
  const auto log = read_file(log_);
  const auto begin = log.find(kBegin);
  if (begin == std::string::npos) throw std::runtime_error("tributary serve listens nowhere:\n" + log);
  return static_cast<std::uint16_t>(std::atoi(log.c_str() + begin + kBegin.size()));
}

double Service::peak_mebibytes() const {
  std::ifstream status(fmt::format("/proc/{}/status", process_.pid()));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  throw std::runtime_error("tributary serve is gone:\n" + read_file(log_));
}

}  // namespace tributary::bench
