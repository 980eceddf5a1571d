#include "verify/mender.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <map>

#include "base/backoff.hpp"
#include "base/event.hpp"
#include "telemetry/log.hpp"
#include "verify/collector.hpp"
#include "verify/start_over.hpp"
#include "verify/vacate.hpp"

namespace tributary::verify {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;

constexpr auto kQueryTime = 30s;
constexpr std::int64_t kAtOnce = 100;
/// A destination may be busy reading everything: the others have their turn meanwhile.
constexpr auto kCatchesUpIn = 2s;
constexpr Backoff kRetry{std::chrono::milliseconds(1'000), std::chrono::milliseconds(300'000)};

constexpr auto kClickHouseStartsIn = 120s;
constexpr auto kVacating = 30s;  // whatever takes longer is looked after later: others wait meanwhile

Deadline query_deadline() { return Deadline::after(kQueryTime); }

/// All tenancies' rows in the shared ClickHouse are behind one door.
queue::DestinationName server_of(const queue::DestinationName& destination) {
  if (destination.destination == queue::kSharedClickHouse) return {Uuid{}, destination.destination};
  return destination;
}

std::vector<std::string> names_of(const std::vector<mapping::Mapping>& mappings) {
  std::vector<std::string> names;
  for (const auto& mapping : mappings) names.push_back(mapping.name);
  return names;
}

}  // namespace

Mender::Mender(MenderParams params, const std::vector<mapping::Mapping>& mappings)
    : params_(std::move(params)), mappings_(mappings) {}

asio::awaitable<void> Mender::run(std::stop_token stop) {
  Event pause(co_await asio::this_coro::executor);
  Collector collector(params_, mappings_);
  auto next_collection = Deadline::after(params_.collection.every);
  while (!stop.stop_requested()) {
    bool busy = false;
    try {
      busy = co_await take_turn() && co_await pass(stop);
      if (has_turn_ && params_.collection.every > 0ms && next_collection.expired()) {
        co_await collector.pass(*source_, stop);
        next_collection = Deadline::after(params_.collection.every);
      }
    } catch (const postgres::Error& error) {
      source_.reset();
      telemetry::log(Level::warning, "mend", "the source failed, what is to be mended is looked for later",
                     {{"error", error.what()}});
    }
    co_await pause.wait(Deadline::after(busy ? params_.busy_pause : params_.idle_pause), stop);
  }
  source_.reset();
}

/// A lock of the session: when this process dies, another one has its turn.
asio::awaitable<bool> Mender::take_turn() {
  if (!source_ || !source_->usable()) {
    has_turn_ = false;
    source_.emplace(co_await postgres::Connection::open(queue::session_settings(params_.source),
                                                        Deadline::after(params_.destination.connect_timeout)));
  }
  if (has_turn_) co_return true;
  const auto result = co_await source_->execute("SELECT pg_try_advisory_lock(1414678851, 0)", query_deadline());
  has_turn_ = result.get<bool>(0, 0);
  co_return has_turn_;
}

asio::awaitable<bool> Mender::pass(std::stop_token stop) {
  const auto mends = co_await queue::open_mends(*source_, names_of(mappings_), kAtOnce, query_deadline());
  std::map<queue::DestinationName, std::string> unreachable;  // each is waited for once
  for (const auto& mend : mends) {
    const auto server = server_of(mend.destination);
    const auto known = unreachable.find(server);
    auto result = known != unreachable.end() ? Result{.error = known->second} : co_await try_to(mend, stop);
    if (stop.stop_requested()) break;
    if (result.cannot_be_reached) unreachable.emplace(server, result.error);
    if (!result.finished) co_await postpone(mend, std::move(result.error));
  }
  bool vacated = false;
  for (auto& place : co_await queue::left_places(*source_, params_.settling, 1, query_deadline())) {
    if (!stop.stop_requested()) vacated = co_await vacate(std::move(place), stop);
  }
  co_return !mends.empty() || vacated;
}

/// First the rows go, then it is noted: whoever dies in between leaves it to be done again. False: not this time.
asio::awaitable<bool> Mender::vacate(queue::LeftPlace place, std::stop_token stop) {
  bool is_empty = false;
  try {
    const auto server = params_.clickhouse();
    if (!server) co_return false;
    clickhouse::Client writer(co_await asio::this_coro::executor, server->writer);
    is_empty = co_await verify::vacate(writer, mappings_, place.project, place.branch, Deadline::after(kVacating), stop);
  } catch (const std::exception& error) {
    telemetry::log(Level::warning, "mend",
                   "the rows of a tenancy that was moved could not be taken from its old place, it is tried again",
                   {{"tenancy", place.tenancy.to_string()}, {"project", place.project}, {"error", error.what()}});
  }
  if (!is_empty) co_return false;
  co_await queue::forget_left_place(*source_, place, names_of(mappings_), query_deadline());
  telemetry::log(Level::info, "mend", "the rows of a tenancy that was moved are gone from its old place in ClickHouse",
                 {{"tenancy", place.tenancy.to_string()}, {"project", place.project}, {"branch", place.branch}});
  co_return true;
}

