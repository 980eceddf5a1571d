#include "server.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json.hpp>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <stdexcept>

#include "base/uuid.hpp"

namespace tributary::clickhouse {
namespace {

namespace fs = std::filesystem;
using boost::asio::ip::tcp;

constexpr const char* kDebianServer = "/usr/sbin/clickhouse-server";

constexpr std::string_view kConfiguration = R"(<yandex>
  <logger><level>fatal</level><console>1</console></logger>
  <http_port>{port}</http_port>
  <listen_host>127.0.0.1</listen_host>
  <path>{folder}/data/</path>
  <tmp_path>{folder}/tmp/</tmp_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>5242880</mark_cache_size>
</yandex>
)";
constexpr std::string_view kUsers = R"(<yandex>
  <profiles><default><allow_experimental_low_cardinality_type>1</allow_experimental_low_cardinality_type></default></profiles>
  <users><keeper>
    <password>pass word</password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
  </keeper></users>
  <quotas><default/></quotas>
</yandex>
)";

std::uint16_t free_port() {
  boost::asio::io_context loop;
  tcp::acceptor acceptor(loop, {boost::asio::ip::address_v4::loopback(), 0});
  return acceptor.local_endpoint().port();
}

void write(const fs::path& name, const std::string& text) { std::ofstream(name) << text; }

std::string read(const fs::path& name) {
  std::ifstream file(name);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool accepts(std::uint16_t port) {
  boost::asio::io_context loop;
  tcp::socket socket(loop);
  boost::system::error_code error;
  socket.connect({boost::asio::ip::address_v4::loopback(), port}, error);
  return !error;
}

void wait_until(const std::function<bool()>& condition, const char* what) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(40);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error(what);
    ::poll(nullptr, 0, 20);
  }
}

std::optional<fs::path> engine_library() {
  const auto library = fs::path(TRIBUTARY_SOURCE_DIR) / "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so";
  return fs::exists(library) ? std::optional(library) : std::nullopt;
}

}  // namespace

std::string to_string(ServerKind kind) { return kind == ServerKind::debian ? "Debian" : "Embedded"; }

std::unique_ptr<Server> Server::start(ServerKind kind, std::string& why_not) {
  const auto library = engine_library();
  if (kind == ServerKind::debian && !fs::exists(kDebianServer)) {
    why_not = "Debian's clickhouse-server is not installed (apt-get install --no-install-recommends clickhouse-server)";
    return nullptr;
  }
  if (kind == ServerKind::embedded && !library) {
    why_not = "libchdb is not installed (npm ci)";
    return nullptr;
  }
  const auto folder = fs::temp_directory_path() / ("tributary-clickhouse-" + Uuid::random().to_string());
  fs::create_directories(folder);
  std::unique_ptr<Server> server(new Server(folder));
  if (kind == ServerKind::debian)
    server->start_debian();
  else
    server->start_embedded(*library);
  return server;
}

Server::~Server() {
  process_.reset();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void Server::start_debian() {
  options_.port = free_port();
  options_.user = "keeper";
  options_.password = "pass word";
  write(folder_ / "users.xml", std::string(kUsers));
  write(folder_ / "config.xml",
        fmt::format(fmt::runtime(kConfiguration), fmt::arg("port", options_.port), fmt::arg("folder", folder_.string())));
  process_.emplace(kDebianServer, std::vector<std::string>{"--config-file=" + (folder_ / "config.xml").string()},
                   test::Process::Environment{});
  wait_until([&] { return accepts(options_.port); }, "Debian's clickhouse-server does not answer");
}

void Server::start_embedded(const fs::path& library) {
  const auto ready = folder_ / "ready";
  const auto command = fmt::format("exec '{}' clickhouse-host --unrestricted --library '{}' --data '{}' > '{}'", TRIBUTARY_BINARY,
                                   library.string(), (folder_ / "data").string(), ready.string());
  process_.emplace("/bin/sh", std::vector<std::string>{"-c", command}, test::Process::Environment{});
  wait_until([&] { return read(ready).find('\n') != std::string::npos; },
             "tributary clickhouse-host does not say that it is ready");
  const auto line = boost::json::parse(read(ready)).as_object();
  options_.port = boost::json::value_to<std::uint16_t>(line.at("port"));
  options_.user = "admin";
  options_.password = boost::json::value_to<std::string>(line.at("admin_password"));
}

}  // namespace tributary::clickhouse
