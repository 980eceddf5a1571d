#include "cli/demo/private_cluster.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "base/uuid.hpp"
#include "cli/demo/child_process.hpp"
#include "cli/demo/server_binaries.hpp"

namespace tributary::cli::demo {
namespace fs = std::filesystem;
namespace {

constexpr auto kTick = std::chrono::milliseconds(20);
constexpr std::size_t kLongestSocketPath = 107;  // sockaddr_un
constexpr int kStartAttempts = 5;
constexpr std::size_t kParallelRemovals = 16;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string last_lines(const fs::path& path, std::size_t bytes = 1500) {
  auto text = read_file(path);
  if (text.size() > bytes) text.erase(0, text.find('\n', text.size() - bytes) + 1);
  return text;
}

/// As fs::remove_all(), but many files at once: a file system may wait for its journal at each, and each database has some 900.
void remove_quickly(const fs::path& data) {
  std::vector<fs::path> databases;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(data / "base", ignored)) databases.push_back(entry.path());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    std::error_code unimportant;  // what is left, remove_all() below stumbles over
    for (auto i = next++; i < databases.size(); i = next++) fs::remove_all(databases[i], unimportant);
  };
  {
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < kParallelRemovals; ++i) workers.emplace_back(work);
  }
  fs::remove_all(data);
}

/// The folder, marked as ours and locked for as long as this object lives: two demos must not share a cluster.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder) : folder_(folder) {
    const auto marker = folder / "tributary-cluster";
    if (fs::exists(folder) && !fs::exists(marker) && !fs::is_empty(folder)) {
      throw ClusterError(folder.string() + " holds something else: choose an empty or a new folder with --data-dir");
    }
    fs::create_directories(folder);
    fs::permissions(folder, fs::perms(0755));  // for root: the server's user passes through; what is inside is closed to others
    fd_ = ::open(marker.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) throw ClusterError("cannot write to " + folder.string() + ": " + std::strerror(errno));
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      ::close(fd_);
      throw ClusterError("another tributary is using " + folder.string() + ": stop it, or choose another folder with --data-dir");
    }
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock() { ::close(fd_); }

  /// All but the marker.
  void empty() const {
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().filename() != "tributary-cluster") remove_quickly(entry.path());
    }
  }

 private:
  fs::path folder_;
  int fd_ = -1;
};

/// A port of 127.0.0.1 that is free now. Somebody may take it before the server does; then the server's start is tried again.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw ClusterError(std::string("cannot open a socket: ") + std::strerror(errno));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  const int error = errno;
  ::close(fd);
  if (!bound) throw ClusterError(std::string("no free port on 127.0.0.1: ") + std::strerror(error));
  return ntohs(address.sin_port);
}

/// What the server itself writes into postmaster.pid (pidfile.h): line 1 its process, line 8 its state.
struct PidFile {
  pid_t pid = 0;
  std::string state;
};

PidFile read_pid_file(const fs::path& data) {
  std::ifstream file(data / "postmaster.pid");
  PidFile result;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (number == 1) std::from_chars(line.data(), line.data() + line.size(), result.pid);
    if (number == 8) result.state = line.substr(0, line.find(' '));
  }
  return result;
}

/// Process ids are reused: only a process that works in this very folder is its server.
bool serves(pid_t pid, const fs::path& data) {
  std::error_code error;
  const auto working_directory = fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd", error);
  return !error && working_directory == fs::canonical(data, error);
}

/// Before a start: no server runs on this data, and nothing says that one does.
void clear_stale_server(const fs::path& data, std::chrono::seconds timeout) {
  const auto stale = read_pid_file(data);
  if (stale.pid > 0 && serves(stale.pid, data)) {  // an orphan: we hold the folder's lock, so its owner is gone
    ::kill(stale.pid, SIGINT);
    if (!wait_until_gone(stale.pid, timeout)) {
      ::kill(stale.pid, SIGQUIT);
      wait_until_gone(stale.pid, timeout);
    }
  }
  std::error_code ignored;
  if (!serves(stale.pid, data)) fs::remove(data / "postmaster.pid", ignored);
}

