#include "verify/comparison.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/event.hpp"

namespace tributary::verify {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kFirstPause = 20ms;
constexpr std::chrono::milliseconds kLongestPause = 1s;
constexpr std::chrono::seconds kLook = 30s;  ///< at a watermark
/// Keys that are looked at together.
constexpr std::size_t kKeysAtOnce = 1'000;

Interval range_of(const Interval& interval, std::span<const Key> bounds, std::size_t i) {
  return {i == 0 ? interval.low : bounds[i - 1], i == bounds.size() ? interval.high : bounds[i]};
}

/// Both databases at work at the same time. What one of them throws is thrown once the other is done.
template <class A, class B>
asio::awaitable<std::pair<A, B>> both(asio::awaitable<A> first, asio::awaitable<B> second) {
  const auto executor = co_await asio::this_coro::executor;
  Event done(executor);
  bool is_done = false;
  std::exception_ptr failure;
  std::pair<A, B> results;
  asio::co_spawn(executor, std::move(second), [&](std::exception_ptr error, B result) {
    failure = error;
    results.second = std::move(result);
    is_done = true;
    done.set();
  });
  std::exception_ptr first_failure;
  try {
    results.first = co_await std::move(first);
  } catch (...) {
    first_failure = std::current_exception();
  }
  while (!is_done) co_await done.wait(Deadline::never());
  if (first_failure) std::rethrow_exception(first_failure);
  if (failure) std::rethrow_exception(failure);
  co_return results;
}

std::vector<std::size_t> differing(std::string_view expected, std::string_view actual) {
  std::vector<std::size_t> places;
  for (std::size_t place = 0; !expected.empty() && !actual.empty(); ++place) {
    const auto of = expected.substr(0, expected.find(','));
    if (of != actual.substr(0, actual.find(','))) places.push_back(place);
    expected.remove_prefix(of.size() + 1);
    actual.remove_prefix(actual.find(',') + 1);
  }
  return places;
}

Difference difference_of(Key key, const Columns& expected, const Columns& actual) {
  if (!actual) return {.kind = Difference::Kind::missing, .key = std::move(key), .columns = {}};
  if (!expected) return {.kind = Difference::Kind::extra, .key = std::move(key), .columns = {}};
  return {.kind = Difference::Kind::changed, .key = std::move(key), .columns = differing(*expected, *actual)};
}

}  // namespace

Comparison::Comparison(SourceSide& source, DestinationSide& destination, ComparisonParams params, Found found, Advanced advanced)
    : source_(source), destination_(destination), params_(params), found_(std::move(found)), advanced_(std::move(advanced)) {}

asio::awaitable<Progress> Comparison::run(Progress begun, std::stop_token stop) {
  progress_ = std::move(begun);
  stop_ = std::move(stop);
  const auto most = params_.range_rows * static_cast<std::int64_t>(params_.ranges_at_once);
  Progress done = progress_;
  while (!stop_.stop_requested()) {
    Interval segment;
    if (progress_.next && !progress_.next->empty()) segment.low = progress_.next;
    auto bounds = co_await source_.boundaries(segment, params_.range_rows, most + 1);
    if (bounds.size() == params_.ranges_at_once) {
      segment.high = std::move(bounds.back());
      bounds.pop_back();
    }
    co_await compare(segment, std::move(bounds), true);
    if (stop_.stop_requested()) break;  // this segment may have been left early: it is done again
    progress_.next = segment.high;
    done = progress_;
    co_await advanced_(done);
    if (!done.next) break;
  }
  co_return done;
}

asio::awaitable<void> Comparison::compare(Interval interval, std::vector<Key> bounds, bool counts) {
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());  // rows of the source may share a target key
  const auto [expected, actual] = co_await both(source_.checksums(interval, bounds), destination_.checksums(interval, bounds));
  for (std::size_t i = 0; i <= bounds.size() && !stop_.stop_requested(); ++i) {
    if (counts) progress_.rows += expected[i].rows;
    if (expected[i] != actual[i]) co_await narrow(range_of(interval, bounds, i), expected[i].rows, actual[i].rows);
  }
}

asio::awaitable<void> Comparison::narrow(Interval range, std::int64_t expected, std::int64_t actual) {
  if (std::max(expected, actual) > 2 * params_.range_rows) {
    Side& larger = expected > actual ? static_cast<Side&>(source_) : destination_;
    auto bounds = co_await larger.boundaries(range, params_.range_rows, params_.range_rows * Side::kMostBounds);
    std::erase_if(bounds, [&](const Key& key) { return key == range.low; });  // it would divide nothing
    if (!bounds.empty()) {
      co_await compare(range, std::move(bounds), false);
      co_return;
    }
  }
  co_await list(range);
}

asio::awaitable<void> Comparison::list(Interval range) {
  const auto [expected, actual] = co_await both(source_.digests(range), destination_.digests(range));
  std::vector<Key> keys;
  for (const auto& [key, digest] : expected) {
    const auto found = actual.find(key);
    if (found == actual.end() || found->second != digest) keys.push_back(key);
  }
  for (const auto& [key, digest] : actual) {
    if (!expected.contains(key)) keys.push_back(key);
  }
  for (std::size_t i = 0; i < keys.size() && !stop_.stop_requested(); i += kKeysAtOnce) {
    const auto end = std::min(i + kKeysAtOnce, keys.size());
    co_await settle({keys.begin() + static_cast<std::ptrdiff_t>(i), keys.begin() + static_cast<std::ptrdiff_t>(end)});
  }
}

asio::awaitable<void> Comparison::settle(std::vector<Key> keys) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (auto pause = kFirstPause; !stop_.stop_requested(); pause = std::min(2 * pause, kLongestPause)) {
    // In this order: what the destination had applied by then, it must show; and whatever the source says later was so before, or is pending.
    const auto watermark = co_await destination_.watermark(Deadline::after(kLook));
    const auto actual = co_await destination_.columns(keys);
    const auto expected = co_await source_.look(keys, watermark);
    std::vector<Difference> differences;
    std::vector<Key> open;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (expected[i].columns == actual[i]) continue;
      if (expected[i].pending)
        open.push_back(std::move(keys[i]));
      else
        differences.push_back(difference_of(std::move(keys[i]), expected[i].columns, actual[i]));
    }
    progress_.differences += static_cast<std::int64_t>(differences.size());
    if (!differences.empty()) co_await found_(std::move(differences));
    keys = std::move(open);
    if (keys.empty()) co_return;
    if (waited_ >= params_.patience) {
      progress_.undecided += static_cast<std::int64_t>(keys.size());
      co_return;
    }
    waited_ += pause;
    timer.expires_after(pause);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> repair(SourceSide& source, const std::vector<Difference>& differences) {
  std::vector<Key> rows;
  std::vector<Key> ghosts;
  for (const auto& difference : differences)
    (difference.kind == Difference::Kind::extra ? ghosts : rows).push_back(difference.key);
  co_await source.mend(rows, ghosts);
}

}  // namespace tributary::verify
