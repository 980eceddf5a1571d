#include "clickhouse/embedded/supervisor.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <fstream>
#include <mutex>
#include <random>

#include "base/uuid.hpp"
#include "clickhouse/client.hpp"
#include "clickhouse/embedded/detail/child.hpp"
#include "clickhouse/embedded/host_file.hpp"
#include "clickhouse/embedded/proof.hpp"
#include "telemetry/log.hpp"

namespace tributary::clickhouse::embedded {
namespace {

using telemetry::Level;

constexpr auto kComponent = "clickhouse-host";
constexpr std::chrono::seconds kFollowed{1};  ///< between looks whether another process' host is still there
/// For such a look: what has taken the port of one that is gone has the more of its requests, the longer it is silent.
constexpr std::chrono::milliseconds kLook{2'000};

/// Where the host is, without its passwords.
ConnectOptions stranger_to(const ReadyLine& host) {
  return {.host = "127.0.0.1", .port = host.port, .compression = Compression::none};
}

enum class Sign : std::uint8_t { same, another, none };

/// Whether the host of the file still has its port. Nobody is told a password for that; and its engine, which may be busy, is not asked.
asio::awaitable<Sign> look_for(Client& stranger, const ReadyLine& host, Deadline deadline) {
  try {
    const auto challenge = Uuid::random().to_string();
    const auto answer = co_await stranger.get(std::string(kProofPath), challenge, deadline);
    co_return answer.text() == proof(host.credentials, challenge) ? Sign::same : Sign::another;
  } catch (const Error& error) {
    co_return error.kind() == ErrorKind::server ? Sign::another : Sign::none;
  } catch (const std::exception&) {
    co_return Sign::none;  // no memory, or no random number
  }
}

/// The same of a host that cannot prove it: an earlier version's, during a rolling restart.
asio::awaitable<Sign> ask(Client& client, Deadline deadline) {
  try {
    co_await client.execute({.text = "SELECT 1", .retryable = true}, deadline);
    co_return Sign::same;
  } catch (const std::exception&) {
    co_return Sign::none;
  }
}

/// Its loop turns; its engine may be as busy as it likes. Of a connection that is refused or breaks the reason is another one: it ends, or others throng there.
asio::awaitable<bool> gives_sign(Client& client, Deadline deadline) {
  try {
    co_await client.ping(deadline);
    co_return true;
  } catch (const Error& error) {
    co_return error.kind() != ErrorKind::deadline;
  }
}

std::filesystem::path write_users(const std::filesystem::path& folder, const std::string& users) {
  std::filesystem::create_directories(folder);
  auto file = folder / "users.xml";
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << users;
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + file.string());
  return file;
}

double uniform() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<>(0.0, 1.0)(generator);
}

}  // namespace

ConnectOptions administrator_of(const ReadyLine& host) {
  // On one machine packing costs more than it saves.
  return {.host = "127.0.0.1",
          .port = host.port,
          .user = std::string(Credentials::kAdmin),
          .password = host.credentials.admin_password,
          .compression = Compression::none};
}

ConnectOptions limited_user_of(const ReadyLine& host) {
  auto options = administrator_of(host);
  options.user = std::string(Credentials::kTenant);
  options.password = host.credentials.tenant_password;
  return options;
}

struct Supervisor::Shared {
  mutable std::mutex mutex;
  std::optional<ReadyLine> host;  // guarded by mutex
};

Supervisor::Supervisor(asio::any_io_executor executor, SupervisorParams params, SetUp set_up, Changed changed)
    : executor_(executor),
      params_(std::move(params)),
      set_up_(std::move(set_up)),
      changed_(std::move(changed)),
      pause_(executor),
      shared_(std::make_unique<Shared>()) {}

Supervisor::~Supervisor() = default;

std::optional<ReadyLine> Supervisor::current() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->host;
}

/// Without the file the host still serves whoever this process tells.
void Supervisor::tell_other_processes(const std::optional<ReadyLine>& host) const {
  try {
    host ? write_host_file(params_.folder, *host) : remove_host_file(params_.folder);
  } catch (const std::system_error& error) {
    telemetry::log(Level::warning, kComponent, "other processes cannot be told where the embedded ClickHouse engine is",
                   {{"error", error.what()}});
  }
}

void Supervisor::publish(std::optional<ReadyLine> host) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->host = host;
  }
  if (changed_) changed_(host);
}

asio::awaitable<void> Supervisor::run(std::stop_token stop) {
  bool ready = params_.users.empty();  // nothing to be set up
  while (!stop.stop_requested()) {
    try {
      if (co_await follow(stop)) continue;
      if (!ready) co_await set_up(stop);
      ready = true;
      if (!stop.stop_requested()) co_await keep(stop);
    } catch (const std::exception& error) {
      ++failures_;
      if (!stop.stop_requested()) {
        telemetry::log(Level::error, kComponent, "the embedded ClickHouse engine is not there, will be started again",
                       {{"error", error.what()}, {"attempt", failures_}});
      }
    }
    if (stop.stop_requested()) break;
    co_await pause_.wait(Deadline::after(params_.backoff.delay(std::max(1, failures_), uniform())), stop);
  }
}

