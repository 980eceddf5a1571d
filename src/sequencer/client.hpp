#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mapping/mapping.hpp"
#include "postgres/pool.hpp"
#include "sequencer/shards.hpp"

namespace tributary::sequencer {

namespace asio = boost::asio;

/// Values of tributary.sequencer_state.
enum class Announcement : std::int64_t { awake = 1, sleeping = 2 };

struct Looked {
  std::vector<Uuid> tenancies;  ///< with something to number, in the order of the ranges
  bool asleep = false;          ///< what is announced after this
};

struct TableCount {
  std::uint64_t rows = 0;
  std::uint64_t tenancies = 0;
};

struct Sequenced {
  bool locked = false;  ///< the shard was ours; everything below is zero otherwise
  std::uint64_t touched = 0;
  std::uint64_t enqueued = 0;
  std::uint64_t markers = 0;
  std::vector<TableCount> tables;  ///< in the order of sequenced_tables()
  std::vector<std::int64_t> commit_ages_us;  ///< of a few of the rows; empty where the source does not keep times of commits
};

/// One sequencing transaction.
struct Batch {
  int shard = 0;
  ShardRange range;
  std::span<const Uuid> tenancies;
  std::int64_t rows_per_tenancy = 0;
  std::optional<std::size_t> table;  ///< only its rows, of sequenced_tables(), and no markers
  std::optional<std::chrono::milliseconds> wait;  ///< set: wait so long for locked rows, before any id is given
  std::string traceparent = {};  ///< what the requests become part of; empty: nothing
};

/// What the sequencer says to the source: each call is one round trip on a connection of the pool.
/// Threads, cancellation and errors as postgres::Connection.
class Client {
 public:
  Client(postgres::Pool& pool, std::span<const mapping::Mapping> mappings);

  /// Tenancies that have something to number, at most `limit` from each range; announces first where asked to, so that what is
  /// looked for is newer than the announcement.
  asio::awaitable<Looked> look(std::vector<ShardRange> ranges, std::int64_t limit, std::optional<Announcement> announcement);
  asio::awaitable<Sequenced> sequence(Batch batch);
  asio::awaitable<void> announce(Announcement announcement);

 private:
  static postgres::Command announcing(Announcement announcement);

  postgres::Pool& pool_;
  const std::size_t tables_;
  const std::string look_sql_;
  const std::string sequencing_sql_;
  std::vector<std::string> sequencing_one_sql_;  ///< by table
  const std::string waiting_sql_;
};

}  // namespace tributary::sequencer
