#include "sync/reader.hpp"

#include <boost/json.hpp>

#include "base/sql_text.hpp"
#include "destination/change.hpp"
#include "mapping/sql.hpp"

namespace tributary::sync {
namespace {

constexpr std::string_view kBegin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
// The transaction's own time is taken when BEGIN arrives, the snapshot with the first query after it: so it is a clock reading of before
// the snapshot, and whatever was committed by then is in it. That is what complete_until promises.
constexpr std::string_view kClock = "SELECT now(), coalesce((SELECT max(jumped_to) FROM tributary.sequence_jump), -1)";

/// Of where tenancy $1 is, or was when it was deleted, as claims have it.
std::string place_sql(std::string_view column) {
  return fmt::format(R"sql(
coalesce((SELECT {0} FROM public."Tenancy" WHERE id = $1 AND "hasNoOrganization" = 'TRUE'),
         (SELECT {0} FROM tributary.deleted_tenancy WHERE "tenancyId" = $1), ''))sql",
                     quote_identifier(column));
}
constexpr std::size_t kStateColumns = 4;  ///< before those of the mappings

/// The clock, the last jump, where the tenancy is, then of each mapping whether anything of tenancy $1 has no sequence id yet, and up to which id its tombstones may be collected. One
/// statement: a small read is made of few.
std::string state_sql(std::span<const mapping::Mapping> mappings) {
  auto text = fmt::format("{},{},{}", kClock, place_sql("projectId"), place_sql("branchId"));
  for (const auto& mapping : mappings)
    text +=
        fmt::format(",\n({}),\ncoalesce((SELECT through FROM tributary.collected WHERE tenancy_id = $1 AND table_name = {}), -1)",
                    mapping::has_unsequenced_sql(mapping), quote_literal(mapping.source_table));
  return text;
}

// A small batch is held in memory whole, once for all destinations and once in binary for each: bounded by bytes, whatever a customer's metadata weigh.
// At least one row is delivered; the last column says whether the bound was reached with it.
constexpr std::string_view kMostBytes = "1048576";
std::string bounded_fetch(const mapping::Mapping& mapping, mapping::DestinationKind kind) {
  return fmt::format(R"sql(SELECT sized.*, sized.bytes_before + sized.bytes >= {0}
FROM (
  SELECT change.*, sum(change.bytes) OVER in_order - change.bytes AS bytes_before
  FROM (SELECT fetched.*, octet_length(fetched::text)::bigint AS bytes FROM (
{1}
  ) AS fetched) AS change
  WINDOW in_order AS (ORDER BY change.sequence_id ROWS UNBOUNDED PRECEDING)
) AS sized
WHERE sized.bytes_before < {0}
ORDER BY sized.sequence_id)sql",
                     kMostBytes, mapping::fetch_sql(mapping, {.tenancy = "$1", .after = "$2", .limit = "$3"}, kind));
}
/// Rows that are counted before a tenancy is read whole; whether many more are too many is estimated.
constexpr std::int64_t kMostCounted = 20'000;
/// Columns behind the tuple's: bytes, bytes_before, whether the bound was reached.
constexpr std::size_t kBoundColumns = 3;

void append_row(postgres::CopyBatch& batch, const postgres::Result& result, std::size_t row, std::size_t columns) {
  std::vector<std::byte> tuple;
  postgres::append_int16(tuple, static_cast<std::int16_t>(columns));
  for (std::size_t column = 0; column < columns; ++column) {
    const auto field = result.field(row, column);
    postgres::append_int32(tuple, field ? static_cast<std::int32_t>(field->size()) : -1);
    if (field) tuple.insert(tuple.end(), field->begin(), field->end());
  }
  batch.append_row(tuple);
}

std::shared_ptr<Changes> changes_of(const Want& want, const postgres::Result& rows, std::size_t columns,
                                    postgres::Timestamp read_at) {
  auto changes = std::make_shared<Changes>();
  changes->mapping = want.mapping;
  changes->after = want.after;
  changes->through = want.after;
  changes->read_at = read_at;
  for (std::size_t row = 0; row < rows.rows(); ++row) append_row(changes->rows, rows, row, columns);
  if (!rows.empty()) changes->through = rows.get<std::int64_t>(rows.rows() - 1, 0);
  return changes;
}

