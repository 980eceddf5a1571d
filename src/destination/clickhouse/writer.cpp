#include "destination/clickhouse/writer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <random>

#include "clickhouse/client.hpp"
#include "clickhouse/row_reader.hpp"
#include "destination/clickhouse/breaker.hpp"
#include "destination/clickhouse/failure.hpp"
#include "destination/clickhouse/round.hpp"
#include "destination/clickhouse/schema.hpp"
#include "telemetry/log.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

using Clock = std::chrono::steady_clock;

/// Each is about 45 bytes of the request's URL.
constexpr std::size_t kTenanciesAtOnce = 1'000;
/// A schema that differs is looked at again after so long, however many ask.
constexpr std::chrono::seconds kLookAgain{1};

Failure timed_out() {
  return {.kind = FailureKind::unavailable,
          .sqlstate = "08006",
          .message = "the shared ClickHouse has not answered within the time that a batch may take"};
}

Failure defect(const std::exception& error) {
  return {.kind = FailureKind::refused, .sqlstate = "XX000", .message = std::string("a defect: ") + error.what()};
}

Outcome failed(Failure failure) { return {.verdict = Verdict::failed, .failure = std::move(failure)}; }

/// One who asks for positions. Shared, as he may be gone before the answer is there.
struct Asker {
  Asker(asio::any_io_executor executor, Uuid id) : done(std::move(executor)), tenancy(id) {}
  Event done;
  bool is_done = false;
  const Uuid tenancy;
  std::optional<Failure> failure;
  std::map<std::string, Failure> unusable;  ///< by mapping
  std::map<std::string, Position> found;
};
using Askers = std::vector<std::shared_ptr<Asker>>;

ch::ClientSettings client_settings(const WriterParams& params) { return {.max_connections = params.max_connections}; }

}  // namespace

struct Writer::State : std::enable_shared_from_this<Writer::State> {
  State(asio::any_io_executor loop, ch::ConnectOptions options, std::span<const mapping::Mapping> all, WriterParams given)
      : executor(loop),
        params(std::move(given)),
        mappings(all.begin(), all.end()),
        client(loop, std::move(options), client_settings(params)),
        breaker(params.retry, params.timeout),
        full(loop) {
    for (const auto& mapping : mappings) tables.emplace(mapping.name, std::make_unique<Table>(mapping, params.readers));
  }

  const Table& table_of(const mapping::Mapping& mapping) const { return *tables.at(mapping.name); }

  // Reading.
  asio::awaitable<void> answer_askers();
  asio::awaitable<void> answer(Askers& askers);
  asio::awaitable<void> ensure_schema();
  asio::awaitable<void> look_up(Askers& askers);

  // Writing.
  asio::awaitable<bool> wait_for_room(Deadline deadline);
  asio::awaitable<Outcome> wait_for(std::shared_ptr<Waiter> waiter, Deadline deadline);
  asio::awaitable<void> send_rounds();
  asio::awaitable<void> send(Round& round);
  asio::awaitable<std::map<const Table*, Failure>> send_rows(const Round& round);
  asio::awaitable<std::optional<Failure>> insert(std::string text, const ch::Block& rows, Deadline deadline);

  void note(const std::optional<Failure>& failure);

  const asio::any_io_executor executor;
  const WriterParams params;
  const std::vector<mapping::Mapping> mappings;
  std::map<std::string, std::unique_ptr<const Table>> tables;
  ch::Client client;
  Breaker breaker;
  std::mt19937_64 random{std::random_device{}()};

  std::optional<SchemaState> schema;  ///< as last seen; nullopt: to be looked at before the next answer
  Clock::time_point schema_seen;
  Askers asked;
  bool answering = false;

  Round round;  ///< that collects
  bool sending = false;
  Event full;   ///< the round that collects is
  std::vector<std::shared_ptr<Event>> waiting_for_room;
};

/// After anything that the server was asked.
void Writer::State::note(const std::optional<Failure>& failure) {
  if (!failure) {
    if (breaker.is_open()) telemetry::log(telemetry::Level::info, "clickhouse", "the shared ClickHouse has recovered", {});
    breaker.succeeded();
    return;
  }
  schema.reset();  // tables may have been dropped or altered
  if (!concerns_server(*failure)) {
    breaker.succeeded();  // it has answered
    return;
  }
  if (!breaker.is_open())
    telemetry::log(telemetry::Level::warning, "clickhouse", "the shared ClickHouse failed, nobody waits for it until it is back",
                   {{"sqlstate", failure->sqlstate}, {"error", failure->message}});
  breaker.failed(*failure, Clock::now(), std::uniform_real_distribution<double>(0, 1)(random));
}

// ---- reading ------------------------------------------------------------------------------------------------------------------------

