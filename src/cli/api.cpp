#include "cli/api.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <charconv>

#include "cli/clickhouse_engine.hpp"
#include "cli/command.hpp"
#include "cli/gauges.hpp"
#include "http/openapi.hpp"
#include "telemetry/log.hpp"

namespace tributary::cli {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

/// How long the source may take to answer a probe, and how long what it said is good for: probes and metrics are for anybody, and must not take the API's connections.
constexpr auto kProbe = 2s;
constexpr auto kProbed = 1s;

/// "127.0.0.1:8080", "[::]:8080"
std::optional<asio::ip::tcp::endpoint> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || wrong != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  const bool in_brackets = host.starts_with('[') && host.ends_with(']');
  if (in_brackets) host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error || address.is_v6() != in_brackets) return std::nullopt;
  return asio::ip::tcp::endpoint(address, port);
}

std::string to_text(const asio::ip::tcp::endpoint& address) {
  const auto host = address.address().to_string();
  return fmt::format("{}:{}", address.address().is_v6() ? '[' + host + ']' : host, address.port());
}

/// As whom the server of clickhouse.url is asked; nullopt: there is none, or tenants may not ask it.
std::optional<ClickHouseAccess> clickhouse_access(const settings::Settings& settings) {
  const auto& given = settings.clickhouse;
  if (given.use == settings::ClickHouseUse::none || given.url.empty() || given.limited_user_password.empty()) return std::nullopt;
  return ClickHouseAccess{.tenants = clickhouse_tenants(settings),
                          .administrator = clickhouse_server(settings),
                          .target = {.embedded = false, .cluster = given.cluster, .definer = given.definer, .installation = {}}};
}

}  // namespace

std::optional<ApiParams> ApiParams::from(const settings::Settings& settings, destination::postgres_target::Params destinations) {
  const auto& given = settings.http;
  if (given.listen.empty()) return std::nullopt;
  const auto address = parse_address(given.listen);
  if (!address)
    throw Failure("http.listen must be an address and a port such as 127.0.0.1:8080 or [::]:8080, not \"" + given.listen + '"',
                  kBadInput);
  return ApiParams{.address = *address,
                   .server = {.most_connections = static_cast<std::size_t>(given.max_connections),
                              .most_header_bytes = static_cast<std::size_t>(given.max_header.count),
                              .most_body_bytes = static_cast<std::uint64_t>(given.max_body.count),
                              .read_timeout = given.read_timeout,
                              .idle_timeout = given.idle_timeout,
                              .handler_timeout = given.handler_timeout,
                              .write_timeout = given.write_timeout,
                              .allowed_origin = given.allowed_origin,
                              .log_requests = given.access_log == settings::AccessLog::all},
                   .max_requests = static_cast<std::size_t>(given.max_requests),
                   .queue_timeout = given.queue_timeout,
                   .max_queries = static_cast<std::size_t>(given.max_queries),
                   .max_queries_of_project = static_cast<std::size_t>(given.max_queries_of_project),
                   .secrets = secrets_of(settings),
                   .operator_key = given.operator_key,
                   .cron_secret = given.cron_secret,
                   .dashboard_session = given.dashboard_session,
                   .destinations = std::move(destinations),
                   .clickhouse = clickhouse_access(settings)};
}

asio::ip::tcp::acceptor listen(asio::any_io_executor executor, const ApiParams& params) {
  try {
    auto acceptor = http::listen(std::move(executor), params.address);
    telemetry::log(Level::info, "http", "listening", {{"address", to_text(acceptor.local_endpoint())}});
    return acceptor;
  } catch (const boost::system::system_error& error) {
    throw Failure("cannot listen at " + to_text(params.address) + ": " + error.code().message() +
                  "\n  Choose another http.listen (port 0 is any that is free), or give --roles without api.");
  }
}

