#include "support/clickhouse.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json.hpp>

#include <chrono>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "base/uuid.hpp"
#include "clickhouse/client.hpp"
#include "clickhouse/row_reader.hpp"

namespace tributary::test {
namespace {

namespace fs = std::filesystem;

fs::path library() { return fs::path(TRIBUTARY_SOURCE_DIR) / "node_modules/@chdb/lib-linux-x64-gnu/libchdb.so"; }

clickhouse::Result execute(const clickhouse::ConnectOptions& options, const std::string& sql,
                           std::map<std::string, std::string> settings = {}) {
  boost::asio::io_context loop(1);
  // It keeps no connection: the loop would wait for that one's end.
  clickhouse::Client client(loop.get_executor(), options, {.max_connections = 1, .idle_timeout = std::chrono::milliseconds(0)});
  auto result = boost::asio::co_spawn(
      loop, client.execute({.text = sql, .settings = std::move(settings)}, Deadline::after(std::chrono::seconds(60))),
      boost::asio::use_future);
  loop.run();
  return result.get();
}

std::string read(const fs::path& name) {
  std::ifstream file(name);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::vector<std::string> clickhouse_strings(const clickhouse::ConnectOptions& server, const std::string& sql,
                                            std::map<std::string, std::string> settings) {
  const auto result = execute(server, sql + "\nFORMAT RowBinary", std::move(settings));
  std::vector<std::string> rows;
  for (clickhouse::RowReader row(result.body); row.more();) rows.emplace_back(row.string());
  return rows;
}

fs::path make_engine_folder() {
  auto folder = fs::temp_directory_path() / ("tributary-clickhouse-" + Uuid::random().to_string());
  fs::create_directory(folder);
  // The host gives up root's rights before it opens its data.
  fs::permissions(folder, fs::perms::owner_all | fs::perms::group_exec | fs::perms::others_exec);
  return folder;
}

ClickHouse::ClickHouse() : folder_(make_engine_folder()) { start(); }

ClickHouse::~ClickHouse() {
  process_.reset();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

bool ClickHouse::is_installed() { return fs::exists(library()); }

void ClickHouse::kill() { process_.reset(); }

void ClickHouse::start() {
  const auto ready = folder_ / "ready";
  fs::remove(ready);
  const auto command =
      fmt::format("exec '{}' clickhouse-host --unrestricted --port {} --library '{}' --data '{}' > '{}'", TRIBUTARY_BINARY,
                  options_.port, library().string(), (folder_ / "data").string(), ready.string());
  process_.emplace("/bin/sh", std::vector<std::string>{"-c", command}, Process::Environment{});
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (read(ready).find('\n') == std::string::npos) {
    if (std::chrono::steady_clock::now() > end)
      throw std::runtime_error("tributary clickhouse-host does not say that it is ready");
    ::poll(nullptr, 0, 20);
  }
  const auto line = boost::json::parse(read(ready)).as_object();
  options_.port = boost::json::value_to<std::uint16_t>(line.at("port"));
  options_.user = "admin";
  options_.password = boost::json::value_to<std::string>(line.at("admin_password"));
}

std::string ClickHouse::uri() const {
  return fmt::format("http://{}:{}@{}:{}", options_.user, options_.password, options_.host, options_.port);
}

void ClickHouse::run(const std::string& sql) const { execute(options_, sql); }

void ClickHouse::restart() {
  kill();
  start();
}

}  // namespace tributary::test
