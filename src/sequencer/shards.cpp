#include "sequencer/shards.hpp"

#include <algorithm>
#include <cstdint>

namespace tributary::sequencer {
namespace {

__extension__ using Wide = unsigned __int128;

/// Least first half of an id that belongs to `shard`: shard * 2^64 / shards, rounded up.
Wide lower_bound(int shard, int shards) {
  const auto count = static_cast<Wide>(shards);
  return ((static_cast<Wide>(shard) << 64) + count - 1) / count;
}

Uuid from_half(std::uint64_t half, std::byte rest) {
  Uuid id;
  for (std::size_t i = 0; i < 8; ++i) id.bytes[i] = static_cast<std::byte>(half >> (56 - 8 * i));
  std::fill(id.bytes.begin() + 8, id.bytes.end(), rest);
  return id;
}

}  // namespace

ShardRange shard_range(int shard, int shards) {
  const auto first = static_cast<std::uint64_t>(lower_bound(shard, shards));
  const auto last = static_cast<std::uint64_t>(lower_bound(shard + 1, shards) - 1);
  return {from_half(first, std::byte{0x00}), from_half(last, std::byte{0xff})};
}

int shard_of(const Uuid& tenancy, int shards) {
  std::uint64_t half = 0;
  for (std::size_t i = 0; i < 8; ++i) half = half << 8 | std::to_integer<std::uint64_t>(tenancy.bytes[i]);
  return static_cast<int>(static_cast<Wide>(half) * static_cast<Wide>(shards) >> 64);
}

Uuid successor(Uuid id) {
  if (std::ranges::all_of(id.bytes, [](std::byte byte) { return byte == std::byte{0xff}; })) return id;
  for (auto byte = id.bytes.rbegin(); byte != id.bytes.rend(); ++byte) {
    *byte = static_cast<std::byte>(std::to_integer<unsigned>(*byte) + 1);
    if (*byte != std::byte{0}) break;
  }
  return id;
}

}  // namespace tributary::sequencer
