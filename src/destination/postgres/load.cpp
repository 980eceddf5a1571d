#include "destination/postgres/target.hpp"
#include "mapping/sql.hpp"
#include "postgres/transaction.hpp"

namespace tributary::destination::postgres_target {
namespace {

constexpr std::string_view kTakeWatermark = R"sql(
SELECT 1
FROM public._stack_sync_metadata
WHERE mapping_name = $1
  AND last_synced_sequence_id = $2
  AND generation = $3
  AND installation_id = $4
  AND tenancy_id = $5
FOR UPDATE)sql";

constexpr std::string_view kMoveWatermark = R"sql(
UPDATE public._stack_sync_metadata
SET last_synced_sequence_id = $2,
    complete_until = coalesce('epoch'::timestamptz + $3 * interval '1 microsecond', complete_until),
    complete_through = CASE WHEN $3 IS NULL THEN -1 ELSE $2 END,
    loading = $4,
    updated_at = now()
WHERE mapping_name = $1)sql";

constexpr std::string_view kStopLoading = R"sql(
UPDATE public._stack_sync_metadata
SET loading = false
WHERE mapping_name = $1 AND installation_id = $2 AND tenancy_id = $3)sql";

// Keys are looked up one by one in the target's primary key: without statistics of the stage the planner would rather read the whole target.
constexpr std::string_view kLookUpByKey =
    "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = on";

/// One batch on its way: straight into the target while that is loaded for the first time, else into a stage that is merged.
class TargetLoad final : public Load {
 public:
  TargetLoad(Target& target, const MappingState& state, Position position, pg::PooledConnection connection,
             pg::Transaction transaction, pg::CopyWriter writer, bool straight)
      : target_(target),
        state_(state),
        position_(position),
        straight_(straight),
        deletes_(state.shape),
        connection_(std::move(connection)),
        transaction_(std::move(transaction)),
        writer_(std::move(writer)) {}

  asio::awaitable<std::optional<Outcome>> write(const pg::CopyBatch& chunk, Deadline deadline) override {
    try {
      bytes_.clear();
      for (std::size_t i = 0; i < chunk.rows(); ++i) add(chunk.row(i));
      if (!bytes_.empty()) co_await writer_.write(bytes_, deadline);
      co_return std::nullopt;
    } catch (const pg::Error& error) {
      co_return failed(error);
    }
  }

  asio::awaitable<Outcome> commit(std::int64_t through, std::optional<pg::Timestamp> complete_until, bool caught_up,
                                  Deadline deadline) override {
    std::optional<pg::Error> found_there_already;
    try {
      co_await writer_.finish(deadline);
      co_await merge(deadline);
      const bool still_loading = straight_ && !caught_up;
      pg::Params params;
      params.add(state_.mapping.name).add(through);
      if (complete_until)
        params.add(std::int64_t{complete_until->time_since_epoch().count()});
      else
        params.add_null(pg::oid::kInt8);
      params.add(still_loading);
      co_await connection_->execute_prepared(kMoveWatermark, std::move(params), deadline);
      co_await transaction_.commit(deadline);
      target_.remember(state_.mapping, {.watermark = through,
                                        .generation = position_.generation,
                                        .loading = still_loading,
                                        .complete = complete_until.has_value()});
      co_return Outcome{};
    } catch (const pg::Error& error) {
      if (!straight_ || error.sqlstate() != "23505") co_return failed(error);
      found_there_already = error;
    }
    co_return co_await turn_to_staging(deadline);
  }

 private:
  void add(std::span<const std::byte> tuple) {
    const auto change = parse_change(tuple);
    if (change.kind == Change::Kind::step) return;
    if (!straight_) {
      (change.kind == Change::Kind::row ? rows_ : tombstones_) += 1;
      bytes_.insert(bytes_.end(), tuple.begin(), tuple.end());
      return;
    }
    if (change.kind == Change::Kind::tombstone) {
      ++tombstones_;
      deletes_.add(change);
      return;
    }
    ++rows_;
    pg::append_int16(bytes_, static_cast<std::int16_t>(change.fields));
    bytes_.insert(bytes_.end(), change.values.begin(), change.values.end());
  }

  asio::awaitable<void> merge(Deadline deadline) {
    if (tombstones_ > 0) {
      if (straight_) {
        co_await connection_->execute_prepared(state_.delete_arrays, deletes_.deletes(), deadline);
      } else {
        co_await connection_->execute_script(kLookUpByKey, deadline);
        co_await connection_->execute(mapping::delete_from_stage_sql(state_.mapping), deadline);
      }
    }
    if (rows_ > 0 && !straight_) co_await connection_->execute(mapping::upsert_from_stage_sql(state_.mapping), deadline);
  }

  /// A row of this first load was there already: it changed after an earlier batch, or somebody else wrote it. From here on batches are merged.
  asio::awaitable<Outcome> turn_to_staging(Deadline deadline) {
    try {
      co_await transaction_.rollback(deadline);
      pg::Params params;
      params.add(state_.mapping.name).add(target_.owner().installation).add(target_.owner().tenancy);
      co_await connection_->execute(kStopLoading, std::move(params), deadline);
      target_.forget();
      co_return Outcome{.verdict = Verdict::again, .failure = {}};
    } catch (const pg::Error& error) {
      co_return failed(error);
    }
  }

  Outcome failed(const pg::Error& error) { return target_.failed(error); }

  Target& target_;
  const MappingState& state_;
  const Position position_;
  const bool straight_;
  ColumnArrays deletes_;  ///< keys to delete of a straight load; bounded by one batch
  std::vector<std::byte> bytes_;  ///< one chunk, as the target or the stage takes it
  std::size_t rows_ = 0;
  std::size_t tombstones_ = 0;
  // Destroyed in reverse: the stream, then the transaction (which closes an unfinished connection), then the loan.
  pg::PooledConnection connection_;
  pg::Transaction transaction_;
  pg::CopyWriter writer_;
};

}  // namespace

asio::awaitable<Destination::Loading> Target::load(const mapping::Mapping& mapping, Position position, Deadline deadline) {
  try {
    const auto& state = state_of(mapping);
    auto connection = co_await connect(deadline);
    auto transaction = co_await pg::Transaction::begin(*connection, pg::TransactionMode::read_committed, deadline);
    pg::Params params;
    params.add(mapping.name).add(position.watermark).add(position.generation).add(owner_.installation).add(owner_.tenancy);
    bool taken = false;
    try {
      taken = !(co_await connection->execute_prepared(kTakeWatermark, std::move(params), deadline)).empty();
    } catch (const pg::Error& error) {
      if (error.sqlstate() != "55P03") throw;  // somebody else's load holds it for longer than lock_timeout
    }
    if (!taken) {
      co_await transaction.rollback(deadline);
      forget();
      co_return Loading{.load = nullptr, .outcome = {.verdict = Verdict::fenced, .failure = {}}};
    }
    if (!position.loading) co_await connection->execute_script(mapping::create_stage_sql(mapping), deadline);
    auto writer = co_await pg::CopyWriter::start(
        *connection, position.loading ? mapping::copy_target_sql(mapping) : mapping::copy_stage_sql(mapping), deadline);
    co_return Loading{.load = std::make_unique<TargetLoad>(*this, state, position, std::move(connection), std::move(transaction),
                                                           std::move(writer), position.loading),
                      .outcome = {}};
  } catch (const pg::Error& error) {
    co_return Loading{.load = nullptr, .outcome = failed(error)};
  }
}

}  // namespace tributary::destination::postgres_target
