#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "api/api.hpp"
#include "http/server.hpp"
#include "support/database.hpp"
#include "support/http_client.hpp"

namespace tributary::test {

namespace json = boost::json;

/// The REST API over a source, on a loop with a thread of its own, at a port that is free.
class ApiServer {
 public:
  struct Params {
    std::string operator_key = "operator's key";
    std::string cron_secret = "cron's secret";
    Secrets secrets;
    /// Where the shared ClickHouse is, as whom tenants ask it; nullopt: there is none.
    std::optional<clickhouse::ConnectOptions> clickhouse;
    std::optional<clickhouse::ConnectOptions> administrator = {};  ///< of it; nullopt: they are one
    std::chrono::milliseconds queue_timeout{1'000};
    std::size_t queries_of_project = 4;
    std::chrono::milliseconds handler_timeout{30'000};
    std::chrono::milliseconds connect_timeout{10'000};  ///< to destinations
  };
  ApiServer(const Database& source, Params params);
  ~ApiServer();  ///< finishes what runs
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  boost::asio::awaitable<void> start(const Database& source, Params params);

  boost::asio::io_context loop_{1};
  telemetry::Metrics metrics_;
  const std::vector<mapping::Mapping> mappings_;
  std::optional<postgres::Pool> pool_;
  std::optional<api::SyncRunner> sync_;
  std::optional<api::Context> context_;
  std::optional<http::Router> router_;
  std::optional<http::Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

/// What the API answered.
struct ApiAnswer {
  unsigned status = 0;
  json::value body;
  HttpClient::Fields fields;

  std::string text(std::string_view name) const { return std::string(body.at(name).as_string()); }
  std::string code() const;  ///< of a refusal; empty where it is none
};

/// Somebody who speaks to the API with these headers, over one connection. Blocks.
class ApiClient {
 public:
  ApiClient(std::uint16_t port, HttpClient::Fields headers) : client_(port), headers_(std::move(headers)) {}

  /// `path`: below /api/v1.
  ApiAnswer call(std::string_view method, const std::string& path, std::string_view body = "");
  ApiAnswer get(const std::string& path) { return call("GET", path); }
  ApiAnswer post(const std::string& path, const json::value& body = json::object()) {
    return call("POST", path, json::serialize(body));
  }
  ApiAnswer patch(const std::string& path, const json::value& body) { return call("PATCH", path, json::serialize(body)); }
  ApiAnswer remove(const std::string& path) { return call("DELETE", path); }

  HttpClient::Fields& headers() { return headers_; }

 private:
  HttpClient client_;
  HttpClient::Fields headers_;
};

}  // namespace tributary::test
