#include "destination/clickhouse/writer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <random>

#include "clickhouse/client.hpp"
#include "clickhouse/row_reader.hpp"
#include "destination/clickhouse/breaker.hpp"
#include "destination/clickhouse/clean_up.hpp"
#include "destination/clickhouse/failure.hpp"
#include "destination/clickhouse/position_query.hpp"
#include "destination/clickhouse/round_collector.hpp"
#include "destination/clickhouse/schema.hpp"
#include "telemetry/log.hpp"

namespace tributary::destination::clickhouse_target {
namespace {

using Clock = std::chrono::steady_clock;

/// A schema that differs is looked at again after so long, however many ask.
constexpr std::chrono::seconds kLookAgain{1};

Failure not_running() {
  return {.kind = FailureKind::unavailable,
          .sqlstate = "08001",
          .message =
              "the embedded ClickHouse engine is not running, and is started again by itself; the log of the process that runs "
              "it says why"};
}

Outcome failed(Failure failure) { return {.verdict = Verdict::failed, .failure = std::move(failure)}; }

/// Shared by those who ask it: connect() may put another in its place meanwhile.
using Server = std::shared_ptr<ch::Client>;

ch::ClientSettings client_settings(const WriterParams& params) { return {.max_connections = params.max_connections}; }

Pace pace_of(const WriterParams& params) {
  return {.bytes = params.flush_bytes, .age = params.flush_age, .pause = params.flush_pause, .crowd = params.crowd};
}

}  // namespace

struct Writer::State : std::enable_shared_from_this<Writer::State> {
  State(asio::any_io_executor loop, std::span<const mapping::Mapping> all, WriterParams given)
      : executor(loop),
        params(std::move(given)),
        mappings(all.begin(), all.end()),
        breaker(params.retry, params.timeout),
        news(loop),
        rounds(loop, pace_of(params)) {
    for (const auto& mapping : mappings) tables.emplace(mapping.name, std::make_unique<Table>(mapping, params.hash_key));
  }

  const Table& table_of(const mapping::Mapping& mapping) const { return *tables.at(mapping.name); }

  // Reading.
  asio::awaitable<void> answer_askers();
  asio::awaitable<void> answer(const Askers& askers);
  asio::awaitable<void> ensure_schema(ch::Client& client);

  // Writing.
  asio::awaitable<Outcome> wait_for(std::shared_ptr<Waiter> waiter, Deadline deadline);
  asio::awaitable<void> send_rounds();
  asio::awaitable<void> send(Round& round);
  asio::awaitable<std::map<const Table*, Failure>> send_rows(Server to, const Round& round);
  asio::awaitable<std::optional<Failure>> insert(Server to, std::string text, const ch::Block& rows, Deadline deadline);

  /// What to tell a caller instead of asking the server.
  std::optional<Failure> refuses() { return server ? breaker.refuses(Clock::now()) : not_running(); }
  void note(const Server& asked, const std::optional<Failure>& failure);
  void tell_news() {
    has_news = true;
    news.set();
  }

  const asio::any_io_executor executor;
  const WriterParams params;
  const std::vector<mapping::Mapping> mappings;
  std::map<std::string, std::unique_ptr<const Table>> tables;
  Server server;  ///< null: nowhere
  Breaker breaker;
  bool has_news = false;  ///< something failed, or the server is elsewhere, since look() was last called
  Event news;             ///< so it is
  std::mt19937_64 random{std::random_device{}()};

  std::optional<SchemaState> schema;  ///< as last seen; nullopt: to be looked at before the next answer
  Clock::time_point schema_seen;
  Askers asked;
  bool answering = false;

