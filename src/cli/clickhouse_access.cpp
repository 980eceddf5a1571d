#include "cli/clickhouse_access.hpp"

#include <boost/asio/this_coro.hpp>

#include "cli/command.hpp"

namespace tributary::cli {

asio::awaitable<verify::ClickHouseAccess> ClickHouseReader::access(const settings::Settings& settings,
                                                                   const std::vector<mapping::Mapping>& mappings,
                                                                   std::stop_token stop) {
  if (settings.clickhouse.use == settings::ClickHouseUse::none) throw Failure("clickhouse.use is none");
  const bool embedded = settings.clickhouse.url.empty();
  if (!writer_ && embedded) co_await open_embedded(settings, mappings, std::move(stop));
  if (!writer_) writer_.emplace(co_await asio::this_coro::executor, clickhouse_server(settings));
  co_return verify::ClickHouseAccess{.writer = *writer_, .reader = reader_ ? *reader_ : *writer_, .as_tenant = embedded};
}

// In the embedded engine nobody but a tenant may read tenants' rows.
asio::awaitable<void> ClickHouseReader::open_embedded(const settings::Settings& settings,
                                                      const std::vector<mapping::Mapping>& mappings, std::stop_token stop) {
  const auto executor = co_await asio::this_coro::executor;
  if (!engine_) engine_.emplace(executor, settings, clickhouse_folder(settings), mappings);
  const auto host = co_await engine_->host(stop);
  if (!host) throw Failure("the embedded ClickHouse engine does not start; what it says stands above");
  if (!host->serves_tenants)
    throw Failure("the embedded ClickHouse engine serves no tenants here: this kernel cannot keep it from other files");
  reader_.emplace(executor, clickhouse::embedded::limited_user_of(*host));
  writer_.emplace(executor, clickhouse::embedded::administrator_of(*host));
}

asio::awaitable<void> ClickHouseReader::end() {
  if (reader_) reader_->close();
  if (writer_) writer_->close();
  if (engine_) co_await engine_->end();
}

}  // namespace tributary::cli
