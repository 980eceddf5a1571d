#include "verify/watermarks.hpp"

#include <boost/asio/this_coro.hpp>

#include "destination/clickhouse/watermarks.hpp"
#include "destination/postgres/destination.hpp"
#include "telemetry/log.hpp"

namespace tributary::verify {
namespace {

using Watermarks = std::map<std::string, std::int64_t>;

constexpr std::string_view kWatermarks =
    "SELECT mapping_name, last_synced_sequence_id FROM public._stack_sync_metadata WHERE tenancy_id = $1";

asio::awaitable<Watermarks> of_postgres(postgres::ConnectOptions options, Uuid tenancy, Deadline deadline) {
  auto connection = co_await destination::postgres_target::open_session(std::move(options), deadline);
  postgres::Params params;
  params.add(tenancy);
  const auto result = co_await connection.execute(kWatermarks, std::move(params), deadline);
  Watermarks watermarks;
  for (std::size_t row = 0; row < result.rows(); ++row)
    watermarks[result.get<std::string>(row, 0)] = result.get<std::int64_t>(row, 1);
  co_return watermarks;
}

asio::awaitable<Watermarks> of_clickhouse(clickhouse::ConnectOptions writer, Uuid tenancy, Deadline deadline) {
  clickhouse::Client client(co_await asio::this_coro::executor, std::move(writer), {.max_connections = 1});
  auto watermarks = co_await read_clickhouse_watermarks(client, tenancy, deadline);
  client.close();
  co_return watermarks;
}

}  // namespace

asio::awaitable<Watermarks> read_clickhouse_watermarks(clickhouse::Client& client, Uuid tenancy, Deadline deadline) {
  Watermarks watermarks;
  for (const auto& [mapping, position] : co_await destination::clickhouse_target::stored_positions_of(client, tenancy, deadline))
    watermarks[mapping] = position.watermark;
  co_return watermarks;
}

asio::awaitable<std::optional<Watermarks>> read_watermarks(const MenderParams& params, Uuid tenancy, std::string destination,
                                                           std::string connection_string) {
  const auto deadline = Deadline::after(params.destination.connect_timeout);
  std::string error = "the shared ClickHouse is not running";
  try {
    if (destination == queue::kSharedClickHouse) {
      if (const auto place = params.clickhouse()) co_return co_await of_clickhouse(place->writer, tenancy, deadline);
    } else {
      co_return co_await of_postgres(
          destination::postgres_target::connect_options(params.secrets.open(connection_string), tenancy, params.destination),
          tenancy, deadline);
    }
  } catch (const std::exception& failure) {
    error = failure.what();
  }
  telemetry::log(telemetry::Level::debug, "collect", "a destination cannot be asked what it has, its tombstones are kept",
                 {{"tenancy", tenancy.to_string()}, {"destination", destination}, {"error", error}});
  co_return std::nullopt;
}

}  // namespace tributary::verify
