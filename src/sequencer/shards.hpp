#pragma once
#include "base/uuid.hpp"

namespace tributary::sequencer {

/// Shards part the space of tenancy ids by their first 64 bits, so that a shard is a range of every index that begins with the tenancy.
/// How many there are is stored in the source, never configured: two processes that disagreed would both give ids to one tenancy.
struct ShardRange {
  Uuid first;
  Uuid last;  ///< belongs to it
};

/// REQUIRES: 0 <= shard < shards.
ShardRange shard_range(int shard, int shards);
int shard_of(const Uuid& tenancy, int shards);

/// The next one in order; the last one's is itself.
Uuid successor(Uuid id);

}  // namespace tributary::sequencer
