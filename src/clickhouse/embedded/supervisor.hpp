#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/backoff.hpp"
#include "base/event.hpp"
#include "clickhouse/embedded/host.hpp"
#include "clickhouse/options.hpp"

namespace tributary::clickhouse::embedded {

class Child;

struct SupervisorParams {
  std::filesystem::path program = "/proc/self/exe";  ///< the `tributary` whose subcommand clickhouse-host is run
  std::filesystem::path folder;                      ///< --data
  std::vector<std::string>
      arguments;                ///< further flags of clickhouse-host (--memory, --library, …), never --users or --unrestricted
  /// The users of the restricted engine. Empty: the engine stays unrestricted, and is not set up.
  std::string users;
  std::chrono::milliseconds start_time{60'000};  ///< for the engine to load what is in its folder
  std::chrono::milliseconds stop_time{8'000};    ///< then it is killed
  /// It is asked for a sign of life so often, without its engine being asked for anything, and killed after so many that did not come in time, one after the other.
  std::chrono::milliseconds sign_every{5'000};
  std::chrono::milliseconds sign_time{10'000};
  int missed_signs = 3;
  Backoff backoff{std::chrono::milliseconds(200), std::chrono::milliseconds(10'000)};
};

/// As the administrator of a host.
ConnectOptions administrator_of(const ReadyLine& host);
/// As the user that tenants' queries run as. REQUIRES: host.serves_tenants.
ConnectOptions limited_user_of(const ReadyLine& host);

/// Keeps a clickhouse-host running as a child process: first, once, an unrestricted one in which `set_up` runs the migrations (in the restricted one nobody may),
/// then the restricted one, again and again with a growing pause whenever it ends, or hangs and is killed. Where another process keeps a host on the same folder, that one is used for
/// as long as it proves to be the one of host.json. While that one is ready, its folder has a host.json (host_file.hpp).
///
/// Lifetime: run() has returned before it is destroyed. Threads: one loop; current() from any. Errors: run() logs them and goes on.
class Supervisor {
 public:
  /// May throw: it is called again then, in a new host. Writing twice what was written must do no harm.
  using SetUp = std::function<asio::awaitable<void>(const ReadyLine& host, std::stop_token stop)>;
  /// Called on the loop: where the host is now, or nullopt: it is gone, and will be back elsewhere with other passwords.
  using Changed = std::function<void(const std::optional<ReadyLine>& host)>;

  Supervisor(asio::any_io_executor executor, SupervisorParams params, SetUp set_up, Changed changed);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Until `stop`; then the host is ended, within stop_time. Should this process die without, the host ends by itself.
  asio::awaitable<void> run(std::stop_token stop);

  std::optional<ReadyLine> current() const;

 private:
  std::vector<std::string> arguments(bool restricted) const;
  asio::awaitable<void> set_up(std::stop_token stop);
  asio::awaitable<void> keep(std::stop_token stop);
  asio::awaitable<std::string> wait_for_end(Child& child, const ReadyLine& host, std::stop_token stop);
  asio::awaitable<ReadyLine> start(Child& child, std::stop_token stop);
  asio::awaitable<bool> follow(std::stop_token stop);
  void publish(std::optional<ReadyLine> host);
  void tell_other_processes(const std::optional<ReadyLine>& host) const;

  const asio::any_io_executor executor_;
  const SupervisorParams params_;
  const SetUp set_up_;
  const Changed changed_;
  Event pause_;
  int failures_ = 0;  ///< in a row

  struct Shared;
  std::unique_ptr<Shared> shared_;  ///< own synchronisation
};

}  // namespace tributary::clickhouse::embedded
