#include "sequencer/sequencer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "base/backoff.hpp"
#include "base/event.hpp"
#include "base/together.hpp"
#include "postgres/listener.hpp"
#include "sequencer/client.hpp"
#include "sequencer/heard.hpp"
#include "sequencer/pacing.hpp"
#include "sequencer/sql.hpp"
#include "sequencer/trace.hpp"
#include "source/presence.hpp"
#include "telemetry/log.hpp"

namespace tributary::sequencer {
namespace {

constexpr std::int64_t kTenanciesPerLook = 32;  ///< of each shard
constexpr Backoff kAfterFailure{std::chrono::milliseconds(100), std::chrono::milliseconds(5'000)};

struct Shard {
  ShardRange range;
  Uuid next;          ///< where the next look begins, so that each tenancy has its turn
  bool busy = false;  ///< a batch is under way
};

/// What a look found, by shard.
struct Found {
  std::vector<std::vector<Uuid>> tenancies;
  bool nothing = true;
  bool whole = true;  ///< it began at the beginning of each shard, so "nothing" means nothing
  bool asleep = false;
};

}  // namespace

class Sequencer::Impl {
 public:
  Impl(postgres::Pool& pool, source::Installation installation, std::span<const mapping::Mapping> mappings, Params params,
       telemetry::Metrics& metrics, std::function<void(std::uint64_t)> sequenced);

  asio::awaitable<void> run(std::stop_token stop);
  asio::awaitable<Pass> pass(std::stop_token stop);
  void wake();

 private:
  asio::awaitable<void> take_turns(std::stop_token stop);
  asio::awaitable<void> turn(std::stop_token stop);
  std::optional<Announcement> next_announcement();
  asio::awaitable<void> idle(const Found& found, std::stop_token stop);
  asio::awaitable<void> recover(const postgres::Error& error, std::stop_token stop);
  asio::awaitable<void> finish_workers();
  void rethrow_failure();

  asio::awaitable<Found> look(std::optional<Announcement> announcement);
  bool can_start() const { return workers_ < std::max(params_.parallel_shards, 1); }
  void start(Found& found);
  bool start_heard();
  void pass_by(std::size_t shard, const std::vector<Uuid>& tenancies);
  void start(std::size_t shard, std::vector<Uuid> tenancies, std::optional<std::size_t> table = std::nullopt);
  asio::awaitable<void> rest(std::stop_token stop);
  asio::awaitable<void> work(std::size_t shard, std::vector<Uuid> tenancies, std::optional<std::size_t> table);
  asio::awaitable<void> wait_for_locked(std::size_t shard, const std::vector<Uuid>& tenancies);
  asio::awaitable<Sequenced> sequence(Batch batch);
  asio::awaitable<Sequenced> traced(Batch batch);
  void notified(std::string_view whose);

  // constant after construction
  postgres::Pool& pool_;
  const Params params_;
  const std::function<void(std::uint64_t)> sequenced_;
  telemetry::Counter& looks_;
  telemetry::Counter& waits_;
  telemetry::Counter& failures_;
  telemetry::Counter& enqueued_;
  telemetry::Histogram& commit_age_;
  struct TableMetrics {
    telemetry::Counter& rows;
    telemetry::Counter& tenancies;
    telemetry::Histogram& seconds;
  };
  std::vector<TableMetrics> tables_;
  const std::vector<std::string> table_names_;

  // owned by the pool's loop
  Client client_;
  Event changed_;  ///< a notification came, or a worker ended
  Heard heard_;
  std::vector<Shard> shards_;
  std::size_t first_shard_ = 0;  ///< whose turn it is to be started first
  int workers_ = 0;
  std::exception_ptr failure_;  ///< of a worker
  Pass done_;                   ///< since construction
  std::uint64_t iterations_ = 0;  ///< transactions, since then
  bool notified_ = false;       ///< since the last look
  Clock::duration longest_batch_{};  ///< since the last rest; zero where there was none
  bool left_rows_ = false;           ///< one of these left something
  bool looked_ = true;               ///< the last turn began with a look
  bool fall_asleep_ = false;    ///< the last look found nothing: announce it with the next
  int failures_on_end_ = 0;
  Alarm alarm_;
  Pause asleep_;  ///< after sleep was announced
  Pause held_;    ///< while what there is to do is held by others
  Patience patience_;
  std::minstd_rand random_{std::random_device{}()};
};

Sequencer::Impl::Impl(postgres::Pool& pool, source::Installation installation, std::span<const mapping::Mapping> mappings,
                      Params params, telemetry::Metrics& metrics, std::function<void(std::uint64_t)> sequenced)
    : pool_(pool),
      params_(params),
      sequenced_(std::move(sequenced)),
      looks_(metrics.counter("tributary_sequencer_looks_total")),
      waits_(metrics.counter("tributary_sequencer_waits_total")),
      failures_(metrics.counter("tributary_sequencer_failures_total")),
      enqueued_(metrics.counter("tributary_sequencer_enqueued_total")),
      commit_age_(metrics.histogram("tributary_sequencing_lag_seconds")),
      table_names_(sequenced_tables(mappings)),
      client_(pool, mappings),
      changed_(pool.executor()),
      heard_(table_names_),
      asleep_(params.longest_pause),
      held_(params.longest_pause),
      patience_(params.passes_before_waiting) {
  for (const auto& table : table_names_) {
    const telemetry::Metrics::Labels labels{{"table", table}};
    tables_.push_back({metrics.counter("tributary_sequenced_rows_total", labels),
                       metrics.counter("tributary_sequenced_tenancies_total", labels),
                       metrics.histogram("tributary_sequencer_batch_seconds", labels)});
  }
  for (int i = 0; i < installation.shards; ++i) {
    const auto range = shard_range(i, installation.shards);
    shards_.push_back({range, range.first});
  }
}

asio::awaitable<void> Sequencer::Impl::run(std::stop_token stop) {
  postgres::Listener listener(
      pool_.options(), {"tributary_change"}, [this](const postgres::Notification& heard) { notified(heard.payload); },
      source::presence_sql(source::Role::sequencer));
  Together parts(pool_.executor());
  std::stop_callback pass_on(stop, [&parts] { parts.request_stop(); });
  parts.start(listener.run(parts.stop_token()));
  parts.start(take_turns(parts.stop_token()));
  co_await parts.wait();
  // Nobody may be left to hear; the others, if there are any, say again that they sleep.
  try {
    co_await client_.announce(Announcement::awake);
  } catch (const postgres::Error&) {
    // Then commits go on notifying; nothing is lost.
  }
}

asio::awaitable<void> Sequencer::Impl::take_turns(std::stop_token stop) {
  std::exception_ptr defect;
  while (!stop.stop_requested() && !defect) {
    std::optional<postgres::Error> failure;
    try {
      co_await turn(stop);
      failures_on_end_ = 0;
    } catch (const postgres::Error& error) {
      failure = error;
    } catch (...) {
      defect = std::current_exception();
    }
    if (failure) co_await recover(*failure, stop);
  }
  co_await finish_workers();
  if (defect) std::rethrow_exception(defect);
}

/// One look, and what follows from it.
asio::awaitable<void> Sequencer::Impl::turn(std::stop_token stop) {
  rethrow_failure();
  if (!can_start()) {
    co_await changed_.wait(Deadline::after(params_.longest_pause), stop);
    co_return;
  }
  const auto announcement = next_announcement();
  notified_ = false;
  const auto rows_before = done_.rows;
  // Not twice on end: what nobody named must not wait for a pause between those that are named.
  const bool has_heard = !announcement && looked_ && start_heard();
  looked_ = !has_heard;
  if (!has_heard) {
    heard_.clear();
    auto found = co_await look(announcement);
    start(found);
    if (workers_ == 0) {
      co_await idle(found, stop);
      co_return;
    }
  }
  co_await changed_.wait(Deadline::after(params_.longest_pause), stop);
  if (done_.rows != rows_before) {
    held_.reset();
    if (workers_ == 0) co_await rest(stop);
  } else if (workers_ == 0 && !notified_) {  // all locked rows, or others' shards: not again at once
    co_await changed_.wait(Deadline::after(held_.next()), stop);
  }
}

/// What the next look has to tell those who write.
std::optional<Announcement> Sequencer::Impl::next_announcement() {
  std::optional<Announcement> announcement;
  if (std::exchange(fall_asleep_, false)) announcement = Announcement::sleeping;
  if (alarm_.too_often()) announcement = Announcement::awake;
  if (announcement) alarm_.reset();
  return announcement;
}

/// Nothing to do. Says so, looks once more, and waits.
asio::awaitable<void> Sequencer::Impl::idle(const Found& found, std::stop_token stop) {
  if (!found.whole) co_return;
  if (!found.asleep) {
    fall_asleep_ = true;
    asleep_.reset();
    co_return;
  }
  held_.reset();
  co_await changed_.wait(Deadline::after(asleep_.next()), stop);
}

/// After batches that took all there was.
asio::awaitable<void> Sequencer::Impl::rest(std::stop_token stop) {
  const auto batch = std::exchange(longest_batch_, {});
  if (std::exchange(left_rows_, false)) co_return;
  const auto until = Deadline::after(rest_after(batch));
  while (!until.expired() && !stop.stop_requested()) co_await changed_.wait(until, stop);
}

asio::awaitable<void> Sequencer::Impl::recover(const postgres::Error& error, std::stop_token stop) {
  failures_.add();
  telemetry::log(telemetry::Level::warning, "sequencer", "a look or a batch failed",
                 {{"error", error.what()}, {"sqlstate", error.sqlstate()}, {"failures", failures_on_end_ + 1}});
  const auto delay = kAfterFailure.delay(++failures_on_end_, std::uniform_real_distribution<>(0, 1)(random_));
  const auto until = Deadline::after(delay);
  while (!until.expired() && !stop.stop_requested()) co_await changed_.wait(until, stop);
}

asio::awaitable<void> Sequencer::Impl::finish_workers() {
  while (workers_ > 0) co_await changed_.wait(Deadline::never());
}

void Sequencer::Impl::rethrow_failure() {
  if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

asio::awaitable<Pass> Sequencer::Impl::pass(std::stop_token stop) {
  const auto before = done_;
  auto found = co_await look(std::nullopt);
  for (std::size_t i = 0; i < shards_.size() && !stop.stop_requested(); ++i) {
    if (found.tenancies[i].empty()) continue;
    while (!can_start()) co_await changed_.wait(Deadline::never());
    pass_by(i, found.tenancies[i]);
    start(i, std::move(found.tenancies[i]));
  }
  co_await finish_workers();
  rethrow_failure();
  const auto left = co_await look(std::nullopt);
  co_return Pass{done_.rows - before.rows, done_.tenancies - before.tenancies, !left.nothing || !left.whole};
}

void Sequencer::Impl::wake() {
  asio::post(pool_.executor(), [this] { notified({}); });
}

void Sequencer::Impl::notified(std::string_view whose) {
  heard_.add(whose);
  notified_ = true;
  alarm_.rang(Clock::now());
  changed_.set();
}

asio::awaitable<Found> Sequencer::Impl::look(std::optional<Announcement> announcement) {
  looks_.add();
  std::vector<ShardRange> ranges;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (shards_[i].busy) continue;
    ranges.push_back({shards_[i].next, shards_[i].range.last});
    places.push_back(i);
  }
  const auto looked = co_await client_.look(ranges, kTenanciesPerLook, announcement);

  Found found{
      .tenancies = std::vector<std::vector<Uuid>>(shards_.size()), .nothing = looked.tenancies.empty(), .asleep = looked.asleep};
  for (const auto& tenancy : looked.tenancies) {
    found.tenancies[static_cast<std::size_t>(shard_of(tenancy, static_cast<int>(shards_.size())))].push_back(tenancy);
  }
  for (const auto i : places) {
    const auto& tenancies = found.tenancies[i];
    const bool to_the_end = tenancies.size() < kTenanciesPerLook;
    patience_.listed(shards_[i].next, to_the_end ? shards_[i].range.last : tenancies.back(), tenancies);
    found.whole = found.whole && shards_[i].next == shards_[i].range.first;
    if (tenancies.empty()) shards_[i].next = shards_[i].range.first;
  }
  co_return found;
}

void Sequencer::Impl::start(Found& found) {
  for (std::size_t n = 0; n < shards_.size(); ++n) {
    const auto i = (first_shard_ + n) % shards_.size();
    if (found.tenancies[i].empty()) continue;
    if (!can_start()) {
      first_shard_ = i;
      return;
    }
    pass_by(i, found.tenancies[i]);
    start(i, std::move(found.tenancies[i]));
  }
}

/// Begins with the tenancies that notifications named, if all there is to do is known by name. False where nothing was begun.
bool Sequencer::Impl::start_heard() {
  if (heard_.needs_look()) return false;
  bool begun = false;
  for (auto& [shard, named] : heard_.take(static_cast<int>(shards_.size()))) {
    if (shards_[shard].busy || !can_start()) continue;  // the next look finds them
    start(shard, std::move(named.tenancies), named.table);
    begun = true;
  }
  return begun;
}

/// The shard's next look begins behind the tenancies that this one listed.
void Sequencer::Impl::pass_by(std::size_t shard, const std::vector<Uuid>& tenancies) {
  auto& state = shards_[shard];
  const bool to_the_end = tenancies.size() < kTenanciesPerLook || tenancies.back() == state.range.last;
  state.next = to_the_end ? state.range.first : successor(tenancies.back());
}

void Sequencer::Impl::start(std::size_t shard, std::vector<Uuid> tenancies, std::optional<std::size_t> table) {
  shards_[shard].busy = true;
  ++workers_;
  asio::co_spawn(pool_.executor(), work(shard, std::move(tenancies), table), [this, shard](std::exception_ptr error) {
    if (error && !failure_) failure_ = error;
    shards_[shard].busy = false;
    --workers_;
    changed_.set();
  });
}

/// One batch. What there is room for is shared out evenly; what one tenancy leaves is not given to another, since the next look comes at once.
asio::awaitable<void> Sequencer::Impl::work(std::size_t shard, std::vector<Uuid> tenancies, std::optional<std::size_t> table) {
  const auto per_batch = static_cast<std::size_t>(std::max(params_.rows_per_batch, 1));
  const auto even = std::max<std::size_t>(per_batch / tenancies.size(), 1);
  const auto share =
      tenancies.size() == 1 ? per_batch : std::min(even, static_cast<std::size_t>(std::max(params_.rows_per_tenancy, 1)));
  const Batch batch{
      static_cast<int>(shard), shards_[shard].range, tenancies, static_cast<std::int64_t>(share), table, std::nullopt};
  const auto began = Clock::now();
  const auto result = co_await sequence(batch);
  const bool all_numbered = result.locked && result.markers < share &&
                            std::ranges::all_of(result.tables, [&](const auto& table) { return table.rows < share; });
  longest_batch_ = std::max(longest_batch_, Clock::now() - began);
  left_rows_ = left_rows_ || !all_numbered;
  if (!all_numbered || table) co_return;
  for (const auto& tenancy : tenancies) patience_.numbered(tenancy);
  co_await wait_for_locked(shard, tenancies);
}

/// Waits for locked rows of one tenancy that has been listed again and again, if there is one. In a transaction of its own that has given no id
/// yet: only this shard waits with it.
asio::awaitable<void> Sequencer::Impl::wait_for_locked(std::size_t shard, const std::vector<Uuid>& tenancies) {
  const auto tenancy = std::ranges::find_if(tenancies, [&](const Uuid& id) { return patience_.ended(id); });
  if (tenancy == tenancies.end()) co_return;
  waits_.add();
  const Batch batch{static_cast<int>(shard), shards_[shard].range, std::span(tenancy, 1),
                    params_.rows_per_batch,  std::nullopt,         params_.lock_timeout};
  bool in_vain = false;
  try {
    const auto result = co_await sequence(batch);
    if (!result.locked) co_return;
  } catch (const postgres::Error& error) {
    in_vain = error.sqlstate() == "55P03" || error.sqlstate() == "40P01";  // lock_not_available, deadlock_detected
    if (!in_vain) throw;
  }
  patience_.waited(*tenancy, in_vain);
}

asio::awaitable<Sequenced> Sequencer::Impl::traced(Batch batch) {
  auto span = params_.tracer->start("external-db-sync.sequencer.iteration", {}, telemetry::SpanKind::producer);
  batch.traceparent = span.context().traceparent();
  std::exception_ptr failure;
  Sequenced result;
  try {
    result = co_await client_.sequence(batch);
  } catch (const postgres::Error& error) {
    span.fail(error.sqlstate(), error.what());
    failure = std::current_exception();
  }
  if (failure) std::rethrow_exception(failure);
  describe(span, {.number = iterations_, .tables = table_names_}, batch, result);
  co_return result;
}

asio::awaitable<Sequenced> Sequencer::Impl::sequence(Batch batch) {
  ++iterations_;
  const auto start = Clock::now();
  const auto result = params_.tracer == nullptr ? co_await client_.sequence(batch) : co_await traced(batch);
  const auto duration = Clock::now() - start;
  for (std::size_t i = 0; i < result.tables.size(); ++i) {
    if (result.tables[i].rows == 0) continue;
    tables_[i].rows.add(result.tables[i].rows);
    tables_[i].tenancies.add(result.tables[i].tenancies);
    tables_[i].seconds.observe(duration);
    done_.rows += result.tables[i].rows;
  }
  for (const auto age : result.commit_ages_us) commit_age_.observe(std::chrono::microseconds(age));
  done_.tenancies += result.enqueued;
  enqueued_.add(result.enqueued);
  if (result.enqueued > 0 && sequenced_) sequenced_(result.enqueued);
  co_return result;
}

Sequencer::Sequencer(postgres::Pool& pool, source::Installation installation, std::vector<mapping::Mapping> mappings,
                     Params params, telemetry::Metrics& metrics, std::function<void(std::uint64_t)> sequenced)
    : impl_(std::make_unique<Impl>(pool, installation, mappings, params, metrics, std::move(sequenced))) {}

Sequencer::~Sequencer() = default;

postgres::ConnectOptions Sequencer::session_settings(postgres::ConnectOptions options) {
  for (const auto& [name, value] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"synchronous_commit", "on"},  // an id that a destination has seen must not be forgotten
           {"default_transaction_isolation", "read committed"},
           {"TimeZone", "UTC"},
           {"lock_timeout", "0"},
           {"plan_cache_mode", "force_generic_plan"},
           {"jit", "off"},
           {"max_parallel_workers_per_gather", "0"},
           {"enable_seqscan", "off"},
           {"enable_bitmapscan", "off"},
           {"enable_hashjoin", "off"},
           {"enable_mergejoin", "off"},
           {"enable_sort", "off"},
           {"enable_incremental_sort", "off"}}) {
    options = options.with_setting(name, value);
  }
  return options;
}

asio::awaitable<void> Sequencer::run(std::stop_token stop) { co_await impl_->run(std::move(stop)); }
asio::awaitable<Pass> Sequencer::pass(std::stop_token stop) { co_return co_await impl_->pass(std::move(stop)); }
void Sequencer::wake() { impl_->wake(); }

}  // namespace tributary::sequencer
