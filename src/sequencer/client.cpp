#include "sequencer/client.hpp"

#include "sequencer/sql.hpp"

namespace tributary::sequencer {
namespace {

constexpr std::chrono::seconds kLookTimeout{30};
constexpr std::chrono::minutes kBatchTimeout{5};

/// Losing an announcement in a crash costs one pause; waiting for the disk each time would cost more.
constexpr std::string_view kNoWait = "SELECT set_config('synchronous_commit', 'off', true)";
constexpr std::string_view kAnnounce = "SELECT setval('tributary.sequencer_state', $1)";
constexpr std::string_view kState = "SELECT pg_sequence_last_value('tributary.sequencer_state'::regclass)";
constexpr std::string_view kLockShard = "SELECT tributary.lock_shard($1)";
constexpr std::string_view kLockShardTraced = "SELECT tributary.lock_shard($1), set_config('tributary.traceparent', $2, true)";
constexpr std::string_view kLockTimeout = "SELECT set_config('lock_timeout', $1, true)";

postgres::Command command(std::string_view sql) { return {sql, {}}; }

std::uint64_t count(const postgres::Result& result, std::size_t column) {
  return static_cast<std::uint64_t>(result.get<std::int64_t>(0, column));
}

/// One row of sequencing_sql(). Which tenancies got ids is counted only.
Sequenced read(const postgres::Result& result, std::size_t tables) {
  Sequenced sequenced{.locked = true,
                      .touched = result.get<std::vector<Uuid>>(0, 0).size(),
                      .enqueued = count(result, 1),
                      .markers = count(result, 2),
                      .tables = {},
                      .commit_ages_us = {}};
  for (std::size_t i = 0; i < tables; ++i) sequenced.tables.push_back({count(result, 3 + 2 * i), count(result, 4 + 2 * i)});
  if (auto ages = result.get<std::optional<std::vector<std::int64_t>>>(0, 3 + 2 * tables))
    sequenced.commit_ages_us = std::move(*ages);
  return sequenced;
}

}  // namespace

Client::Client(postgres::Pool& pool, std::span<const mapping::Mapping> mappings)
    : pool_(pool),
      tables_(sequenced_tables(mappings).size()),
      look_sql_(look_sql(mappings)),
      sequencing_sql_(sequencing_sql(mappings)),
      waiting_sql_(waiting_sql(mappings)) {
  for (std::size_t table = 0; table < tables_; ++table) sequencing_one_sql_.push_back(sequencing_sql(mappings, table));
}

postgres::Command Client::announcing(Announcement announcement) {
  postgres::Params params;
  params.add(static_cast<std::int64_t>(announcement));
  return {kAnnounce, std::move(params)};
}

asio::awaitable<Looked> Client::look(std::vector<ShardRange> ranges, std::int64_t limit,
                                     std::optional<Announcement> announcement) {
  std::vector<Uuid> first;
  std::vector<Uuid> last;
  for (const auto& range : ranges) {
    first.push_back(range.first);
    last.push_back(range.last);
  }
  postgres::Params params;
  params.add_array(std::span<const Uuid>(first)).add_array(std::span<const Uuid>(last)).add(limit);
  std::vector<postgres::Command> commands;
  if (announcement) {
    commands.push_back(command(kNoWait));
    commands.push_back(announcing(*announcement));
  } else {
    commands.push_back(command(kState));
  }
  commands.push_back({look_sql_, std::move(params)});

  auto connection = co_await pool_.acquire(Deadline::after(kLookTimeout));
  const auto results = co_await connection->execute_pipeline(std::move(commands), Deadline::after(kLookTimeout));
  const auto& state = results[results.size() - 2];
  const auto& found = results.back();
  Looked looked;
  looked.asleep = state.get<std::optional<std::int64_t>>(0, 0) == static_cast<std::int64_t>(Announcement::sleeping);
  for (std::size_t row = 0; row < found.rows(); ++row) looked.tenancies.push_back(found.get<Uuid>(row, 0));
  co_return looked;
}

asio::awaitable<Sequenced> Client::sequence(Batch batch) {
  const auto shard = static_cast<std::int32_t>(batch.shard);
  const auto shard_arguments = [&] {
    postgres::Params params;
    params.add_array(batch.tenancies).add(batch.range.first).add(batch.range.last).add(std::to_string(shard));
    return params;
  };
  std::vector<postgres::Command> commands;
  postgres::Params lock;
  lock.add(shard);
  const bool is_traced = !batch.traceparent.empty();
  if (is_traced) lock.add(batch.traceparent);
  commands.push_back({is_traced ? kLockShardTraced : kLockShard, std::move(lock)});
  if (batch.wait) {
    postgres::Params timeout;
    timeout.add(std::to_string(batch.wait->count()));
    commands.push_back({kLockTimeout, std::move(timeout)});
    commands.push_back({waiting_sql_, shard_arguments()});
  }
  auto params = shard_arguments();
  params.add(batch.rows_per_tenancy);
  commands.push_back({batch.table ? sequencing_one_sql_.at(*batch.table) : sequencing_sql_, std::move(params)});

  auto connection = co_await pool_.acquire(Deadline::after(kLookTimeout));
  const auto results = co_await connection->execute_pipeline(std::move(commands), Deadline::after(kBatchTimeout));
  co_return results.front().get<bool>(0, 0) ? read(results.back(), tables_) : Sequenced{};
}

asio::awaitable<void> Client::announce(Announcement announcement) {
  std::vector<postgres::Command> commands;
  commands.push_back(command(kNoWait));
  commands.push_back(announcing(announcement));
  auto connection = co_await pool_.acquire(Deadline::after(kLookTimeout));
  co_await connection->execute_pipeline(std::move(commands), Deadline::after(kLookTimeout));
}

}  // namespace tributary::sequencer
