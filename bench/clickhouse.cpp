#include "clickhouse.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

#include <charconv>
#include <csignal>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "base/uuid.hpp"
#include "clickhouse/client.hpp"
#include "clickhouse/embedded/host_file.hpp"

namespace tributary::bench {
namespace {

namespace asio = boost::asio;
namespace embedded = clickhouse::embedded;
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using cli::demo::ChildProcess;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

fs::path fresh_path(const Servers& servers, std::string_view prefix) {
  return servers.folder() / fmt::format("{}-{}", prefix, Uuid::random().to_string().substr(0, 8));
}

clickhouse::ConnectOptions address(const embedded::ReadyLine& engine, std::string_view user, const std::string& password) {
  return {.host = "127.0.0.1", .port = engine.port, .user = std::string(user), .password = password};
}

std::vector<std::string> host_arguments(const EngineFolder& folder, EngineHost::Kind kind) {
  std::vector<std::string> arguments{"clickhouse-host", "--data", folder.path().string()};
  if (kind == EngineHost::Kind::unrestricted)
    arguments.emplace_back("--unrestricted");
  else
    arguments.insert(arguments.end(), {"--users", (folder.path() / "users.xml").string()});  // which the service wrote
  return arguments;
}

}  // namespace

EngineFolder::EngineFolder(const Servers& servers) : path_(fresh_path(servers, "engine")) { fs::create_directory(path_); }

EngineFolder::~EngineFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

long long EngineFolder::inserts(const std::string& table) const {
  long long highest = 0;
  for (const auto& entry : fs::directory_iterator(path_ / "data/data/analytics_internal" / table)) {
    // all_<first>_<last>_<merges>, with the numbers of the inserts that it holds
    const auto name = entry.path().filename().string();
    if (!name.starts_with("all_")) continue;
    long long last = 0;
    const auto at = name.find('_', 4) + 1;
    std::from_chars(name.data() + at, name.data() + name.size(), last);
    highest = std::max(highest, last);
  }
  return highest;
}

ClickHouse::ClickHouse(clickhouse::ConnectOptions options, std::map<std::string, std::string> settings)
    : options_(std::move(options)), settings_(std::move(settings)) {}

std::string ClickHouse::ask(const std::string& sql) const {
  asio::io_context loop(1);
  // It keeps no connection: the loop would wait for that one's end.
  clickhouse::Client client(loop.get_executor(), options_, {.max_connections = 1, .idle_timeout = 0ms});
  auto answer =
      asio::co_spawn(loop, client.execute({.text = sql, .settings = settings_}, Deadline::after(10min)), asio::use_future);
  loop.run();
  std::string text(answer.get().text());
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

long long ClickHouse::number(const std::string& sql) const {
  const auto text = ask(sql);
  long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) throw std::runtime_error("no number: " + text);
  return value;
}

long long ClickHouse::users_watermark(const std::string& tenancy) const {
  return number(
      fmt::format("SELECT if(count() = 0, -1, max(last_synced_sequence_id)) FROM analytics_internal._stack_sync_metadata "
                  "WHERE tenancy_id = '{}' AND mapping_name = 'users'",
                  tenancy));
}

ClickHouse admin_of(const embedded::ReadyLine& engine) {
  return ClickHouse(address(engine, embedded::Credentials::kAdmin, engine.credentials.admin_password));
}

ClickHouse tenant_of(const embedded::ReadyLine& engine, const std::string& project, const std::string& branch) {
  return ClickHouse(address(engine, embedded::Credentials::kTenant, engine.credentials.tenant_password),
                    {{"SQL_project_id", project}, {"SQL_branch_id", branch}});
}

embedded::ReadyLine wait_for_engine(const EngineFolder& folder) {
  std::optional<embedded::ReadyLine> engine;
  wait_until("the service's ClickHouse engine is ready", 20ms, [&] {
    engine = embedded::read_host_file(folder.path());
    return engine.has_value();
  });
  return *engine;
}

EngineHost::EngineHost(const Servers& servers, const EngineFolder& folder, Kind kind)
    : output_(fresh_path(servers, "host")),
      process_(ChildProcess::spawn({.program = servers.tributary(),
                                    .arguments = host_arguments(folder, kind),
                                    .environment = {{"TRIBUTARY_LOG_LEVEL", "error"}},
                                    .output = output_,
                                    .death_signal = SIGKILL})) {
  wait_until("tributary clickhouse-host is ready", 20ms, [&] {
    const auto said = read_file(output_);
    if (process_.wait(0ms)) throw std::runtime_error("tributary clickhouse-host ended:\n" + said);
    const auto ready = embedded::ReadyLine::parse(said.substr(0, said.find('\n')));
    if (ready) engine_ = *ready;
    return ready.has_value();
  });
}

EngineHost::~EngineHost() {
  process_.signal(SIGTERM);
  process_.wait(15s);
}

}  // namespace tributary::bench
