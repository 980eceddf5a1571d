#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "destination/destination.hpp"
#include "mapping/mapping.hpp"
#include "postgres/copy.hpp"
#include "postgres/pool.hpp"
#include "postgres/transaction.hpp"

namespace tributary::sync {

namespace asio = boost::asio;
using destination::Changes;

/// What to read: changes of a mapping past a watermark.
struct Want {
  const mapping::Mapping* mapping = nullptr;
  std::int64_t after = -1;
  friend bool operator==(const Want&, const Want&) = default;
};

/// What a snapshot shows of what the source has no more, and no read from it will tell of.
struct Lost {
  std::string project, branch;  ///< where the tenancy is, or was when it was deleted; "": it is neither there nor remembered
  std::int64_t last_jump = -1;  ///< of global_seq_id; -1: none
  std::int64_t collected = -1;  ///< up to which id tombstones of the mapping's table may be gone; -1: none are
};

/// A large read under way: COPY inside a snapshot of its own, in the order of the sequence ids up to a limit, or the whole of a tenancy in no order. Destroyed early, it
/// closes its connection.
class ChangeStream {
 public:
  /// Without a limit: whole.
  ChangeStream(const mapping::Mapping& mapping, std::int64_t after, postgres::PooledConnection connection,
               postgres::Transaction transaction, postgres::CopyReader reader, std::optional<std::int64_t> limit,
               std::optional<postgres::Timestamp> complete_until, Lost lost);

  /// Next chunk of at most about `max_bytes`; false when there is none.
  asio::awaitable<bool> next(postgres::CopyBatch& chunk, std::size_t max_bytes, Deadline deadline);
  /// Takes no more: what was delivered until now is the batch, or of a whole, which has no order, worth nothing.
  asio::awaitable<void> stop(Deadline deadline);
  bool is_whole() const { return !limit_; }
  bool is_broken_off() const { return is_whole() && stopped_; }

  const mapping::Mapping& mapping() const { return mapping_; }
  std::int64_t after() const { return after_; }
  Lost lost() const { return lost_; }
  std::int64_t through() const { return through_; }  ///< of what next() delivered
  std::int64_t delivered() const { return delivered_; }  ///< changes
  std::size_t delivered_bytes() const { return delivered_bytes_; }
  bool caught_up() const { return ended_ && (!limit_ || delivered_ < *limit_); }
  /// Only once caught up, and only if the snapshot showed nothing unsequenced.
  std::optional<postgres::Timestamp> complete_until() const { return caught_up() ? complete_until_ : std::nullopt; }

 private:
  asio::awaitable<void> end(Deadline deadline);

  const mapping::Mapping& mapping_;
  const std::int64_t after_;
  const std::optional<std::int64_t> limit_;
  const std::optional<postgres::Timestamp> complete_until_;
  const Lost lost_;
  std::int64_t through_;
  std::int64_t delivered_ = 0;
  std::size_t delivered_bytes_ = 0;
  bool ended_ = false;
  bool stopped_ = false;
  // Destroyed in reverse: the stream, the transaction, the loan.
  postgres::PooledConnection connection_;
  postgres::Transaction transaction_;
  postgres::CopyReader reader_;
};

/// Changes of one snapshot, in the order of what was wanted.
struct ChangesRead {
  std::vector<std::shared_ptr<const Changes>> changes;
  std::vector<Lost> lost;
};

/// Parameters of the statements that take target keys, which are JSON objects: the tenancy, then an array (text[]) of each key column.
postgres::Params key_params(Uuid tenancy, const mapping::Mapping& mapping, const std::vector<std::string>& keys);

/// Reads one tenancy's changes from the source. Each call is one snapshot, so rows, joins and tombstones agree (invariant 5).
/// All throw postgres::Error. Threads: one loop, that of the connections; distinct calls may overlap.
class Reader {
 public:
  /// `kind`: of the destinations that it reads for.
  Reader(std::vector<mapping::Mapping> mappings, mapping::DestinationKind kind);

  const std::vector<mapping::Mapping>& mappings() const { return mappings_; }

  /// At most `limit` changes of each want, in one round trip.
  asio::awaitable<ChangesRead> read(postgres::Connection& source, Uuid tenancy, std::vector<Want> wants, std::int64_t limit,
                                    Deadline deadline);
  /// The present state of some target keys (JSON objects), as changes with sequence id 0 that move no watermark: after == through == `watermark`.
  asio::awaitable<std::shared_ptr<const Changes>> read_keys(postgres::Connection& source, Uuid tenancy,
                                                            const mapping::Mapping& mapping, std::vector<std::string> keys,
                                                            std::int64_t watermark, Deadline deadline);
  /// Whole where it is the tenancy's first and has less than `most_of_a_whole` rows; of many, as the source's statistics have it.
  asio::awaitable<std::unique_ptr<ChangeStream>> open(postgres::PooledConnection source, Uuid tenancy, Want want,
                                                      std::int64_t limit, std::int64_t most_of_a_whole, Deadline deadline);

 private:
  struct Texts {
    std::string fetch;
    std::string fetch_keys;
  };
  std::size_t place_of(const mapping::Mapping& mapping) const;
  const Texts& texts_of(const mapping::Mapping& mapping) const;
  postgres::Command state_command(Uuid tenancy) const;
  bool has_unsequenced(const postgres::Result& state, const mapping::Mapping& mapping) const;
  Lost lost(const postgres::Result& state, const mapping::Mapping& mapping) const;

  const mapping::DestinationKind kind_;
  const std::vector<mapping::Mapping> mappings_;
  const std::string state_;
  std::vector<Texts> texts_;
};

}  // namespace tributary::sync
