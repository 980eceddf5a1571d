#include "cli/clickhouse_engine.hpp"
#include "cli/command.hpp"
#include "cli/server.hpp"

/// What the settings mean for the parts of a server.
namespace tributary::cli {
namespace {

std::optional<ClickHouseParams> clickhouse_params(const settings::Settings& settings) {
  const auto& given = settings.clickhouse;
  if (given.use == settings::ClickHouseUse::none) return std::nullopt;
  ClickHouseParams params;
  if (given.url.empty())
    params.folder = clickhouse_folder(settings);
  else
    params.server = clickhouse_server(settings);
  params.memory = given.memory;
  params.log = settings.log.level;
  params.max_claims = static_cast<int>(given.max_claims);
  params.clean_up_every = given.clean_up_every;
  params.keep_deleted = given.keep_deleted;
  params.load_rows = static_cast<int>(given.load_rows);
  params.writer.schema = {.embedded = !params.server, .cluster = given.cluster, .definer = given.definer, .installation = {}};
  params.writer.creates = params.server.has_value();
  params.writer.hash_key = given.hash_key;
  params.writer.flush_age = given.flush_age;
  params.writer.flush_pause = given.flush_pause;
  params.writer.flush_bytes = static_cast<std::size_t>(given.flush_size.count);
  params.writer.load_bytes = static_cast<std::size_t>(given.load_size.count);
  // A copy holds a connection for as long as its rows come. As many may run beside those of destinations that failed before.
  params.writer.max_connections = 4 + 2 * static_cast<std::size_t>(settings.sync.parallel_loads);
  return params;
}

}  // namespace

ServerParams ServerParams::from(const settings::Settings& settings) {
  ServerParams params;
  params.source = source_options(settings);
  params.source_pool.max_connections = static_cast<std::size_t>(settings.source.pool);
  params.threads = static_cast<int>(settings.threads);
  params.sequencer = {.rows_per_batch = static_cast<int>(settings.sequencer.rows_per_batch),
                      .rows_per_tenancy = static_cast<int>(settings.sequencer.rows_per_tenancy),
                      .parallel_shards = static_cast<int>(settings.sequencer.parallel_shards),
                      .longest_pause = settings.sequencer.longest_pause,
                      .passes_before_waiting = static_cast<int>(settings.sequencer.passes_before_waiting),
                      .lock_timeout = settings.sequencer.lock_timeout};
  params.queue = {.lease = settings.queue.lease,
                  .max_claims = static_cast<int>(settings.queue.max_claims),
                  .longest_pause = settings.queue.longest_pause,
                  .revive_every = settings.queue.revive_every};
  params.sync = {.small_rows = static_cast<int>(settings.sync.small_rows),
                 .load_rows = static_cast<int>(settings.sync.load_rows),
                 .load_chunk_bytes = static_cast<std::size_t>(settings.sync.load_chunk.count),
                 .load_time = settings.sync.load_time,
                 .parallel_loads = static_cast<int>(settings.sync.parallel_loads),
                 .lease = settings.queue.lease,
                 .patience = settings.sync.patience,
                 .source_timeout = settings.sync.source_timeout,
                 .apply_timeout = settings.sync.apply_timeout,
                 .retry = {.first = settings.sync.retry_first, .longest = settings.sync.retry_longest},
                 .most_refused_rows = static_cast<std::size_t>(settings.sync.most_refused_rows),
                 .destination = destination_params(settings)};
  params.sync.secrets = secrets_of(settings);
  params.collection = {.every = settings.tombstones.collect_every,
                       .keep = settings.tombstones.keep,
                       .longest_wait = settings.tombstones.longest_wait};
  params.clickhouse = clickhouse_params(settings);
  params.api = ApiParams::from(settings, params.sync.destination);
  params.tracing = Tracing::Params::from(settings);
  return params;
}

}  // namespace tributary::cli