  RoundCollector rounds;
  bool sending = false;
};

/// After anything that the server was asked. What becomes of a server that is no longer the one says nothing of its successor.
void Writer::State::note(const Server& asked, const std::optional<Failure>& failure) {
  if (asked != server) return;
  if (!failure) {
    if (breaker.is_open()) telemetry::log(telemetry::Level::info, "clickhouse", "the shared ClickHouse has recovered", {});
    breaker.succeeded();
    return;
  }
  schema.reset();  // tables may have been dropped or altered
  tell_news();
  if (!concerns_server(*failure)) {
    breaker.succeeded();  // it has answered
    return;
  }
  if (!breaker.is_open())
    telemetry::log(telemetry::Level::warning, "clickhouse", "the shared ClickHouse failed, nobody waits for it until it is back",
                   {{"sqlstate", failure->sqlstate}, {"error", failure->message}});
  breaker.failed(*failure, Clock::now(), std::uniform_real_distribution<double>(0, 1)(random));
}

void Writer::connect(std::optional<ch::ConnectOptions> server) {
  auto& state = *state_;
  auto before = std::exchange(state.server, nullptr);
  if (server) state.server = std::make_shared<ch::Client>(state.executor, std::move(*server), client_settings(state.params));
  if (before) before->close();
  state.schema.reset();
  state.breaker.succeeded();
  state.tell_news();
}

asio::awaitable<Writer::Look> Writer::look(Deadline deadline) {
  const auto state = state_;
  const auto server = state->server;
  Look look;
  state->has_news = false;
  if (!server) {
    look.failure = not_running();
    co_return look;
  }
  try {
    co_await state->ensure_schema(*server);
    if (state->schema) look.failure = state->schema->failure;
    if (!look.failure) look.store = co_await store_id(*server, deadline);
  } catch (...) {
    look.failure = to_failure(std::current_exception());
  }
  state->note(server, look.failure);
  if (look.failure && server == state->server) state->has_news = false;  // the caller knows
  co_return look;
}

asio::awaitable<void> Writer::wait_for_news(Deadline deadline, std::stop_token stop) {
  const auto state = state_;
  while (!stop.stop_requested() && !deadline.expired() && !state->has_news) co_await state->news.wait(deadline, stop);
}

// ---- reading ------------------------------------------------------------------------------------------------------------------------

asio::awaitable<void> Writer::State::answer_askers() {
  const auto self = shared_from_this();
  while (!asked.empty()) {
    const auto askers = take_some(asked);
    co_await answer(askers);
    for (const auto& asker : askers) {
      asker->is_done = true;
      asker->done.set();
    }
  }
  answering = false;
}

asio::awaitable<void> Writer::State::answer(const Askers& askers) {
  const auto asked_server = server;
  std::optional<Failure> failure;
  try {
    if (!asked_server) throw ch::Error(ch::ErrorKind::connection, not_running().message);
    co_await ensure_schema(*asked_server);
    failure = schema ? schema->failure : std::nullopt;
    if (!failure) co_await look_up(*asked_server, askers, Deadline::after(params.timeout));
  } catch (...) {
    failure = to_failure(std::current_exception());
  }
  note(asked_server, failure);
  for (const auto& asker : askers) {
    asker->failure = failure;
    if (schema) asker->unusable = schema->of_mappings;
  }
}

asio::awaitable<void> Writer::State::ensure_schema(ch::Client& client) {
  if (!params.creates) co_return;
  if (schema && ((!schema->failure && schema->of_mappings.empty()) || Clock::now() < schema_seen + kLookAgain)) co_return;
  schema = co_await apply_schema(client, mappings, params.schema, nullptr, Extent::missing, Deadline::after(params.timeout));
  schema_seen = Clock::now();
}

asio::awaitable<Positions> Writer::positions(Uuid tenancy, std::span<const mapping::Mapping* const> mappings, Deadline deadline) {
  const auto state = state_;
  Positions positions;
  positions.failure = state->refuses();
  if (positions.failure) co_return positions;
  const auto asker = std::make_shared<Asker>(state->executor, tenancy);
  state->asked.push_back(asker);
  if (!std::exchange(state->answering, true)) asio::co_spawn(state->executor, state->answer_askers(), asio::detached);
  while (!asker->is_done && co_await asker->done.wait(deadline)) {
  }
  positions.failure = asker->is_done ? asker->failure : timed_out();
  if (positions.failure) co_return positions;
  for (const auto* mapping : mappings) {
    if (auto failure = lacks_key(*mapping, state->params.hash_key))
      positions.of_mappings.emplace_back(std::move(*failure));
    else if (const auto bad = asker->unusable.find(mapping->name); bad != asker->unusable.end())
      positions.of_mappings.emplace_back(bad->second);
    else
      positions.of_mappings.emplace_back(asker->found[mapping->name]);
  }
  co_return positions;
}

asio::awaitable<Destination::Newest> Writer::newest(const Tenant& tenant, std::span<const mapping::Mapping* const> mappings,
                                                    std::int64_t bound, Deadline deadline) {
  const auto state = state_;
  const auto server = state->server;
  if (!server) co_return not_running();
  // What becomes of it says nothing of the server, which has just told the position: one tenancy's rows may need more time or memory than there is.
  try {
    ch::Query query{.text = sql::newest_rows_sql(mappings) + "\nFORMAT RowBinary", .retryable = true};
    query.params.add("project", tenant.project).add("branch", tenant.branch).add("bound", bound);
    const auto result = co_await server->execute(std::move(query), deadline.capped(state->params.timeout));
    std::vector<std::int64_t> newest;
    for (ch::RowReader row(result.body); newest.size() < mappings.size();) newest.push_back(row.int64());
    co_return newest;
  } catch (...) {
    co_return to_failure(std::current_exception());
  }
}

// ---- writing ------------------------------------------------------------------------------------------------------------------------

asio::awaitable<std::optional<Failure>> Writer::State::insert(Server to, std::string text, const ch::Block& rows,
                                                              Deadline deadline) {
  if (rows.rows() == 0) co_return std::nullopt;
  if (!to) co_return not_running();
  std::optional<Failure> failure;
  try {
    std::vector<std::byte> body;
    rows.serialise(body);
    // Acknowledged means on the disk, whatever the server's default is.
    ch::Query query{.text = std::move(text),
                    .settings = {{"async_insert", "0"}},
                    .data = std::span<const std::byte>(body),
                    .retryable = true};
    co_await to->execute(std::move(query), deadline.capped(params.timeout));
  } catch (...) {
    failure = to_failure(std::current_exception());
  }
  co_return failure;
}

asio::awaitable<std::map<const Table*, Failure>> Writer::State::send_rows(Server to, const Round& sent) {
  std::map<const Table*, Failure> failures;
  Event one_is_done(executor);
  std::size_t running = sent.blocks.size();
  for (const auto& [table, block] : sent.blocks) {
    asio::co_spawn(executor, insert(to, table->insert, block, Deadline::never()),
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
  const auto to = server;
  const auto failures = co_await send_rows(to, sent);
  const auto rest = sent.without(failures);
  auto failure = co_await insert(to, sql::insert_metadata_sql(), watermark_block(rest), Deadline::never());
  if (failure) {
    for (const auto& waiter : rest) waiter->outcome = failed(*failure);
  }
  // What concerns the whole server says more than what became of one table.
  for (const auto& [table, why] : failures) {
    if (!failure || concerns_server(why)) failure = why;
  }
  note(to, failure);
}

asio::awaitable<void> Writer::State::send_rounds() {
  const auto self = shared_from_this();
  while (auto round = co_await rounds.take()) {
    co_await send(*round);
    rounds.sent(*round);
  }
  sending = false;
}

/// Puts somebody into the round that collects, where his rows are, and waits until it was sent.
asio::awaitable<Outcome> Writer::State::wait_for(std::shared_ptr<Waiter> waiter, Deadline deadline) {
  rounds.join(waiter);
  if (!std::exchange(sending, true)) asio::co_spawn(executor, send_rounds(), asio::detached);
  while (!waiter->is_done && co_await waiter->done.wait(deadline)) {
  }
  if (waiter->is_done) co_return std::move(waiter->outcome);
  co_return failed(timed_out());
}

Writer::Writer(asio::any_io_executor executor, std::optional<ch::ConnectOptions> server,
               std::span<const mapping::Mapping> mappings, WriterParams params)
    : state_(std::make_shared<State>(std::move(executor), mappings, std::move(params))) {
  connect(std::move(server));
}

Writer::~Writer() = default;

std::shared_ptr<void> Writer::announce() {
  state_->rounds.announce();
  return {state_.get(), [state = state_](State*) { state->rounds.withdraw(); }};
}

asio::awaitable<Outcome> Writer::write(const Tenant& tenant, std::span<const Batch* const> batches, Deadline deadline) {
  const auto state = state_;
  if (auto failure = state->refuses()) co_return failed(std::move(*failure));
  if (!co_await state->rounds.wait_for_room(deadline)) co_return failed(timed_out());
  const auto waiter = std::make_shared<Waiter>(state->executor);
  try {
    for (const auto* batch : batches) {
      const auto& changes = *batch->changes;
      const auto& table = state->table_of(*changes.mapping);
      auto& block = state->rounds.block_of(table);
      for (std::size_t i = 0; i < changes.rows.rows(); ++i) table.shape.append(block, parse_change(changes.rows.row(i)), tenant);
      waiter->tables.push_back(&table);
      waiter->watermarks.push_back({.tenancy = tenant.tenancy,
                                    .mapping = &table.mapping,
                                    .generation = batch->position.generation,
                                    .through = changes.through,
                                    .complete_until = batch->complete_until()});
    }
  } catch (const std::exception& error) {
    state->rounds.dismiss();
    co_return failed({.kind = FailureKind::refused, .sqlstate = "22000", .message = error.what()});
  }
  co_return co_await state->wait_for(waiter, deadline);
}

const RowShape& Writer::shape_of(const mapping::Mapping& mapping) const { return state_->table_of(mapping).shape; }

asio::awaitable<std::optional<Failure>> Writer::insert(const mapping::Mapping& mapping, const ch::Block& rows,
                                                       Deadline deadline) {
  const auto state = state_;
  if (rows.rows() == 0) co_return std::nullopt;
  if (auto failure = state->refuses()) co_return failure;
  const auto to = state->server;
  auto failure = co_await state->insert(to, state->table_of(mapping).insert, rows, deadline);
  state->note(to, failure);
  co_return failure;
}

std::variant<std::unique_ptr<Insertion>, Failure> Writer::begin_insert(const mapping::Mapping& mapping) {
  const auto state = state_;
  if (auto failure = state->refuses()) return std::move(*failure);
  const auto to = state->server;
  return std::make_unique<Insertion>(
      to,
      Insertion::Params{
          .text = state->table_of(mapping).insert, .part_bytes = state->params.load_bytes, .timeout = state->params.timeout},
      [state, to](const std::optional<Failure>& failure) { state->note(to, failure); });
}

asio::awaitable<Outcome> Writer::move(Watermark watermark, Deadline deadline) {
  const auto state = state_;
  if (auto failure = state->refuses()) co_return failed(std::move(*failure));
  const auto waiter = std::make_shared<Waiter>(state->executor);
  watermark.mapping = &state->table_of(*watermark.mapping).mapping;
  waiter->watermarks.push_back(watermark);
  co_return co_await state->wait_for(waiter, deadline);
}

asio::awaitable<std::optional<Failure>> Writer::clean_up(std::chrono::milliseconds kept, Deadline deadline) {
  const auto state = state_;
  const auto server = state->server;
  if (!server || state->breaker.is_open())
    co_return Failure{.kind = FailureKind::unavailable, .sqlstate = "08006", .message = "the shared ClickHouse is away"};
  // What becomes of it says nothing of the server: a merge may need more memory than there is, where inserts go on.
  co_return co_await clickhouse_target::clean_up(*server, state->mappings, kept, deadline);
}

void Writer::close() {
  if (state_->server) state_->server->close();
}

}  // namespace tributary::destination::clickhouse_target
