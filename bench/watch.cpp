#include "watch.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <stdexcept>
#include <thread>

namespace tributary::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kLookEvery = 100us;
constexpr auto kLongestLag = 60s;

double milliseconds(Clock::duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

struct Change {
  int number = 0;
  std::string row;
  Clock::time_point began;
  Clock::time_point committed;
  Clock::time_point seen;
};

/// `begun` counts the changes whose transaction has begun; all of them once it ends, also early.
void make_changes(const Watch& what, std::vector<Change>& changes, std::atomic<std::size_t>& begun,
                  const std::atomic<bool>& stop) {
  Session source(what.source);
  source.prepare("change", what.change);
  auto due = Clock::now();
  for (std::size_t i = 0; i < changes.size() && !stop; ++i, due += what.every) {
    std::this_thread::sleep_until(due);
    changes[i].began = Clock::now();
    begun = i + 1;
    begun.notify_one();
    source.execute("change", {changes[i].row, std::to_string(changes[i].number)});
    changes[i].committed = Clock::now();
  }
}

Clock::time_point see(Session& target, const Change& change) {
  const auto give_up = Clock::now() + kLongestLag;
  const auto number = std::to_string(change.number);
  while (target.execute("look", {change.row, number}) == 0) {
    if (Clock::now() > give_up) throw std::runtime_error("change " + number + " did not become visible");
    std::this_thread::sleep_for(kLookEvery);
  }
  return Clock::now();
}

}  // namespace

void Lags::append(const Lags& other) {
  visible_ms.insert(visible_ms.end(), other.visible_ms.begin(), other.visible_ms.end());
  commit_ms.insert(commit_ms.end(), other.commit_ms.begin(), other.commit_ms.end());
}

Lags watch(const Watch& what, int first, int count) {
  std::vector<Change> changes(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    auto& change = changes[static_cast<std::size_t>(i)];
    change.number = first + i;
    change.row = what.rows[static_cast<std::size_t>(change.number) % what.rows.size()];
  }
  Session target(what.target);
  target.prepare("look", what.look);

  std::atomic<std::size_t> begun{0};
  std::atomic<bool> stop{false};
  std::exception_ptr failure;
  {
    std::jthread writer([&] {
      try {
        make_changes(what, changes, begun, stop);
      } catch (...) {
        failure = std::current_exception();
        stop = true;
      }
      begun = changes.size();
      begun.notify_one();
    });
    try {
      for (std::size_t i = 0; i < changes.size(); ++i) {
        begun.wait(i);  // until it is another number: only this thread waits for it to grow past i
        if (stop) break;
        changes[i].seen = see(target, changes[i]);
      }
    } catch (...) {
      stop = true;
      throw;
    }
  }
  if (failure) std::rethrow_exception(failure);

  Lags lags;
  for (const auto& change : changes) {
    lags.visible_ms.push_back(std::max(0.0, milliseconds(change.seen - change.committed)));
    lags.commit_ms.push_back(milliseconds(change.committed - change.began));
  }
  return lags;
}

}  // namespace tributary::bench