/// Whether another process' host was there. Returns when it is no more.
asio::awaitable<bool> Supervisor::follow(std::stop_token stop) {
  const auto host = read_host_file(params_.folder);
  // A host of an earlier version that is gone leaves its file, too, and cannot be told from whoever has its port by what that one says.
  if (!host || (!host->proves && !is_kept(params_.folder))) co_return false;
  const auto client = std::make_shared<Client>(executor_, host->proves ? stranger_to(*host) : administrator_of(*host),
                                               ClientSettings{.max_connections = 1});
  const std::stop_callback leave(stop, [this, client] { asio::post(executor_, [client] { client->close(); }); });
  bool followed = false;
  for (int missed = 0; missed < (followed ? params_.missed_signs : 1) && !stop.stop_requested();) {
    const auto deadline = Deadline::after(std::min(params_.sign_time, kLook));
    const auto sign = host->proves ? co_await look_for(*client, *host, deadline) : co_await ask(*client, deadline);
    if (sign == Sign::another) break;
    // Asked again at once: whoever throngs there may have put us out, and a port at which nobody is says so at once.
    missed = sign == Sign::none ? missed + 1 : 0;
    if (missed > 0) continue;
    if (!std::exchange(followed, true)) {
      telemetry::log(Level::info, kComponent, "the embedded ClickHouse engine of another process is used",
                     {{"port", host->port}});
      publish(host);
    }
    co_await pause_.wait(Deadline::after(kFollowed), stop);
  }
  if (followed) publish(std::nullopt);
  co_return followed;
}

std::vector<std::string> Supervisor::arguments(bool restricted) const {
  std::vector<std::string> result{"clickhouse-host", "--data", params_.folder.string(), "--end-with-input"};
  if (restricted) {
    result.insert(result.end(), {"--users", write_users(params_.folder, params_.users).string()});
  } else {
    result.emplace_back("--unrestricted");
  }
  result.insert(result.end(), params_.arguments.begin(), params_.arguments.end());
  return result;
}

asio::awaitable<ReadyLine> Supervisor::start(Child& child, std::stop_token stop) {
  const auto line = co_await child.first_line(Deadline::after(params_.start_time), stop);
  if (!line) {
    co_await child.end(Deadline::after(params_.stop_time));
    throw std::runtime_error("it did not become ready; what it says stands above");
  }
  auto host = ReadyLine::parse(*line);
  if (!host) throw std::runtime_error("it said something else than where it is");
  co_return std::move(*host);
}

asio::awaitable<void> Supervisor::set_up(std::stop_token stop) {
  Child child(executor_, params_.program, arguments(false));
  const auto host = co_await start(child, stop);
  std::exception_ptr failure;
  try {
    co_await set_up_(host, stop);
  } catch (...) {
    failure = std::current_exception();
  }
  co_await child.end(Deadline::after(params_.stop_time));
  if (failure) std::rethrow_exception(failure);
}

/// What became of it; empty at `stop`.
asio::awaitable<std::string> Supervisor::wait_for_end(Child& child, const ReadyLine& host, std::stop_token stop) {
  const auto client = std::make_shared<Client>(executor_, administrator_of(host), ClientSettings{.max_connections = 1});
  const std::stop_callback leave(stop, [this, client] { asio::post(executor_, [client] { client->close(); }); });
  for (int missed = 0; missed < params_.missed_signs;) {
    if (const auto status = co_await child.wait(Deadline::after(params_.sign_every), stop))
      co_return "it ended with status " + std::to_string(*status);
    if (stop.stop_requested()) co_return "";
    missed = co_await gives_sign(*client, Deadline::after(params_.sign_time)) ? 0 : missed + 1;
    if (stop.stop_requested()) co_return "";
  }
  co_await child.kill();
  co_return "it gave no sign of life any more, and was killed";
}

asio::awaitable<void> Supervisor::keep(std::stop_token stop) {
  Child child(executor_, params_.program, arguments(!params_.users.empty()));
  const auto host = co_await start(child, stop);
  failures_ = 0;
  telemetry::log(Level::info, kComponent, "the embedded ClickHouse engine is ready",
                 {{"port", host.port}, {"version", host.version}, {"serves_tenants", host.serves_tenants}});
  tell_other_processes(host);
  publish(host);
  const auto end = co_await wait_for_end(child, host, stop);
  publish(std::nullopt);
  tell_other_processes(std::nullopt);
  if (!end.empty()) throw std::runtime_error(end);
  co_await child.end(Deadline::after(params_.stop_time));
}

}  // namespace tributary::clickhouse::embedded