/// Waits for `done`, looking whenever the child ends and every few milliseconds. False at the deadline.
bool wait_for(ChildProcess& child, std::chrono::seconds timeout, const std::function<bool()>& done) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (!done()) {
    if (std::chrono::steady_clock::now() >= until) return false;
    child.wait(kTick);
  }
  return true;
}

}  // namespace

struct PrivateCluster::State {
  ClusterOptions options;
  FolderLock lock;
  ServerBinaries binaries;
  std::optional<SystemUser> user;  // whom the server runs as; nullopt: as ourselves
  bool created = false;
  int port = 0;
  std::string password;
  std::optional<ChildProcess> server;

  explicit State(ClusterOptions given) : options(std::move(given)), lock(options.folder), binaries(ServerBinaries::newest()) {
    if (::geteuid() != 0) return;
    user = SystemUser::named("postgres");
    if (!user) throw ClusterError("there is no system user postgres: apt-get install postgresql");
  }

  fs::path path(std::string_view name) const { return options.folder / name; }
  fs::path data() const { return path("data"); }
  fs::path log() const { return path("server.log"); }

  ChildCommand command(std::string_view program, std::vector<std::string> arguments, int death_signal) const {
    return {.program = binaries.folder / program,
            .arguments = std::move(arguments),
            .environment = {{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C.UTF-8"}, {"TZ", "UTC"}},
            .output = log(),
            .user = user,
            .death_signal = death_signal};
  }

  void give_to_server(const fs::path& made) const {
    if (user && ::chown(made.c_str(), user->uid, user->gid) != 0) throw ClusterError("cannot chown " + made.string());
  }

  void make_folder(const fs::path& folder) const {
    fs::create_directory(folder);
    fs::permissions(folder, fs::perms::owner_all);
    give_to_server(folder);
  }

  void write_password() const {
    const auto file = path("password");
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    const auto text = Uuid::random().to_string() + "\n";
    const bool written = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (fd >= 0) ::close(fd);
    if (!written) throw ClusterError("cannot write " + file.string());
    give_to_server(file);  // initdb reads it
  }

  void initialize() {
    const auto unfinished = path("data.new");
    lock.empty();
    make_folder(unfinished);
    write_password();
    auto initdb = ChildProcess::spawn(
        command("initdb",
                {"--pgdata=" + unfinished.string(), "--username=tributary", "--auth-local=trust", "--auth-host=scram-sha-256",
                 "--pwfile=" + path("password").string(), "--encoding=UTF8", "--locale=C.UTF-8"},
                SIGTERM));
    if (initdb.wait(options.start_timeout) != 0) {
      const std::string advice = user ? "\nAs root, the cluster runs as the user postgres, who must be able to reach " +
                                            options.folder.string() + ": if not, choose another folder with --data-dir."
                                      : "";
      throw ClusterError("initdb failed:\n" + last_lines(log()) + advice);
    }
    fs::rename(unfinished, data());  // so data is there whole or not at all
    created = true;
  }

  bool has_socket() const { return (path("socket") / ".s.PGSQL.65535").string().size() <= kLongestSocketPath; }

  std::vector<std::string> server_arguments() const {
    std::map<std::string, std::string> settings = options.settings;
    settings["listen_addresses"] = "127.0.0.1";
    settings["port"] = std::to_string(port);
    settings["unix_socket_directories"] = has_socket() ? path("socket").string() : "";
    settings["logging_collector"] = "off";
    std::vector<std::string> arguments{"-D", data().string()};
    for (const auto& [name, value] : settings) {
      arguments.emplace_back("-c");
      arguments.push_back(name + "=" + value);
    }
    return arguments;
  }

  /// Whether it came up; false where it said no by itself (the port was taken meanwhile, an old backend still holds shared memory).
  bool try_start() {
    port = free_port();
    server.emplace(ChildProcess::spawn(command("postgres", server_arguments(), SIGINT)));
    bool ended = false;
    const bool decided = wait_for(*server, options.start_timeout, [&] {
      const auto file = read_pid_file(data());
      ended = server->wait({}).has_value();
      return ended || (file.pid == server->pid() && (file.state == "ready" || file.state == "standby"));
    });
    if (!decided) throw ClusterError("the server did not come up in time:\n" + last_lines(log()));
    if (ended) server.reset();
    return !ended;
  }

  void start() {
    fs::remove(log());
    clear_stale_server(data(), options.stop_timeout);
    make_folder(path("socket"));
    for (int attempt = 1; !try_start(); ++attempt) {
      if (attempt == kStartAttempts) throw ClusterError("the server does not start:\n" + last_lines(log()));
      std::this_thread::sleep_for(kTick * attempt * attempt);
    }
  }

  void stop(int how) {
    if (!server) return;
    server->signal(how);
    if (!server->wait(options.stop_timeout)) server->signal(SIGQUIT);
    server->wait(options.stop_timeout);
    server.reset();  // kills what is left
  }

  ~State() {
    try {
      stop(SIGINT);
    } catch (const std::system_error&) {
      // ChildProcess's destructor kills it.
    }
  }
};

PrivateCluster PrivateCluster::start(ClusterOptions options) {
  options.folder = fs::absolute(options.folder).lexically_normal();
  try {
    auto state = std::make_unique<State>(std::move(options));
    if (state->options.fresh && fs::exists(state->data())) {
      clear_stale_server(state->data(), state->options.stop_timeout);
      state->lock.empty();
    }
    if (!fs::exists(state->data())) state->initialize();
    state->password = read_file(state->path("password"));
    state->password.erase(state->password.find_last_not_of('\n') + 1);
    state->start();
    return PrivateCluster(std::move(state));
  } catch (const std::system_error& error) {  // files and processes
    throw ClusterError(std::string("cannot make a private PostgreSQL cluster: ") + error.what());
  }
}

PrivateCluster::PrivateCluster(std::unique_ptr<State> state) : state_(std::move(state)) {}
PrivateCluster::PrivateCluster(PrivateCluster&&) noexcept = default;
PrivateCluster::~PrivateCluster() = default;

void PrivateCluster::stop() noexcept {
  try {
    state_->stop(SIGINT);
  } catch (const std::exception&) {
    state_->server.reset();
  }
}

void PrivateCluster::remove() {
  state_->stop(SIGQUIT);
  remove_quickly(state_->data());
  fs::remove_all(state_->options.folder);
}

postgres::ConnectOptions PrivateCluster::database(std::string_view name) const {
  postgres::ConnectOptions options;
  options.keywords = {{"host", "127.0.0.1"},
                      {"port", std::to_string(state_->port)},
                      {"user", "tributary"},
                      {"password", state_->password},
                      {"dbname", std::string(name)}};
  return options;
}

std::string PrivateCluster::psql(std::string_view database) const {
  const auto& s = *state_;
  if (s.has_socket()) return fmt::format("psql -h {} -p {} -U tributary {}", s.path("socket").string(), s.port, database);
  return fmt::format("psql postgresql://tributary:{}@127.0.0.1:{}/{}", s.password, s.port, database);
}

const fs::path& PrivateCluster::folder() const { return state_->options.folder; }
bool PrivateCluster::created() const { return state_->created; }
pid_t PrivateCluster::pid() const { return state_->server ? state_->server->pid() : -1; }
std::string PrivateCluster::server_version() const { return state_->binaries.version; }

fs::path default_cluster_folder(std::string_view name) {
  if (::geteuid() == 0) return fs::path("/var/lib/tributary") / name;
  if (const char* data_home = std::getenv("XDG_DATA_HOME"); data_home != nullptr && *data_home == '/') {
    return fs::path(data_home) / "tributary" / name;
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') throw ClusterError("HOME is not set: say where the cluster goes with --data-dir");
  return fs::path(home) / ".local/share/tributary" / name;
}

}  // namespace tributary::cli::demo
