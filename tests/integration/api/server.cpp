#include "server.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_future.hpp>

#include "http/openapi.hpp"
#include "support/source.hpp"

namespace tributary::test {

using namespace std::chrono_literals;

ApiServer::ApiServer(const Database& source, Params params) : mappings_(builtin_mappings()) {
  std::exception_ptr failure;
  asio::co_spawn(loop_, start(source, std::move(params)), [&](std::exception_ptr error) {
    failure = error;
    loop_.stop();
  });
  loop_.run();
  if (failure) std::rethrow_exception(failure);
  loop_.restart();
  asio::co_spawn(loop_, server_->run(), asio::detached);
  thread_ = std::thread([this] {
    const auto work = asio::make_work_guard(loop_);
    loop_.run();
  });
}

ApiServer::~ApiServer() {
  asio::co_spawn(loop_, server_->drain(Deadline::after(5s)), asio::use_future).get();
  loop_.stop();
  thread_.join();
}

asio::awaitable<void> ApiServer::start(const Database& source, Params params) {
  const auto executor = loop_.get_executor();
  source::Installation installation;
  {
    auto connection = co_await postgres::Connection::open(source.options(), Deadline::after(20s));
    installation = co_await source::attach(connection, mappings_, Deadline::after(20s));
  }
  destination::postgres_target::Params destinations{.connect_timeout = params.connect_timeout};
  destinations.guard.addresses = postgres::Guard::rules_of({"127.0.0.0/8"});
  pool_.emplace(executor, api::session_settings(source.options()));
  sync_.emplace(executor,
                api::SyncRunner::Params{.source = source.options(),
                                        .mappings = mappings_,
                                        .sequencer = {},
                                        .queue = {.lease = 3s, .longest_pause = 50ms, .revive_every = 100ms},
                                        // Nobody polls behind a request: whoever is left behind in it would stay so.
                                        .sync = {.patience = 30s, .destination = destinations, .secrets = params.secrets},
                                        .clickhouse = nullptr},
                installation, metrics_);
  context_.emplace(api::Context{.source = *pool_,
                                .queue_timeout = params.queue_timeout,
                                .mappings = mappings_,
                                .sync = *sync_,
                                .secrets = params.secrets,
                                .operator_key = params.operator_key,
                                .cron_secret = params.cron_secret,
                                .destinations = destinations,
                                .clickhouse = {},
                                .queries = Quota(params.queries_of_project, 16)});
  std::optional<api::ClickHouse> clickhouse;
  if (params.clickhouse) {
    const auto client = [&](const auto& options) { return std::make_shared<clickhouse::Client>(executor, options); };
    clickhouse = {.tenants = client(*params.clickhouse),
                  .administrator = client(params.administrator.value_or(*params.clickhouse)),
                  .target = {.embedded = true}};
  }
  context_->clickhouse = [clickhouse]() -> asio::awaitable<std::optional<api::ClickHouse>> { co_return clickhouse; };
  router_.emplace(api::make_router(*context_, "test"));
  http::add_documentation(*router_);
  server_.emplace(http::listen(executor, {asio::ip::make_address("127.0.0.1"), 0}), *router_,
                  http::ServerParams{.handler_timeout = params.handler_timeout, .log_requests = false}, metrics_);
  port_ = server_->endpoint().port();
}

std::string ApiAnswer::code() const {
  const auto found = fields.find("x-stack-known-error");
  return found == fields.end() ? "" : found->second;
}

ApiAnswer ApiClient::call(std::string_view method, const std::string& path, std::string_view body) {
  auto fields = headers_;
  if (!body.empty()) fields["Content-Type"] = "application/json";
  auto answer = client_.request(method, "/api/v1" + path, body, fields);
  ApiAnswer result{.status = answer.status, .body = {}, .fields = std::move(answer.fields)};
  if (!answer.body.empty()) result.body = json::parse(answer.body);
  return result;
}

}  // namespace tributary::test