asio::awaitable<void> Writer::State::answer_askers() {
  const auto self = shared_from_this();
  while (!asked.empty()) {
    const auto end = asked.begin() + static_cast<std::ptrdiff_t>(std::min(asked.size(), kTenanciesAtOnce));
    Askers askers(asked.begin(), end);
    asked.erase(asked.begin(), end);
    co_await answer(askers);
    for (const auto& asker : askers) {
      asker->is_done = true;
      asker->done.set();
    }
  }
  answering = false;
}

asio::awaitable<void> Writer::State::answer(Askers& askers) {
  std::optional<Failure> failure;
  try {
    co_await ensure_schema();
    failure = schema ? schema->failure : std::nullopt;
    if (!failure) co_await look_up(askers);
  } catch (const ch::Error& error) {
    failure = to_failure(error);
  } catch (const std::exception& error) {
    failure = defect(error);
  }
  note(failure);
  for (const auto& asker : askers) {
    asker->failure = failure;
    if (schema) asker->unusable = schema->of_mappings;
  }
}

asio::awaitable<void> Writer::State::ensure_schema() {
  if (!params.creates) co_return;
  if (schema && ((!schema->failure && schema->of_mappings.empty()) || Clock::now() < schema_seen + kLookAgain)) co_return;
  schema = co_await apply_schema(client, mappings, params.schema, nullptr, Extent::missing, Deadline::after(params.timeout));
  schema_seen = Clock::now();
}

asio::awaitable<void> Writer::State::look_up(Askers& askers) {
  std::vector<Uuid> tenancies;
  for (const auto& asker : askers) tenancies.push_back(asker->tenancy);
  ch::Query query{.text = sql::read_metadata_sql() + "\nFORMAT RowBinary", .retryable = true};
  query.params.add("tenancies", std::span<const Uuid>(tenancies));
  const auto result = co_await client.execute(std::move(query), Deadline::after(params.timeout));
  std::map<Uuid, std::map<std::string, Position>> found;
  for (ch::RowReader row(result.body); row.more();) {
    const auto tenancy = row.uuid();
    std::string name(row.string());
    const auto generation = row.int64();
    found[tenancy][std::move(name)] = {.watermark = row.int64(), .generation = generation};
    if (!row.null()) row.int64();  // complete_until
  }
  for (const auto& asker : askers) asker->found = found[asker->tenancy];
}

asio::awaitable<Positions> Writer::positions(Uuid tenancy, std::span<const mapping::Mapping* const> mappings, Deadline deadline) {
  const auto state = state_;
  Positions positions;
  positions.failure = state->breaker.refuses(Clock::now());
  if (positions.failure) co_return positions;
  const auto asker = std::make_shared<Asker>(state->executor, tenancy);
  state->asked.push_back(asker);
  if (!std::exchange(state->answering, true)) asio::co_spawn(state->executor, state->answer_askers(), asio::detached);
  while (!asker->is_done && co_await asker->done.wait(deadline)) {
  }
  positions.failure = asker->is_done ? asker->failure : timed_out();
  if (positions.failure) co_return positions;
  for (const auto* mapping : mappings) {
    if (auto failure = unsupported(*mapping))
      positions.of_mappings.emplace_back(std::move(*failure));
    else if (const auto bad = asker->unusable.find(mapping->name); bad != asker->unusable.end())
      positions.of_mappings.emplace_back(bad->second);
    else
      positions.of_mappings.emplace_back(asker->found[mapping->name]);
  }
  co_return positions;
}

// ---- writing ------------------------------------------------------------------------------------------------------------------------

asio::awaitable<std::optional<Failure>> Writer::State::insert(std::string text, const ch::Block& rows, Deadline deadline) {
  if (rows.rows() == 0) co_return std::nullopt;
  std::optional<Failure> failure;
  try {
    std::vector<std::byte> body;
    rows.serialise(body);
    // Acknowledged means on the disk, whatever the server's default is.
    ch::Query query{.text = std::move(text),
                    .settings = {{"async_insert", "0"}},
                    .data = std::span<const std::byte>(body),
                    .retryable = true};
    co_await client.execute(std::move(query), deadline.capped(params.timeout));
  } catch (const ch::Error& error) {
    failure = to_failure(error);
  } catch (const std::exception& error) {
    failure = defect(error);
  }
  co_return failure;
}

asio::awaitable<std::map<const Table*, Failure>> Writer::State::send_rows(const Round& sent) {
  std::map<const Table*, Failure> failures;
  Event one_is_done(executor);
  std::size_t running = sent.blocks.size();
  for (const auto& [table, block] : sent.blocks) {
    asio::co_spawn(executor, insert(table->insert, block, Deadline::never()),
                   [&, table = table](std::exception_ptr error, std::optional<Failure> failure) {
                     if (error) std::rethrow_exception(error);
                     if (failure) failures.emplace(table, std::move(*failure));
                     --running;
                     one_is_done.set();
                   });
  }
  while (running > 0) co_await one_is_done.wait(Deadline::never());  // each insert has its own
  co_return failures;
}

