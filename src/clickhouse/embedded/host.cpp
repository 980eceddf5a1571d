#include "clickhouse/embedded/host.hpp"

#include <fcntl.h>
#include <link.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <system_error>

#include "base/event.hpp"
#include "clickhouse/embedded/configuration.hpp"
#include "clickhouse/embedded/confinement.hpp"
#include "clickhouse/embedded/descriptor.hpp"
#include "telemetry/log.hpp"

namespace tributary::clickhouse::embedded {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

constexpr auto kStopTime = 4s;
/// Closing the engine has no deadline of its own. What it has acknowledged is on the disk, so it may be cut off.
constexpr unsigned kCloseSeconds = 2;

std::string random_password() {
  std::array<unsigned char, 24> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) throw std::runtime_error("no random numbers for a password");
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

/// Held until the process ends.
Descriptor lock_folder(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const auto file = folder / "lock";
  Descriptor lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) throw std::system_error(errno, std::generic_category(), file.string());
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) throw std::system_error(errno, std::generic_category(), file.string());
  throw std::runtime_error("the folder " + folder.string() +
                           " is in use by another ClickHouse engine: stop that one, or name another folder");
}

void write_file(const std::filesystem::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream << text;
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + file.string());
}

struct Folders {
  std::filesystem::path configuration;
  std::filesystem::path data;
};

Folders write_configuration(const HostParams& params) {
  const Folders folders{params.folder / "configuration", params.folder / "data"};
  std::filesystem::create_directories(folders.configuration);
  std::filesystem::create_directories(folders.data);
  std::filesystem::permissions(folders.data, std::filesystem::perms::owner_all);
  write_file(folders.configuration / "users.xml", params.users.empty() ? open_users() : params.users);
  write_file(folders.configuration / "config.xml",
             engine_configuration(
                 {.users = folders.configuration / "users.xml", .data = folders.data, .memory_bytes = params.memory_bytes}));
  return folders;
}

asio::ip::tcp::acceptor listen(asio::io_context& loop, std::uint16_t port) {
  asio::ip::tcp::acceptor acceptor(loop);
  const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol());
  acceptor.set_option(asio::socket_base::reuse_address(true));
  acceptor.bind(endpoint, error);
  if (error) throw std::runtime_error(fmt::format("cannot listen on 127.0.0.1:{}: {}", port, error.message()));
  acceptor.listen();
  return acceptor;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Programs and libraries that this process consists of. The engine looks up names in them when it makes an error, and aborts where it finds one closed.
std::vector<std::filesystem::path> mapped_objects() {
  std::vector<std::filesystem::path> objects{std::filesystem::read_symlink("/proc/self/exe")};
  const auto collect = [](dl_phdr_info* object, std::size_t, void* list) {
    if (object->dlpi_name[0] == '/') static_cast<std::vector<std::filesystem::path>*>(list)->emplace_back(object->dlpi_name);
    return 0;
  };
  ::dl_iterate_phdr(collect, &objects);
  return objects;
}

Confinement confine(const HostParams& params, const Folders& folders) {
  raise_descriptor_limit();
  if (::geteuid() == 0 && !params.user.empty()) become(SystemUser::named(params.user), folders.data);
  auto readable = mapped_objects();
  readable.push_back(folders.configuration);
  const auto confinement = embedded::confine({.writable = folders.data, .readable = std::move(readable)});
  if (!confinement.files || !confinement.network) {
    telemetry::log(Level::warning, "clickhouse-host", "this kernel cannot confine the engine",
                   {{"files", confinement.files}, {"network", confinement.network}});
  }
  return confinement;
}

std::optional<TenantRules> tenant_rules(const HostParams& params, const Confinement& confinement, const Engine& engine) {
  const bool safe = confinement.files && confinement.network;
  if (params.users.empty() || (!safe && !params.without_landlock)) return std::nullopt;
  auto session = engine.open();
  return TenantRules::load(session);
}

std::string version_of(const Engine& engine) {
  auto session = engine.open();
  auto version = session.run("SELECT version()", "TabSeparatedRaw").output;
  if (version.ends_with('\n')) version.pop_back();
  return version;
}

asio::awaitable<void> wait_for_signal(asio::signal_set& signals, Event& over) {
  co_await signals.async_wait(asio::use_awaitable);
  over.set();
}

asio::awaitable<void> wait_for_end_of_input(Event& over) {
  asio::posix::stream_descriptor input(co_await asio::this_coro::executor, ::dup(STDIN_FILENO));
  std::array<char, 64> ignored{};
  boost::system::error_code end;
  while (!end) co_await input.async_read_some(asio::buffer(ignored), asio::redirect_error(asio::use_awaitable, end));
  over.set();
}

asio::awaitable<void> serve(Server& server, asio::signal_set& signals, bool end_with_input) {
  const auto executor = co_await asio::this_coro::executor;
  Event over(executor);
  asio::co_spawn(executor, wait_for_signal(signals, over), asio::detached);
  if (end_with_input) asio::co_spawn(executor, wait_for_end_of_input(over), asio::detached);
  asio::co_spawn(executor, server.run(), asio::detached);
  co_await over.wait(Deadline::never());
  const bool in_time = co_await server.stop(Deadline::after(kStopTime));
  telemetry::log(Level::info, "clickhouse-host", "stopped", {{"killed_statements", !in_time}});
}

/// Opens the engine, serves it until the end, and closes it.
void serve_engine(HostParams& params, const Folders& folders, const Library& library, asio::io_context& loop,
                  asio::signal_set& signals) {
  auto acceptor = listen(loop, params.port);
  const auto confinement = confine(params, folders);
  Engine engine(library, {.data = folders.data, .config = folders.configuration / "config.xml"});
  auto rules = tenant_rules(params, confinement, engine);

  params.server.credentials = {.admin_password = random_password(), .tenant_password = random_password()};
  const ReadyLine ready{.port = acceptor.local_endpoint().port(),
                        .credentials = params.server.credentials,
                        .version = version_of(engine),
                        .serves_tenants = rules.has_value(),
                        .confined = confinement.files && confinement.network,
                        .proves = true};
  Server server(std::move(acceptor), engine, std::move(rules), params.server);
  asio::co_spawn(loop, serve(server, signals, params.end_with_input), [&loop](std::exception_ptr error) {
    loop.stop();
    if (error) std::rethrow_exception(error);
  });
  // Whoever reads the line may send one at once.
  signals.add(SIGTERM);
  signals.add(SIGINT);
  std::printf("%s\n", ready.to_string().c_str());
  std::fflush(stdout);
  // What waits on the loop refers to the server, so nothing may unwind past it: an exception ends the process.
  [&loop]() noexcept { loop.run(); }();
  ::signal(SIGALRM, [](int) { ::_exit(0); });
  ::alarm(kCloseSeconds);
}

}  // namespace

void run_host(HostParams params) {
  ::signal(SIGPIPE, SIG_IGN);
  params.folder = std::filesystem::absolute(params.folder).lexically_normal();
  const auto lock = lock_folder(params.folder);
  const auto folders = write_configuration(params);
  const auto library = Library::load(params.library);

  asio::io_context loop(1);
  asio::signal_set signals(loop);
  serve_engine(params, folders, library, loop, signals);
  // The engine's threads may still run. Nor may `signals` go before the process does: the next one would kill it.
  std::fflush(nullptr);
  ::_exit(0);
}

}  // namespace tributary::clickhouse::embedded
