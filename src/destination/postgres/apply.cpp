#include "destination/postgres/target.hpp"
#include "postgres/transaction.hpp"

namespace tributary::destination::postgres_target {
namespace {

/// DELETE, then INSERT … ON CONFLICT: a row that a customer's own unique constraint lets in only after another is gone gets in.
void add_changes(std::vector<pg::Command>& commands, const MappingState& state, ColumnArrays& arrays) {
  if (arrays.tombstones() > 0) commands.push_back({.sql = state.delete_arrays, .params = arrays.deletes(), .prepare = true});
  if (arrays.rows() > 0) commands.push_back({.sql = state.upsert_arrays, .params = arrays.upserts(), .prepare = true});
}

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// Applies rows of a batch inside a transaction, halving a range that fails until the rows that are to blame stand alone.
class SparingApply {
 public:
  SparingApply(pg::Connection& connection, const MappingState& state, const Batch& batch, std::size_t most_refused)
      : connection_(connection), state_(state), batch_(batch), most_refused_(most_refused) {}

  /// Rows left out. Throws what is not a row's fault. Stops early once there are more than allowed.
  asio::awaitable<std::vector<RefusedRow>> run(Deadline deadline) {
    std::vector<Range> open{{0, batch_.changes->rows.rows()}};
    while (!open.empty() && refused_.size() <= most_refused_) {
      const auto range = open.back();
      open.pop_back();
      const auto failure = co_await try_range(range, deadline);
      if (!failure) continue;
      if (range.end - range.begin == 1) {
        refused_.push_back({key_json(state_.shape, parse_change(batch_.changes->rows.row(range.begin))), *failure});
        continue;
      }
      // The earlier half is tried first, so pushed last.
      const auto middle = range.begin + (range.end - range.begin) / 2;
      open.push_back({middle, range.end});
      open.push_back({range.begin, middle});
    }
    co_return std::move(refused_);
  }

 private:
  asio::awaitable<std::optional<Failure>> try_range(Range range, Deadline deadline) {
    ColumnArrays arrays(state_.shape);
    for (auto i = range.begin; i < range.end; ++i) arrays.add(parse_change(batch_.changes->rows.row(i)));
    std::vector<pg::Command> commands;
    commands.push_back({.sql = "SAVEPOINT tributary_range", .params = {}, .prepare = true});
    add_changes(commands, state_, arrays);
    if (commands.size() == 1) co_return std::nullopt;
    commands.push_back({.sql = "RELEASE SAVEPOINT tributary_range", .params = {}, .prepare = true});
    std::optional<Failure> failure;
    try {
      co_await connection_.execute_pipeline(std::move(commands), deadline);
    } catch (const pg::Error& error) {
      if (!error.may_blame_a_row()) throw;
      failure = to_failure(error);
    }
    if (failure)
      co_await connection_.execute_script("ROLLBACK TO SAVEPOINT tributary_range; RELEASE SAVEPOINT tributary_range", deadline);
    co_return failure;
  }

  pg::Connection& connection_;
  const MappingState& state_;
  const Batch& batch_;
  const std::size_t most_refused_;
  std::vector<RefusedRow> refused_;
};

}  // namespace

asio::awaitable<Outcome> Target::apply(std::span<const Batch* const> batches, Deadline deadline) {
  try {
    std::vector<pg::Command> commands;
    commands.push_back(fence_command(batches, owner_));
    for (const auto* batch : batches) {
      const auto& state = state_of(*batch->changes->mapping);
      ColumnArrays arrays(state.shape);
      for (std::size_t i = 0; i < batch->changes->rows.rows(); ++i) arrays.add(parse_change(batch->changes->rows.row(i)));
      add_changes(commands, state, arrays);
    }
    auto connection = co_await connect(deadline);
    co_await connection->execute_pipeline(std::move(commands), deadline);
    for (const auto* batch : batches) remember(*batch->changes->mapping, position_after(*batch));
    co_return Outcome{};
  } catch (const pg::Error& error) {
    co_return failed(error);
  }
}

asio::awaitable<Outcome> Target::apply_sparing(const Batch& batch, std::size_t most_refused, Keep keep, Deadline deadline) {
  std::exception_ptr kept_nothing;  // not this destination's fault
  try {
    auto connection = co_await connect(deadline);
    auto transaction = co_await pg::Transaction::begin(*connection, pg::TransactionMode::read_committed, deadline);
    const Batch* const one[] = {&batch};
    std::vector<pg::Command> commands;
    // A deferred constraint of the customer's must speak while its row can still be told apart.
    commands.push_back({.sql = "SET CONSTRAINTS ALL IMMEDIATE", .params = {}, .prepare = true});
    commands.push_back(fence_command(one, owner_));
    co_await connection->execute_pipeline(std::move(commands), deadline);
    SparingApply apply(*connection, state_of(*batch.changes->mapping), batch, most_refused);
    auto refused = co_await apply.run(deadline);
    if (refused.size() > most_refused) {
      co_await transaction.rollback(deadline);
      forget();
      auto failure = refused.front().failure;
      failure.kind = FailureKind::refused;
      failure.message = fmt::format("more than {} rows were refused; the first: {}", most_refused, failure.message);
      co_return Outcome{.verdict = Verdict::failed, .failure = std::move(failure)};
    }
    try {
      co_await keep(std::move(refused));
    } catch (const pg::Error&) {
      kept_nothing = std::current_exception();
    }
    if (kept_nothing) {
      co_await transaction.rollback(deadline);
      std::rethrow_exception(kept_nothing);
    }
    co_await transaction.commit(deadline);
    remember(*batch.changes->mapping, position_after(batch));
    co_return Outcome{};
  } catch (const pg::Error& error) {
    if (kept_nothing) throw;
    co_return failed(error);
  }
}

}  // namespace tributary::destination::postgres_target