asio::awaitable<void> Writer::State::send(Round& sent) {
  const auto failures = co_await send_rows(sent);
  const auto rest = sent.without(failures);
  auto failure = co_await insert(sql::insert_metadata_sql(), watermark_block(rest), Deadline::never());
  if (failure) {
    for (const auto& waiter : rest) waiter->outcome = failed(*failure);
  }
  // What concerns the whole server says more than what became of one table.
  for (const auto& [table, why] : failures) {
    if (!failure || concerns_server(why)) failure = why;
  }
  note(failure);
}

asio::awaitable<void> Writer::State::send_rounds() {
  const auto self = shared_from_this();
  while (!round.waiters.empty()) {
    const auto due = Deadline::at(round.begun + params.flush_age);
    while (round.bytes() < params.flush_bytes && co_await full.wait(due)) {
    }
    auto sent = std::exchange(round, {});
    for (const auto& turn : std::exchange(waiting_for_room, {})) turn->set();
    co_await send(sent);
    for (const auto& waiter : sent.waiters) {
      waiter->is_done = true;
      waiter->done.set();
    }
  }
  sending = false;
}

asio::awaitable<bool> Writer::State::wait_for_room(Deadline deadline) {
  while (round.bytes() >= params.flush_bytes) {
    const auto turn = std::make_shared<Event>(executor);
    waiting_for_room.push_back(turn);
    if (!co_await turn->wait(deadline)) co_return false;
  }
  co_return true;
}

/// Puts somebody into the round that collects, where his rows are, and waits until it was sent.
asio::awaitable<Outcome> Writer::State::wait_for(std::shared_ptr<Waiter> waiter, Deadline deadline) {
  if (round.waiters.empty()) round.begun = Clock::now();
  round.waiters.push_back(waiter);
  if (round.bytes() >= params.flush_bytes) full.set();
  if (!std::exchange(sending, true)) asio::co_spawn(executor, send_rounds(), asio::detached);
  while (!waiter->is_done && co_await waiter->done.wait(deadline)) {
  }
  if (waiter->is_done) co_return std::move(waiter->outcome);
  co_return failed(timed_out());
}

Writer::Writer(asio::any_io_executor executor, ch::ConnectOptions options, std::span<const mapping::Mapping> mappings,
               WriterParams params)
    : state_(std::make_shared<State>(std::move(executor), std::move(options), mappings, std::move(params))) {}

Writer::~Writer() = default;

asio::awaitable<Outcome> Writer::write(const Tenant& tenant, std::span<const Batch* const> batches, Deadline deadline) {
  const auto state = state_;
  if (auto failure = state->breaker.refuses(Clock::now())) co_return failed(std::move(*failure));
  if (!co_await state->wait_for_room(deadline)) co_return failed(timed_out());
  const auto waiter = std::make_shared<Waiter>(state->executor);
  try {
    for (const auto* batch : batches) {
      const auto& changes = *batch->changes;
      const auto& table = state->table_of(*changes.mapping);
      auto& block = state->round.block_of(table);
      for (std::size_t i = 0; i < changes.rows.rows(); ++i) table.shape.append(block, parse_change(changes.rows.row(i)), tenant);
      waiter->tables.push_back(&table);
      waiter->watermarks.push_back({.tenancy = tenant.tenancy,
                                    .mapping = &table.mapping,
                                    .generation = batch->position.generation,
                                    .through = changes.through,
                                    .complete_until = batch->completes ? changes.complete_until : std::nullopt});
    }
  } catch (const std::exception& error) {
    // Rows of his that are in the round already do no harm: they lie past his watermark, and come again.
    if (state->round.waiters.empty()) state->round = {};
    co_return failed({.kind = FailureKind::refused, .sqlstate = "22000", .message = error.what()});
  }
  co_return co_await state->wait_for(waiter, deadline);
}

const RowShape& Writer::shape_of(const mapping::Mapping& mapping) const { return state_->table_of(mapping).shape; }

std::size_t Writer::load_bytes() const { return state_->params.load_bytes; }

asio::awaitable<std::optional<Failure>> Writer::insert(const mapping::Mapping& mapping, const ch::Block& rows,
                                                       Deadline deadline) {
  const auto state = state_;
  if (rows.rows() == 0) co_return std::nullopt;
  if (auto failure = state->breaker.refuses(Clock::now())) co_return failure;
  auto failure = co_await state->insert(state->table_of(mapping).insert, rows, deadline);
  state->note(failure);
  co_return failure;
}

asio::awaitable<Outcome> Writer::move(Watermark watermark, Deadline deadline) {
  const auto state = state_;
  if (auto failure = state->breaker.refuses(Clock::now())) co_return failed(std::move(*failure));
  const auto waiter = std::make_shared<Waiter>(state->executor);
  watermark.mapping = &state->table_of(*watermark.mapping).mapping;
  waiter->watermarks.push_back(watermark);
  co_return co_await state->wait_for(waiter, deadline);
}

void Writer::close() { state_->client.close(); }

}  // namespace tributary::destination::clickhouse_target
