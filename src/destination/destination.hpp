#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "mapping/mapping.hpp"
#include "postgres/copy.hpp"
#include "postgres/result.hpp"

namespace tributary::destination {

namespace asio = boost::asio;

/// Where a destination stands with one mapping: read from it, never only remembered by us.
struct Position {
  std::int64_t watermark = -1;   ///< highest sequence id applied
  std::int64_t generation = 0;   ///< raised by a resync; fences workers that read before it
  bool loading = false;          ///< first backfill into a table that was empty when it began
  bool adopted = false;          ///< nothing was applied yet, and it was not empty: it may hold rows that the source lacks
  bool complete =
      false;  ///< when the last batch was read every change of the mapping had its id: what is there is what the ids up to the watermark tell
  friend bool operator==(const Position&, const Position&) = default;
};

/// Changes of one mapping of one tenancy, all those with after < sequence id <= through, read once for every destination.
/// Tuples as mapping::fetch_sql delivers them.
struct Changes {
  const mapping::Mapping* mapping = nullptr;
  std::int64_t after = -1;
  std::int64_t through = -1;
  std::optional<postgres::Timestamp>
      complete_until;  ///< the source's clock up to which nothing is missing; nullopt: not known to be complete
  postgres::Timestamp read_at;  ///< the source's clock before it was read
  bool more = false;  ///< the source had further changes
  postgres::CopyBatch rows;
};

/// Changes as one destination applies them: only where it stands at `position`, whose watermark is `after`.
struct Batch {
  std::shared_ptr<const Changes> changes;
  Position position;
  bool completes = true;  ///< false: `complete_until` stays, as rows that were refused are missing
  std::optional<postgres::Timestamp> complete_until() const { return completes ? changes->complete_until : std::nullopt; }
};

enum class FailureKind {
  unavailable,  ///< cannot be reached, broke, out of resources: try again later
  timed_out,  ///< the same, but it may be that a batch was too large to end in time
  refused,  ///< wrong password, missing right, a table of another shape, another owner: somebody has to act; tried again, rarely
  row,  ///< maybe one row's fault (a value, a constraint, what a trigger raises): apply_sparing tells which, and lets the others pass
};
struct Failure {
  FailureKind kind = FailureKind::unavailable;
  std::string sqlstate;
  std::string message;  ///< one sentence for the operator and the customer, without secrets
};

/// What became of a batch. Only `durable` moves the watermark.
enum class Verdict {
  durable,  ///< applied, watermark included, safe from a crash of the destination
  fenced,  ///< somebody else moved the watermark or raised the generation: nothing was applied; read again
  again,  ///< nothing was applied, and the next try will take another way (a first load met a row that was there already)
  failed,
};
struct Outcome {
  Verdict verdict = Verdict::durable;
  Failure failure;  ///< where failed
};

/// One position per mapping asked for, or why that mapping cannot be written; or why nothing can.
struct Positions {
  std::vector<std::variant<Position, Failure>> of_mappings;
  std::optional<Failure> failure;
  bool of_another = false;  ///< that failure: nothing there is this tenancy's
  std::optional<Uuid> owner;  ///< then the tenancy whose it is, if of this installation
};

/// A key whose row was refused, as JSON object of target key column to text.
struct RefusedRow {
  std::string key;
  Failure failure;
};

/// A load under way: an open transaction at the destination into which one batch is streamed. Destroyed before commit(), it leaves nothing.
class Load {
 public:
  virtual ~Load() = default;
  /// Streams tuples; returns when they were handed to the kernel, so the slowest reader paces the writer and memory stays one chunk.
  /// nullopt: fine.
  virtual asio::awaitable<std::optional<Outcome>> write(const postgres::CopyBatch& chunk, Deadline deadline) = 0;
  /// Merges what was streamed, moves the watermark to `through`, commits. `caught_up`: the source had no more.
  virtual asio::awaitable<Outcome> commit(std::int64_t through, std::optional<postgres::Timestamp> complete_until, bool caught_up,
                                          Deadline deadline) = 0;
};

/// One place where a tenancy's rows go.
///
/// Order: batches of one mapping are applied in order, each read past the position that the one before left; fencing refuses any other.
/// Duplicates: applying a batch twice is the same as once. Parallelism: different mappings may be applied at the same time; of one mapping, the
/// position lets only one win. Memory: the caller bounds a batch; a Load holds one chunk. Threads: one event loop.
/// Errors: none are thrown for what the destination does; Asio's cancellation is.
class Destination {
 public:
  virtual ~Destination() = default;

  /// Creates what is missing, checks what is there, claims ownership for the tenancy, and reads where each mapping stands. Cached until
  /// something contradicts it.
  virtual asio::awaitable<Positions> positions(std::span<const mapping::Mapping* const> mappings, Deadline deadline) = 0;
  /// Highest sequence ids up to `bound` of rows that are there, by mapping; -1: none. Only where rows can be newer than the watermark, or have come under another
  /// id of the tenancy, as in the shared ClickHouse; elsewhere the watermark says it, and this does not look.
  using Newest = std::variant<std::vector<std::int64_t>, Failure>;
  virtual asio::awaitable<Newest> newest(std::span<const mapping::Mapping* const> mappings, std::int64_t bound,
                                         Deadline deadline) = 0;
  /// Small batches of several mappings, all or nothing, in one round trip.
  virtual asio::awaitable<Outcome> apply(std::span<const Batch* const> batches, Deadline deadline) = 0;
  /// The same for one mapping, leaving out rows that are refused. Where more than `most_refused` are, it was no row's fault: nothing is applied, and the
  /// failure is `refused`. `keep` is called with them before anything is committed and must have them stored when it returns; what it throws aborts the
  /// batch and is thrown on.
  using Keep = std::function<asio::awaitable<void>(std::vector<RefusedRow>)>;
  virtual asio::awaitable<Outcome> apply_sparing(const Batch& batch, std::size_t most_refused, Keep keep, Deadline deadline) = 0;
  /// Begins a large batch.
  struct Loading {
    std::unique_ptr<Load> load;
    Outcome outcome;  ///< where there is no load
  };
  virtual asio::awaitable<Loading> load(const mapping::Mapping& mapping, Position position, Deadline deadline) = 0;
  /// Gives up a tenancy's ownership once that is deleted and its tombstones are applied, so that another one may have this database.
  virtual asio::awaitable<Outcome> disown(Uuid tenancy, Deadline deadline) = 0;

  /// What was read past its position does not come soon: nobody need wait for it. (Where rows of several tenancies go together, one that has asked where it stands
  /// is waited for.)
  virtual void give_way() = 0;
  /// Where it stands is asked anew.
  virtual void forget() = 0;
  /// Idle connections are closed; forgets what is cached.
  virtual void close() = 0;
};

}  // namespace tributary::destination