/// Array parameter of a key column, from text: the server's own input function converts it ($2::text[]::uuid[] would do the same).
std::vector<std::string> column_of_keys(const std::vector<std::string>& keys, const std::string& column) {
  std::vector<std::string> values;
  for (const auto& key : keys) values.emplace_back(boost::json::parse(key).as_object().at(column).as_string());
  return values;
}

}  // namespace

postgres::Params key_params(Uuid tenancy, const mapping::Mapping& mapping, const std::vector<std::string>& keys) {
  postgres::Params params;
  params.add(tenancy);
  for (const auto& column : mapping.target_key) {
    const auto values = column_of_keys(keys, column);
    params.add_array(std::span<const std::string>(values));
  }
  return params;
}

ChangeStream::ChangeStream(const mapping::Mapping& mapping, std::int64_t after, postgres::PooledConnection connection,
                           postgres::Transaction transaction, postgres::CopyReader reader, std::optional<std::int64_t> limit,
                           std::optional<postgres::Timestamp> complete_until, Lost lost)
    : mapping_(mapping),
      after_(after),
      limit_(limit),
      complete_until_(complete_until),
      lost_(lost),
      through_(after),
      connection_(std::move(connection)),
      transaction_(std::move(transaction)),
      reader_(std::move(reader)) {}

asio::awaitable<bool> ChangeStream::next(postgres::CopyBatch& chunk, std::size_t max_bytes, Deadline deadline) {
  if (ended_) co_return false;
  if (!co_await reader_.read(chunk, max_bytes, deadline)) {
    co_await end(deadline);
    co_return false;
  }
  delivered_ += static_cast<std::int64_t>(chunk.rows());
  delivered_bytes_ += chunk.size_bytes();
  for (auto row = is_whole() ? 0 : chunk.rows() - 1; row < chunk.rows(); ++row)
    through_ = std::max(through_, destination::parse_change(chunk.row(row)).sequence_id);
  co_return true;
}

asio::awaitable<void> ChangeStream::end(Deadline deadline) {
  ended_ = true;
  co_await transaction_.rollback(deadline);
}

asio::awaitable<void> ChangeStream::stop(Deadline deadline) {
  if (ended_) co_return;
  stopped_ = true;
  co_await reader_.stop(deadline);
  co_await transaction_.rollback(deadline);
}

Reader::Reader(std::vector<mapping::Mapping> mappings, mapping::DestinationKind kind)
    : kind_(kind), mappings_(std::move(mappings)), state_(state_sql(mappings_)) {
  for (const auto& mapping : mappings_) texts_.push_back({bounded_fetch(mapping, kind_), mapping::fetch_keys_sql(mapping)});
}

std::size_t Reader::place_of(const mapping::Mapping& mapping) const {
  return static_cast<std::size_t>(&mapping - mappings_.data());
}

const Reader::Texts& Reader::texts_of(const mapping::Mapping& mapping) const { return texts_.at(place_of(mapping)); }

postgres::Command Reader::state_command(Uuid tenancy) const {
  postgres::Params params;
  params.add(tenancy);
  return {.sql = state_, .params = std::move(params), .prepare = true};
}

bool Reader::has_unsequenced(const postgres::Result& state, const mapping::Mapping& mapping) const {
  return state.get<bool>(0, kStateColumns + 2 * place_of(mapping));
}

Lost Reader::lost(const postgres::Result& state, const mapping::Mapping& mapping) const {
  return {.project = state.get<std::string>(0, 2),
          .branch = state.get<std::string>(0, 3),
          .last_jump = state.get<std::int64_t>(0, 1),
          .collected = state.get<std::int64_t>(0, kStateColumns + 2 * place_of(mapping) + 1)};
}

