#include "cli/clickhouse_engine.hpp"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <cstdlib>

#include "cli/command.hpp"
#include "destination/clickhouse/schema.hpp"
#include "telemetry/log.hpp"

namespace tributary::cli {
namespace {

namespace embedded = clickhouse::embedded;
using namespace std::chrono_literals;

constexpr auto kEngineTime = 60s;  ///< to load what is in its folder

}  // namespace

clickhouse::ConnectOptions clickhouse_server(const settings::Settings& settings) {
  if (settings.clickhouse.url.empty()) throw Failure("no ClickHouse server is set: give clickhouse.url", kBadInput);
  try {
    auto options = clickhouse::ConnectOptions::parse(settings.clickhouse.url);
    if (!settings.clickhouse.user.empty()) options.user = settings.clickhouse.user;
    if (!settings.clickhouse.password.empty()) options.password = settings.clickhouse.password;
    return options;
  } catch (const clickhouse::Error& error) {
    throw Failure(std::string("clickhouse.url: ") + error.what(), kBadInput);
  }
}

clickhouse::ConnectOptions clickhouse_tenants(const settings::Settings& settings) {
  auto options = clickhouse_server(settings);
  if (settings.clickhouse.limited_user_password.empty())
    throw Failure(
        "clickhouse.limited_user_password is not set: tenants' queries run as the user that `tributary clickhouse migrate "
        "--password-sha256` makes",
        kBadInput);
  options.user = mapping::clickhouse::TenantUser{}.name;
  options.password = settings.clickhouse.limited_user_password;
  options.database.clear();
  return options;
}

std::filesystem::path clickhouse_folder(const settings::Settings& settings) {
  if (!settings.clickhouse.folder.empty()) return std::filesystem::absolute(settings.clickhouse.folder);
  if (::geteuid() == 0) return "/var/lib/tributary/clickhouse";
  if (const char* data_home = std::getenv("XDG_DATA_HOME"); data_home != nullptr && *data_home == '/')
    return std::filesystem::path(data_home) / "tributary/clickhouse";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/')
    throw Failure("HOME is not set: say where the embedded ClickHouse keeps its data with clickhouse.folder", kBadInput);
  return std::filesystem::path(home) / ".local/share/tributary/clickhouse";
}

embedded::SupervisorParams engine_params(std::filesystem::path folder, settings::Bytes memory, telemetry::Level log,
                                         const std::vector<mapping::Mapping>& mappings) {
  embedded::SupervisorParams params;
  params.folder = std::move(folder);
  params.arguments = {"--memory", std::to_string(memory.count), "--log-level", std::string(telemetry::to_string(log))};
  params.users = mapping::clickhouse::embedded_users(mappings);
  params.stop_time = 2s;  // what it has acknowledged is on the disk
  return params;
}

embedded::Supervisor::SetUp engine_set_up(std::vector<mapping::Mapping> mappings, Uuid installation) {
  return
      [mappings = std::move(mappings), installation](const embedded::ReadyLine& host, std::stop_token) -> asio::awaitable<void> {
        clickhouse::Client client(co_await asio::this_coro::executor, embedded::administrator_of(host));
        const auto state = co_await destination::clickhouse_target::apply_schema(
            client, mappings, {.embedded = true, .cluster = "", .definer = "", .installation = installation}, nullptr,
            destination::clickhouse_target::Extent::all, statement_deadline());
        client.close();
        if (state.failure) throw Failure(state.failure->message);
        for (const auto& [mapping, failure] : state.of_mappings)
          telemetry::log(telemetry::Level::error, "clickhouse", "a table of the embedded engine differs and is not written",
                         {{"mapping", mapping}, {"error", failure.message}});
      };
}

BorrowedEngine::BorrowedEngine(const asio::any_io_executor& executor, const settings::Settings& settings,
                               const std::filesystem::path& folder, const std::vector<mapping::Mapping>& mappings)
    : changed_(executor),
      supervisor_(executor, engine_params(folder, settings.clickhouse.memory, settings.log.level, mappings),
                  engine_set_up(mappings, {}), [this](const std::optional<embedded::ReadyLine>& host) {
                    host_ = host;
                    changed_.set();
                  }) {
  asio::co_spawn(executor, supervisor_.run(stop_.get_token()), [this](std::exception_ptr) {
    is_over_ = true;
    changed_.set();
  });
}

asio::awaitable<std::optional<embedded::ReadyLine>> BorrowedEngine::host(std::stop_token stop) {
  const auto deadline = Deadline::after(kEngineTime);
  while (!host_ && co_await changed_.wait(deadline, stop)) continue;
  co_return host_;
}

asio::awaitable<void> BorrowedEngine::end() {
  stop_.request_stop();
  while (!is_over_) co_await changed_.wait(Deadline::never());
}

}  // namespace tributary::cli