/// Those that are due come in the order in which they are: whatever is not done goes behind all others.
asio::awaitable<void> Mender::postpone(const queue::Mend& mend, std::string error) {
  if (error.empty()) {
    co_await queue::postpone_mend(*source_, mend, {.attempts = mend.attempts}, query_deadline());
    co_return;
  }
  const auto delay = kRetry.delay(mend.attempts + 1, std::uniform_real_distribution<double>(0, 1)(random_));
  telemetry::log(Level::warning, "mend", "a destination could not be compared and mended, it is tried again",
                 {{"tenancy", mend.destination.tenancy.to_string()},
                  {"destination", mend.destination.destination},
                  {"mapping", mend.mapping},
                  {"retry_in_ms", delay.count()},
                  {"error", error}});
  co_await queue::postpone_mend(*source_, mend, {.delay = delay, .attempts = mend.attempts + 1, .error = std::move(error)},
                                query_deadline());
}

asio::awaitable<Mender::Result> Mender::try_to(const queue::Mend& mend, std::stop_token stop) {
  Result result{.cannot_be_reached = true};
  try {
    const auto executor = co_await asio::this_coro::executor;
    Place place{.tenancy = mend.destination.tenancy,
                .project = mend.project,
                .branch = mend.branch,
                .destination = mend.destination.destination,
                .connection_string = params_.secrets.open(mend.connection_string)};
    const auto server = place.is_clickhouse() ? params_.clickhouse() : std::nullopt;
    if (place.is_clickhouse() && !expect_clickhouse(server.has_value())) co_return Result{};
    std::optional<clickhouse::Client> writer;
    std::optional<clickhouse::Client> reader;
    std::optional<ClickHouseAccess> access;
    if (server) {
      writer.emplace(executor, server->writer);
      reader.emplace(executor, server->reader);
      access.emplace(ClickHouseAccess{.writer = *writer, .reader = *reader, .as_tenant = server->as_tenant});
    }
    const auto pair = co_await Pair::open(params_.source, std::move(place), params_.destination, access);
    result.cannot_be_reached = false;
    const auto mapping = std::ranges::find(mappings_, mend.mapping, &mapping::Mapping::name);
    result.finished = co_await work_on(*pair, mend, *mapping, access, stop);
  } catch (const clickhouse::Error& failure) {
    result.cannot_be_reached = result.cannot_be_reached || failure.kind() == clickhouse::ErrorKind::connection;
    result.error = failure.what();
  } catch (const postgres::Error& failure) {
    // Whoever has let one question unanswered would let the next one be, too, while all others wait.
    result.cannot_be_reached = result.cannot_be_reached || failure.kind() == postgres::ErrorKind::deadline;
    result.error = failure.what();
  } catch (const std::exception& failure) {
    result.error = failure.what();
  }
  co_return result;
}

/// The embedded engine takes its time to start: nothing is wrong until that is over. False: not yet there.
bool Mender::expect_clickhouse(bool is_there) {
  if (is_there) {
    clickhouse_expected_.reset();
    return true;
  }
  if (!clickhouse_expected_) clickhouse_expected_ = Deadline::after(kClickHouseStartsIn);
  return clickhouse_expected_->expired();
}

/// Whether it is done.
asio::awaitable<bool> Mender::work_on(Pair& pair, const queue::Mend& mend, const mapping::Mapping& mapping,
                                      std::optional<ClickHouseAccess> clickhouse, std::stop_token stop) {
  if (mend.reads_everything && !mend.begun) {
    if (clickhouse)
      co_await start_over(clickhouse->writer, mend.destination.tenancy, mapping.name, query_deadline());
    else
      co_await start_over(*pair.destination(), params_.installation, mend.destination.tenancy, mapping.name, query_deadline());
    co_await queue::note_begun(*source_, mend, query_deadline());
  }
  if (!co_await pair.catches_up(mapping, Deadline::after(kCatchesUpIn), stop)) co_return false;
  const auto progress = co_await pair.compare(
      mapping, {.comparison = params_.comparison, .repairs = true}, {},
      [](std::vector<Difference>) -> asio::awaitable<void> { co_return; },
      [](const Progress&) -> asio::awaitable<void> { co_return; }, stop);
  if (stop.stop_requested() || progress.undecided > 0) co_return false;
  co_await queue::finish_mend(*source_, mend, progress.differences, query_deadline());
  telemetry::log(Level::info, "mend", "a destination was compared with the source and mended",
                 {{"tenancy", mend.destination.tenancy.to_string()},
                  {"destination", mend.destination.destination},
                  {"mapping", mend.mapping},
                  {"rows", progress.rows},
                  {"differences", progress.differences}});
  co_return true;
}

}  // namespace tributary::verify
