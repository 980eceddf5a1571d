#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/backoff.hpp"
#include "base/uuid.hpp"
#include "mapping/mapping.hpp"
#include "postgres/pool.hpp"
#include "telemetry/trace.hpp"

/// "OutgoingRequest" and what is remembered of each destination. Plain functions over a connection to the source: the statements are the module.
/// All throw postgres::Error.
namespace tributary::queue {

namespace asio = boost::asio;
using mapping::DestinationKind;

/// Name of a kind in "OutgoingRequest"."destinationKind".
std::string_view to_string(DestinationKind kind);
/// Id of the shared ClickHouse among a tenancy's destinations. No customer's has this one: `destination add` takes no '@'.
inline constexpr std::string_view kSharedClickHouse = "@clickhouse";

/// Run-time parameters of the queue's sessions. Their commits need not be on disk: a claim or a finished request that a crash of the source forgets
/// is done again.
postgres::ConnectOptions session_settings(postgres::ConnectOptions options);
/// Goes first, in the same pipeline, where a commit of such a session must be on disk when it returns.
postgres::Command durable_commit();

/// Something is wrong with a destination, or with one mapping of it. No state is the healthy state.
struct DestinationState {
  std::string destination;
  std::string mapping;  ///< "" is the destination as a whole
  int attempts = 0;
  bool paused = false;
  bool due = true;  ///< its next try has come
  int quarantined = 0;  ///< keys of this mapping that the destination refused
  bool quarantine_due = false;  ///< one of those is to be tried again
};

/// Where a tenancy's rows go.
struct DestinationEntry {
  std::string id;
  std::string type;  ///< "postgres", "clickhouse"
  std::string connection_string;
};

/// One claimed request: everything the sync engine needs to know of the tenancy, read in the claiming statement. Each kind of destination has requests of its own
/// (docs/decisions/0010), so destinations and states are of one kind.
struct Claim {
  DestinationKind kind = DestinationKind::postgres;
  Uuid request;
  Uuid lease_token;
  std::optional<Uuid> tenancy;  ///< nullopt: the request's body names none (somebody else's malformed row)
  std::string project;
  std::string branch;
  bool exists = false;  ///< the tenancy does
  bool deleted = false;  ///< it is gone, and destinations still have to apply its tombstones
  std::int64_t last_jump = -1;  ///< ids up to there may have been given by a server that the source does not remember
  std::map<std::string, std::int64_t> collected;  ///< by table: up to which sequence id tombstones may be missing
  bool mending = false;  ///< something of it is being mended: what is known of its destinations by heart may not hold
  std::map<std::string, std::string> added;  ///< destinations that were added and not yet reached: when, as the source writes it
  std::string deleted_at;  ///< as the source writes it: which deletion, where it was made again and deleted again
  std::vector<DestinationEntry> destinations;
  std::vector<DestinationState> states;
  postgres::Timestamp server_started_at;  ///< tells the source's server from those that take its place
  std::string traceparent;  ///< the traces that it is part of, separated by blanks, as they stand in the queue; empty: none
  telemetry::TraceContext trace;  ///< what the work on it continues; not valid: nothing
  std::chrono::milliseconds waited{0};  ///< in the queue, by the source's clock
  std::chrono::steady_clock::time_point claimed_at = std::chrono::steady_clock::now();
};

/// Claims up to `limit` pending requests of a kind, oldest first, leaving out tenancies that are in flight (also under a lease that ran out, until revive() has
/// taken that request away: there is one at a time) and, where the fusebox says so, everything. `token`: a new one for each call; the claims carry it.
asio::awaitable<std::vector<Claim>> claim(postgres::Connection& connection, DestinationKind kind, Uuid token,
                                          std::chrono::milliseconds lease, int limit, Deadline deadline);
/// A request of this tenancy's, made and claimed at once, whatever else waits and whatever the fusebox says; none where one is in flight.
asio::awaitable<std::vector<Claim>> claim_tenancy(postgres::Connection& connection, DestinationKind kind, Uuid tenancy,
                                                  Uuid token, std::chrono::milliseconds lease, Deadline deadline);
/// Extends the leases of these requests: of those only that are still being worked on, or one that was given up would never be taken up by another.
/// Returns which there still were.
asio::awaitable<std::vector<Uuid>> renew(postgres::Connection& connection, std::vector<Uuid> requests,
                                         std::chrono::milliseconds lease, Deadline deadline);
/// Deletes the request if the lease is still ours. `again`: puts the tenancy at the end of the queue in the same transaction, as part of the same traces, and
/// behind since the same time. So does a server that did not give the request and finds it: what was noted since the claim may be lost there.
asio::awaitable<void> finish(postgres::Connection& connection, const Claim& claim, bool again, Deadline deadline);
asio::awaitable<void> enqueue(postgres::Connection& connection, DestinationKind kind, Uuid tenancy, Deadline deadline);
/// Of a kind: puts back requests whose lease ran out (dropped where a newer one is pending) and tenancies with a destination or a quarantined key
/// whose next try has come: about `limit` of each, as sequencers that enqueue one of them wait for the end of it. What would have to rest for longer than anything may has its
/// next try at the next call. Returns how many tenancies were enqueued. Not of every kind, and none of `ours`, which this
/// process works on: whoever is late to renew its leases must not lose them to itself, and have the more to do.
asio::awaitable<std::uint64_t> revive(postgres::Connection& connection, DestinationKind kind, std::chrono::milliseconds lease,
                                      std::int64_t limit, std::vector<Uuid> ours, Deadline deadline);

struct Counts {
  std::int64_t pending = 0;
  std::int64_t in_flight = 0;
  std::int64_t stale = 0;  ///< in flight with a lease that ran out
  std::int64_t parked = 0;  ///< (destination, mapping) pairs with an error
  std::int64_t quarantined = 0;
  std::int64_t mending = 0;  ///< (destination, mapping) pairs that are to be compared with the source and mended
  std::optional<std::chrono::milliseconds> oldest;  ///< age of the oldest pending request
};
asio::awaitable<Counts> counts(postgres::Connection& connection, Deadline deadline);
/// Of these tenancies only.
asio::awaitable<Counts> counts(postgres::Connection& connection, std::span<const Uuid> tenancies, Deadline deadline);

/// What a failure does to a (tenancy, destination, mapping).
struct Park {
  Uuid tenancy;
  std::string destination;
  std::string mapping;
  int attempts = 0;
  std::chrono::milliseconds retry_in{0};
  std::string sqlstate;
  std::string error;
};
/// Durable when it returns, like a new promise of postpone(), and forget_deleted_tenancy(): when the source crashes the claim survives, and finishing it after that must
/// not find the note gone.
asio::awaitable<void> park(postgres::Connection& connection, std::span<const Park> parks, Deadline deadline);
/// Forgets states after a success. Mapping by mapping; "" is the destination as a whole. Not where the claimed request is no longer there: its lease ran
/// out, others took over, and what they noted is all that remembers the destination. (Or it is finished, and the destination goes on by itself: then mappings only.)
asio::awaitable<void> unpark(postgres::Connection& connection, const Claim& claim, std::string destination,
                             std::vector<std::string> mappings, Deadline deadline);

/// A destination that is being worked on for longer than its tenancy's request lives: not to be tried by others before `retry_in`, and then tried even if
/// this process is gone by then. `also_failed`: also where an error is on record; what is on record already need not be durable.
asio::awaitable<void> postpone(postgres::Connection& connection, Uuid tenancy, std::string destination,
                               std::chrono::milliseconds retry_in, bool also_failed, Deadline deadline);
/// The same said anew; nothing where it is through, or parked, by now.
asio::awaitable<void> keep_postponed(postgres::Connection& connection, Uuid tenancy, std::string destination,
                                     std::chrono::milliseconds retry_in, Deadline deadline);
/// It has come through: forgotten, and its tenancy enqueued, in one transaction.
asio::awaitable<void> resume(postgres::Connection& connection, DestinationKind kind, Uuid tenancy, std::string destination,
                             Deadline deadline);

/// Drops what is remembered of a destination that is no longer configured. Not where it is by now, or somebody is just changing that, or others have taken the
/// claimed request over.
asio::awaitable<void> forget_destination(postgres::Connection& connection, const Claim& claim, std::string destination,
                                         Deadline deadline);

/// What is remembered of a mapping that this process does not know is not due for an hour.
asio::awaitable<void> set_mapping_aside(postgres::Connection& connection, Uuid tenancy, std::string destination,
                                        std::string mapping, Deadline deadline);

/// A key whose row was refused. `key` is a JSON object: target key column to value as text.
struct Refused {
  std::string key;
  std::string sqlstate;
  std::string error;
};
/// Durable when it returns (synchronous_commit = on): it must be before the watermark passes the row.
asio::awaitable<void> quarantine(postgres::Connection& connection, Uuid tenancy, std::string destination, std::string mapping,
                                 std::vector<Refused> refused, Backoff backoff, Deadline deadline);
/// Which of these keys are in quarantine, and were not refused since the source's clock said `read_at`.
asio::awaitable<std::vector<std::string>> releasable(postgres::Connection& connection, Uuid tenancy, std::string destination,
                                                     std::string mapping, std::vector<std::string> keys,
                                                     postgres::Timestamp read_at, Deadline deadline);
/// Forgets those keys, whose rows were applied as read at that time; not those that were refused since.
asio::awaitable<void> release(postgres::Connection& connection, Uuid tenancy, std::string destination, std::string mapping,
                              std::vector<std::string> keys, postgres::Timestamp read_at, Deadline deadline);
/// Quarantined keys that are due (`all`: every one), at most `limit`.
asio::awaitable<std::vector<std::string>> quarantined_keys(postgres::Connection& connection, Uuid tenancy,
                                                           std::string destination, std::string mapping, bool all, int limit,
                                                           Deadline deadline);

/// `tributary retry`: everything parked or quarantined that matches (empty matches all) is due now, and its tenancies are enqueued.
asio::awaitable<std::uint64_t> retry(postgres::Connection& connection, std::optional<Uuid> tenancy, std::string destination,
                                     std::string mapping, Deadline deadline);

/// These destinations have applied the tombstones of a deleted tenancy, which is forgotten once all have; not where it was deleted once more since the claim, or
/// others have taken the claimed request over.
asio::awaitable<void> forget_deleted_tenancy(postgres::Connection& connection, const Claim& claim,
                                             std::vector<std::string> destinations, Deadline deadline);
/// Its rows are to be taken out of its place in the shared ClickHouse: see LeftPlace. Durable. Nothing where the tenancy is forgotten already.
asio::awaitable<void> leave_place(postgres::Connection& connection, Uuid tenancy, Deadline deadline);
/// It is there, or was deleted and is not forgotten yet, or this connection is to a server that cannot tell: a replica, or one that has not jumped to `last_jump`.
asio::awaitable<bool> may_know_tenancy(postgres::Connection& connection, Uuid tenancy, std::int64_t last_jump, Deadline deadline);

}  // namespace tributary::queue