Api::Api(asio::ip::tcp::acceptor acceptor, postgres::Pool& source, std::span<const mapping::Mapping> mappings,
         const ApiParams& params, api::SyncRunner::Params sync, source::Installation installation, bool applies_here,
         FindClickHouse find_clickhouse, telemetry::Metrics& metrics)
    : source_(source),
      mappings_(mappings),
      metrics_(metrics),
      find_clickhouse_(std::move(find_clickhouse)),
      sync_(source.executor(), std::move(sync), installation, metrics),
      context_{.source = source,
               .queue_timeout = params.queue_timeout,
               .mappings = mappings,
               .sync = sync_,
               .secrets = params.secrets,
               .operator_key = params.operator_key,
               .cron_secret = params.cron_secret,
               .destinations = params.destinations,
               .clickhouse = [this] { return clickhouse(); },
               .tracer = params.tracer,
               .queries = Quota(params.max_queries_of_project, params.max_queries)},
      router_(api::make_router(context_, std::string(program_version()))),
      server_(std::move(acceptor), router_, params.server, metrics),
      probe_(
          source.executor(), [this] { return probe_source(); }, kProbed),
      gauges_(
          source.executor(), [this] { return read_source_gauges(); }, kProbed),
      stopping_(source.executor()) {
  router_.admit(params.max_requests);
  router_.add_page(
      {"/livez", [](const http::Request&) -> asio::awaitable<http::Response> { co_return http::Response::of_text("ok\n"); }});
  router_.add_page({"/readyz", [this](const http::Request&) { return ready(); }});
  router_.add_page({"/metrics", [this](const http::Request&) { return tell_metrics(); }});
  http::add_documentation(router_);
  if (params.dashboard_session.count() == 0) return;
  dashboard_.emplace(dashboard::Context{.api = context_,
                                        .metrics = metrics,
                                        .session_lifetime = params.dashboard_session,
                                        .applies_here = applies_here,
                                        .installation = installation,
                                        .version = std::string(program_version())});
  dashboard_->add_to(router_);
}

asio::awaitable<void> Api::run(std::stop_token stop, std::function<Deadline()> until) {
  const auto executor = co_await asio::this_coro::executor;
  asio::co_spawn(executor, server_.run(), asio::detached);
  if (dashboard_) {
    asio::co_spawn(executor, dashboard_->run(stop), [](std::exception_ptr failure) {
      if (failure) telemetry::log(Level::error, "dashboard", "its numbers stand still by a defect");
    });
  }
  while (!stop.stop_requested()) co_await stopping_.wait(Deadline::never(), stop);
  if (!co_await server_.drain(until())) telemetry::log(Level::warning, "http", "requests were cut off at the end");
}

/// Clients are kept for as long as it stays where it is.
asio::awaitable<std::optional<api::ClickHouse>> Api::clickhouse() {
  auto access = co_await find_clickhouse_();
  const bool is_known =
      access && access_ && access->tenants == access_->tenants && access->administrator == access_->administrator;
  if (!is_known) clickhouse_.reset();
  access_ = std::move(access);
  if (access_ && !clickhouse_) {
    const auto client = [this](const clickhouse::ConnectOptions& options, clickhouse::ClientSettings bounds = {}) {
      return std::make_shared<clickhouse::Client>(source_.executor(), options, bounds);
    };
    // A query that may be asked finds a connection.
    clickhouse_ = {.tenants = client(access_->tenants, {.max_connections = context_.queries.most()}),
                   .administrator = client(access_->administrator),
                   .target = access_->target};
  }
  co_return clickhouse_;
}

asio::awaitable<void> Api::probe_source() {
  try {
    auto connection = co_await source_.acquire(Deadline::after(kProbe));
    co_await connection->execute("SELECT 1", Deadline::after(kProbe));
    source_answers_ = true;
  } catch (const postgres::Error& error) {
    source_answers_ = false;
    telemetry::log(Level::warning, "http", "not ready: the source cannot be reached", {{"error", error.what()}});
  }
}

/// Whether requests can be answered now: a process that is stopping does not listen any more.
asio::awaitable<http::Response> Api::ready() {
  co_await probe_.get();
  auto response = http::Response::of({{"ready", source_answers_}, {"source", source_answers_ ? "ok" : "cannot be reached"}});
  if (!source_answers_) response.status = 503;
  co_return response;
}

/// Where the source cannot be asked they stay as they were: the others tell why.
asio::awaitable<void> Api::read_source_gauges() {
  try {
    auto connection = co_await source_.acquire(Deadline::after(kProbe));
    co_await read_gauges(*connection, mappings_, metrics_, Deadline::after(kProbe));
  } catch (const postgres::Error& error) {
    telemetry::log(Level::warning, "http", "the source did not tell its metrics", {{"error", error.what()}});
  }
}

asio::awaitable<http::Response> Api::tell_metrics() {
  co_await gauges_.get();
  co_return http::Response::of_text(metrics_.exposition(), "text/plain; version=0.0.4; charset=utf-8");
}

}  // namespace tributary::cli
