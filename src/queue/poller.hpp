#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/event.hpp"
#include "queue/queue.hpp"
#include "telemetry/metrics.hpp"

namespace tributary::queue {

struct PollerParams {
  DestinationKind kind = DestinationKind::postgres;  ///< whose requests it claims
  std::chrono::milliseconds lease{15'000};           ///< a worker that is silent for so long has lost its claims
  int max_claims = 256;                               ///< claimed and not finished at once, in this process
  std::chrono::milliseconds longest_pause{500};      ///< between looks while nobody wakes it
  /// Looking for stale leases and due retries; leases are renewed then, so a third of one is the most.
  std::chrono::milliseconds revive_every{1'000};
  telemetry::Tracer* tracer = nullptr;  ///< null: nothing is traced
  std::string process;  ///< a notification with this payload is not listened to: its sender is in this process and calls wake()
};

/// Claims queued tenancies under leases and hands them on; renews the leases; revives what was left behind.
///
/// One claim of a tenancy is handed on at a time. Where another process took the lease on it away and its tenancy is claimed here again, that claim waits for the end of the
/// first: whoever is too busy to keep its leases would have yet more to do, and all of it in vain.
///
/// Threads: run() and its pool belong to one loop; wake() and finished() may be called from any.
/// Lifetime: outlives every claim it handed out, until finished() was called for it. Errors: run() logs them and goes on after a backoff.
class Poller {
 public:
  using Dispatch = std::function<void(Claim)>;
  Poller(asio::any_io_executor executor, postgres::Pool& pool, PollerParams params, telemetry::Metrics& metrics,
         Dispatch dispatch);

  /// Until `stop`; then waits until everything handed out is finished. Listens to `tributary_queue` on a connection of its own.
  asio::awaitable<void> run(std::stop_token stop);
  /// There may be something to claim.
  void wake() { wake_.notify(); }
  /// A claim that was handed out is done with, finished or given up. From now on its lease is not renewed. REQUIRES: once for each.
  void finished(Uuid request);

  int in_progress() const { return in_progress_.load(); }

 private:
  asio::awaitable<void> poll(std::stop_token stop);
  asio::awaitable<void> maintain(std::stop_token stop);
  asio::awaitable<void> claim_some(std::stop_token stop);
  void hand_out(Claim claim);
  void hand_out_next(Uuid tenancy);
  std::optional<Uuid> forget(Uuid request);  ///< its tenancy
  asio::awaitable<void> renew_leases();
  std::vector<Uuid> requests() const;  ///< in order
  void trace(std::vector<Claim>& claims, std::chrono::steady_clock::time_point began) const;

  postgres::Pool& pool_;
  const PollerParams params_;
  asio::any_io_executor executor_;
  Dispatch dispatch_;
  Event wake_;
  Event next_round_;  ///< of maintain()
  /// Requests not finished, and their tenancies. One can be here twice: a server that took the source's place may not know that it was claimed. Owned by the loop.
  std::multimap<Uuid, std::optional<Uuid>> claimed_;
  /// Tenancies of which a claim was handed on, and the one that waits for the end of it. Owned by the loop.
  std::map<Uuid, std::optional<Claim>> next_of_;
  /// There may be a request that could not be claimed: of a tenancy whose last one is not finished, or for lack of room. Owned by the loop.
  bool passed_over_ = false;
  bool stopping_ = false;  ///< no more is claimed; owned by the loop
  std::atomic<int> in_progress_{0};
  telemetry::Counter& looks_;
  telemetry::Counter& claims_;
  telemetry::Counter& revived_;
  telemetry::Counter& errors_;
};

}  // namespace tributary::queue
