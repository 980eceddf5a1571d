#include "support/engine_of_service.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <system_error>

#include "clickhouse/embedded/descriptor.hpp"
#include "clickhouse/embedded/host_file.hpp"
#include "clickhouse/error.hpp"

namespace tributary::test {
namespace {

namespace fs = std::filesystem;

/// As far as it goes: a process may end while it is read of.
std::string read(const fs::path& name) {
  std::ifstream file(name, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// -1 where the process is gone.
pid_t parent_of(const fs::path& process) {
  const auto status = read(process / "status");
  constexpr std::string_view kParent = "\nPPid:\t";
  const auto at = status.find(kParent);
  pid_t parent = -1;
  if (at != std::string::npos) std::from_chars(status.data() + at + kParent.size(), status.data() + status.size(), parent);
  return parent;
}

}  // namespace

EngineOfService::EngineOfService() : folder_(make_engine_folder()) {}

EngineOfService::~EngineOfService() {
  // A host whose service was killed ends by itself, and locks the folder until then.
  const clickhouse::embedded::Descriptor lock(::open((folder_ / "lock").c_str(), O_RDWR | O_CLOEXEC));
  if (lock.get() >= 0) ::flock(lock.get(), LOCK_EX);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

Process::Environment EngineOfService::settings() const {
  return {{"TRIBUTARY_CLICKHOUSE_USE", "automatic"}, {"TRIBUTARY_CLICKHOUSE_FOLDER", folder_.string()}};
}

pid_t EngineOfService::host_of(const Process& service) {
  for (const auto& entry : fs::directory_iterator("/proc")) {
    pid_t pid = -1;
    const auto name = entry.path().filename().string();
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || parent_of(entry.path()) != service.pid()) continue;
    if (read(entry.path() / "cmdline").find("clickhouse-host") != std::string::npos) return pid;
  }
  return -1;
}

std::vector<std::string> EngineOfService::strings(const TenantName& tenant, const std::string& sql) const {
  const auto host = clickhouse::embedded::read_host_file(folder_);
  if (!host) throw clickhouse::Error(clickhouse::ErrorKind::connection, "the service does not say where its engine is");
  const clickhouse::ConnectOptions server{.host = "127.0.0.1",
                                          .port = host->port,
                                          .user = std::string(clickhouse::embedded::Credentials::kTenant),
                                          .password = host->credentials.tenant_password};
  return clickhouse_strings(server, sql, {{"SQL_project_id", tenant.project}, {"SQL_branch_id", tenant.branch}});
}

}  // namespace tributary::test