asio::awaitable<ChangesRead> Reader::read(postgres::Connection& source, Uuid tenancy, std::vector<Want> wants, std::int64_t limit,
                                          Deadline deadline) {
  std::vector<postgres::Command> commands;
  commands.push_back({.sql = kBegin, .params = {}, .prepare = true});
  commands.push_back(state_command(tenancy));
  for (const auto& want : wants) {
    postgres::Params fetch;
    fetch.add(tenancy).add(want.after).add(limit);
    commands.push_back({.sql = texts_of(*want.mapping).fetch, .params = std::move(fetch), .prepare = true});
  }
  commands.push_back({.sql = "COMMIT", .params = {}, .prepare = true});

  const auto results = co_await source.execute_pipeline(std::move(commands), deadline);
  const auto& state = results.at(1);
  const auto clock = state.get<postgres::Timestamp>(0, 0);
  ChangesRead read;
  for (std::size_t i = 0; i < wants.size(); ++i) {
    const auto& rows = results.at(2 + i);
    auto changes = changes_of(wants[i], rows, rows.columns() - kBoundColumns, clock);
    const bool bound_reached = !rows.empty() && rows.get<bool>(rows.rows() - 1, rows.columns() - 1);
    changes->more = bound_reached || static_cast<std::int64_t>(rows.rows()) >= limit;
    if (!changes->more && !has_unsequenced(state, *wants[i].mapping)) changes->complete_until = clock;
    read.changes.push_back(std::move(changes));
    read.lost.push_back(lost(state, *wants[i].mapping));
  }
  co_return read;
}

asio::awaitable<std::shared_ptr<const Changes>> Reader::read_keys(postgres::Connection& source, Uuid tenancy,
                                                                  const mapping::Mapping& mapping, std::vector<std::string> keys,
                                                                  std::int64_t watermark, Deadline deadline) {
  std::vector<postgres::Command> commands;
  commands.push_back({.sql = kBegin, .params = {}, .prepare = true});
  commands.push_back({.sql = kClock, .params = {}, .prepare = true});
  commands.push_back({.sql = texts_of(mapping).fetch_keys, .params = key_params(tenancy, mapping, keys), .prepare = true});
  commands.push_back({.sql = "COMMIT", .params = {}, .prepare = true});
  const auto results = co_await source.execute_pipeline(std::move(commands), deadline);
  const auto& rows = results.at(2);
  auto changes =
      changes_of({.mapping = &mapping, .after = watermark}, rows, rows.columns(), results.at(1).get<postgres::Timestamp>(0, 0));
  changes->through = watermark;
  co_return changes;
}

asio::awaitable<std::unique_ptr<ChangeStream>> Reader::open(postgres::PooledConnection source, Uuid tenancy, Want want,
                                                            std::int64_t limit, std::int64_t most_of_a_whole, Deadline deadline) {
  auto transaction = co_await postgres::Transaction::begin(*source, postgres::TransactionMode::snapshot_read_only, deadline);
  const mapping::FetchArguments range{
      .tenancy = postgres::literal(tenancy), .after = postgres::literal(want.after), .limit = postgres::literal(limit)};
  // Not where rows can share a target key: the newest of them must come last.
  const bool may_be_whole = most_of_a_whole > 0 && want.after < 0 && !mapping::target_key_is_shared(*want.mapping);
  const auto counted = std::min(most_of_a_whole, kMostCounted);
  const auto count = mapping::count_changes_sql(
      *want.mapping, {.tenancy = range.tenancy, .after = range.after, .limit = postgres::literal(counted)});
  const auto estimate = mapping::estimate_rows_sql(*want.mapping, range.tenancy);
  std::vector<postgres::Command> commands;
  commands.push_back(state_command(tenancy));
  if (may_be_whole) {
    commands.push_back({.sql = count, .params = {}});
    commands.push_back({.sql = estimate, .params = {}});
  }
  const auto results = co_await source->execute_pipeline(std::move(commands), deadline);
  std::optional<postgres::Timestamp> complete_until;
  if (!has_unsequenced(results.at(0), *want.mapping)) complete_until = results.at(0).get<postgres::Timestamp>(0, 0);
  const auto fits = [&] {
    if (results.at(1).get<std::int64_t>(0, 0) < counted) return true;
    return counted < most_of_a_whole && mapping::estimated_rows(results.at(2).get<std::string>(0, 0)) < most_of_a_whole;
  };
  const bool whole = may_be_whole && fits();
  if (whole) co_await source->execute_script(mapping::kWholeReaderSettings, deadline);
  const auto select =
      whole ? mapping::fetch_whole_sql(*want.mapping, range, kind_) : mapping::fetch_sql(*want.mapping, range, kind_);
  auto reader = co_await postgres::CopyReader::start(*source, "COPY (" + select + ") TO STDOUT (FORMAT binary)", deadline);
  co_return std::make_unique<ChangeStream>(*want.mapping, want.after, std::move(source), std::move(transaction),
                                           std::move(reader), whole ? std::nullopt : std::optional(limit), complete_until,
                                           lost(results.at(0), *want.mapping));
}

}  // namespace tributary::sync
